//! Large buffers are used again: fresh memory costs a page fault for each 4 KiB, which is
//! more than copying a message into it.

use std::sync::Mutex;

use crate::base::sync::lock;

/// From this size on a buffer is worth keeping.
pub(crate) const LARGE: usize = 64 << 10;
/// All buffers that are kept, for all APIs of the program, have no more bytes than this.
const MOST: usize = 8 << 20;

/// Guards the buffers, the one used last at the end; a leaf in the lock order.
static BUFFERS: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// An empty buffer for a large message.
pub(crate) fn take() -> Vec<u8> {
    lock(&BUFFERS).pop().unwrap_or_default()
}

/// Gives a buffer back, or its memory to the system.
pub(crate) fn give(mut buffer: Vec<u8>) {
    if buffer.capacity() < LARGE {
        return;
    }
    buffer.clear();
    let mut buffers = lock(&BUFFERS);
    let kept: usize = buffers.iter().map(Vec::capacity).sum();
    if kept + buffer.capacity() <= MOST {
        buffers.push(buffer);
    }
}
