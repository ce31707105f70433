//! How an input is taken apart.

/// Takes numbers from the front of the input, 0 when there is nothing left.
pub(crate) struct Data<'a>(pub(crate) &'a [u8]);

impl<'a> Data<'a> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub(crate) fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where a stream is cut into pieces: at these sizes, and the last one again and again.
pub(crate) struct Cuts(Vec<usize>);

impl Cuts {
    /// Nowhere.
    pub(crate) fn none() -> Self {
        Cuts(Vec::new())
    }

    /// Taken from the front of the input: each byte is a size, and 0 ends them.
    pub(crate) fn take(data: &mut Data<'_>) -> Self {
        let mut sizes = Vec::new();
        while sizes.len() < 8
            && let size @ 1.. = data.byte()
        {
            sizes.push(usize::from(size));
        }
        Cuts(sizes)
    }

    pub(crate) fn pieces<'a>(&self, bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let last = self.0.last().copied().unwrap_or(usize::MAX);
        let mut sizes = self.0.iter();
        let (mut data, mut pieces) = (Data(bytes), Vec::new());
        while !data.is_empty() {
            pieces.push(data.bytes(sizes.next().copied().unwrap_or(last)));
        }
        pieces
    }
}
