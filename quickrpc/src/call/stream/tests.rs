//! Streams as a user sees them, without a wire.
use super::*;

#[test]
fn a_channel_passes_items() {
    let (items, mut numbers) = Stream::<u8, &str>::channel();
    let thread = std::thread::spawn(move || {
        for number in 0..100 {
            items.send(number)?;
        }
        items.finish("done")
    });
    let all: Result<Vec<u8>> = numbers.by_ref().collect();
    assert_eq!(all.unwrap(), (0..100).collect::<Vec<_>>());
    assert_eq!(numbers.result().unwrap(), "done");
    thread.join().unwrap().unwrap();
}

#[test]
fn a_future_without_items_runs_all_the_same() {
    let stream = Stream::<u8, u8>::future(|_items| async { Ok(7) });
    assert_eq!(stream.result().unwrap(), 7);
    let failing = Stream::<u8>::future(|items| async move {
        drop(items);
        Err(Error::Cancelled)
    });
    assert!(matches!(failing.result(), Err(Error::Cancelled)));
}
