//! STUB
/// x
#[derive(Debug)]
pub struct Subscription<T>(crossbeam_channel::Receiver<T>);
impl<T> Subscription<T> {
    pub(crate) fn new(r: crossbeam_channel::Receiver<T>, _c: crate::Connection) -> Self {
        Self(r)
    }
}
