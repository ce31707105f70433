//! Several threads that wait for answers over one connection: each writes by itself, and one
//! thread reads for all and wakes whose answer it is.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex, OnceLock};
use std::thread::{self, Thread};

use super::client::FloorClient;
use crate::message::{FIRST_ID, Frames};
use crate::{BoxError, Result};

#[derive(Default)]
struct Caller {
    thread: OnceLock<Thread>,
    answered: AtomicBool,
}

pub(super) fn run(client: &mut FloorClient, callers: usize, count: usize) -> Result {
    let body = client.body;
    let writer = Mutex::new(client.stream.try_clone()?);
    let slots: Vec<Caller> = (0..callers).map(|_| Caller::default()).collect();
    let ready = Barrier::new(callers);
    let each = count.div_ceil(callers);

    let read = |frames: &mut Frames, stream: &TcpStream| -> Result {
        let mut left = callers * each;
        while left > 0 {
            if frames.fill(stream)? == 0 {
                return Err("the server is gone".into());
            }
            while let Some(frame) = frames.next_frame() {
                let id = body.sum(frames.frame(frame))?;
                let slot = slots.get((id - FIRST_ID) as usize).ok_or("a wrong id")?;
                slot.answered.store(true, Ordering::Release);
                if let Some(thread) = slot.thread.get() {
                    thread.unpark();
                }
                left -= 1;
            }
        }
        Ok(())
    };
    let call = |number: usize| -> Result {
        let slot = slots.get(number).ok_or("a wrong number")?;
        slot.thread.get_or_init(thread::current);
        ready.wait();
        let mut out = Vec::new();
        for _ in 0..each {
            out.clear();
            body.call(&mut out, FIRST_ID + number as u64)?;
            slot.answered.store(false, Ordering::Relaxed);
            writer
                .lock()
                .map_err(|_| BoxError::from("a panic"))?
                .write_all(&out)?;
            while !slot.answered.load(Ordering::Acquire) {
                thread::park();
            }
        }
        Ok(())
    };

    thread::scope(|scope| {
        for number in 0..callers {
            let call = &call;
            scope.spawn(move || call(number));
        }
        // The reader is this thread.
        let done = read(&mut client.frames, &client.stream);
        if done.is_err() {
            // Whoever still waits finds that it cannot send any more.
            client.stream.shutdown(Shutdown::Both).ok();
            for slot in &slots {
                slot.answered.store(true, Ordering::Release);
                slot.thread.get().map(Thread::unpark);
            }
        }
        done
    })
}
