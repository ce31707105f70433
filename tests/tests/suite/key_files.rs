//! Where keys are read from: a file, or a pipe.

use std::io::Write as _;
use std::os::fd::AsRawFd as _;

use quickrpc::Error;
use quickrpc_tests::{KeyFile, Lab, LabInverse, OwnDir, bounded};

use crate::settled;

/// Why an API is not built.
fn refused(security: &str, transport: &str) -> String {
    let (security, transport) = (security.to_owned(), transport.to_owned());
    let built = bounded("an API that is built", move || {
        Lab::builder()
            .security(security)
            .transport(transport)
            .build()
    });
    let Err(Error::Config(why)) = built else {
        panic!("{built:?}");
    };
    why.to_string()
}

#[test]
fn what_is_no_file_is_said_to_be_none() {
    let dir = OwnDir::new();
    let pipe = dir.path("pipe");
    let made = std::process::Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(&pipe)
        .status();
    assert!(made.unwrap().success());
    let (pipe, folder) = (
        pipe.display().to_string(),
        dir.path("").display().to_string(),
    );
    for (path, said) in [
        (pipe.as_str(), "it is a pipe to which nobody writes"),
        (&folder, "it is a folder"),
        ("/dev/null", "it is no file"),
        ("/dev/zero", "it is no file"),
    ] {
        for (security, transport) in [
            (
                format!("hmac:hub?keys={path}"),
                String::from("tcpserv:127.0.0.1:0"),
            ),
            (
                format!("seal:hub?keys={path}&to=a"),
                String::from("tcpserv:127.0.0.1:0"),
            ),
            (
                String::from("null"),
                format!("wsserv:127.0.0.1:0?keys={path}"),
            ),
        ] {
            let why = refused(&security, &transport);
            assert!(why.contains(said) && why.contains(path), "{why}");
        }
    }
}

/// What a shell makes of `keys=<(cat keys.toml)`.
fn piped(text: &str) -> (std::io::PipeReader, String) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    let path = format!("/dev/fd/{}", reader.as_raw_fd());
    (reader, path)
}

#[test]
fn keys_come_from_a_pipe_as_well() {
    let table = KeyFile::table("alice", "alice", "");
    let file = KeyFile::with(&table);
    let (_hubs, hubs) = piped(&table);
    let hub = Lab::builder()
        .security(format!("hmac:hub?keys={hubs}"))
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    hub.echo.connect(|_sender, text| text.to_owned());
    hub.start().unwrap();
    // With `to`, too, for which it is read no second time.
    let (_alices, alices) = piped(&table);
    for keys in [alices, file.path()] {
        let alice = LabInverse::builder()
            .security(format!("hmac:alice?keys={keys}&to=hub"))
            .transport(format!("tcp:{}", hub.local_addrs()[0]))
            .build()
            .unwrap();
        alice.start().unwrap();
        assert_eq!(settled(alice.all().echo("a")).unwrap(), "a");
    }
}
