//! A client that says when its server is gone: `lab_watcher <codec> <transport>`.

use std::io::{self, Write};

use quickrpc_tests::LabInverse;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [codec, transport] = arguments.as_slice() else {
        return Err("usage: lab_watcher <codec> <transport>".into());
    };
    let hub = LabInverse::bind(codec, transport)?;
    let (gone, reasons) = std::sync::mpsc::channel();
    hub.on_disconnect(move |_peer, reason| {
        gone.send(reason.to_string()).ok();
    });
    hub.start()?;
    let sum = hub.all().add(2, 3).result()?;
    writeln!(io::stdout(), "ready {sum}")?;
    let reason = reasons.recv()?;
    writeln!(io::stdout(), "gone {reason}")?;
    Ok(())
}
