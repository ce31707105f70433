//! What the tests of both brokers have in common: the broker itself, and peers behind it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use quickrpc::{Stream, remote_api};
use quickrpc_tests::{Mosquitto, NatsServer, SOON, eventually};

/// A broker that runs for a test.
pub(crate) trait Server: Sized {
    /// What a namespace there is bound as, with options.
    fn bound(&self, namespace: &str, options: &str) -> String;
    /// Where it listens.
    fn addr(&self) -> SocketAddr;
    /// Ends it, at once.
    fn kill(&mut self);
    /// Starts it again, on the same port.
    fn again(&mut self);
}

impl Server for NatsServer {
    fn bound(&self, namespace: &str, options: &str) -> String {
        self.bound(namespace, options)
    }

    fn addr(&self) -> SocketAddr {
        self.addr()
    }

    fn kill(&mut self) {
        self.kill();
    }

    fn again(&mut self) {
        self.again();
    }
}

impl Server for Mosquitto {
    fn bound(&self, namespace: &str, options: &str) -> String {
        self.bound(namespace, options)
    }

    fn addr(&self) -> SocketAddr {
        self.addr()
    }

    fn kill(&mut self) {
        self.kill();
    }

    fn again(&mut self) {
        self.again();
    }
}

#[remote_api]
pub(crate) trait Shop {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
    #[incoming]
    fn who(&self) -> String;
    #[incoming]
    fn slow(&self, millis: u64) -> String;
    #[incoming]
    fn say(&self, text: &str);
    #[outgoing]
    fn news(&self, text: &str);
}

pub(crate) fn shop(server: &impl Server, name: &str) -> Shop {
    shop_with(server, name, "")
}

/// The same with further options.
pub(crate) fn shop_with(server: &impl Server, name: &str, options: &str) -> Shop {
    let bound = server.bound("lab", &format!("name={name}{options}"));
    let shop = Shop::bind("jrpc", bound).unwrap();
    let me = name.to_owned();
    shop.add.connect(|_, a, b| a + b);
    shop.who.connect(move |_| me.clone());
    let me = name.to_owned();
    shop.slow.connect(move |_, millis| {
        std::thread::sleep(Duration::from_millis(millis));
        me.clone()
    });
    shop.start().unwrap();
    shop
}

/// One that takes nobody for gone who is slow, as on a machine where much else runs.
pub(crate) fn client(server: &impl Server, name: &str) -> ShopInverse {
    let bound = server.bound("lab", &format!("name={name}&probe=10"));
    let api = ShopInverse::bind("jrpc", bound).unwrap();
    api.start().unwrap();
    api
}

pub(crate) fn sees(api: &ShopInverse, count: usize) {
    eventually("all are there", || api.peers().len() == count);
}

#[remote_api]
pub(crate) trait Work {
    #[incoming]
    fn work(&self, millis: u64) -> u32;
    #[incoming]
    fn count(&self, to: u32) -> Stream<u32>;
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;
}

/// A worker process, which ends when it is dropped.
pub(crate) struct Worker(Child);

impl Worker {
    pub(crate) fn start(server: &impl Server, namespace: &str, name: &str) -> Self {
        Worker::bound(&server.bound(namespace, &format!("name={name}")))
    }

    /// One on this transport.
    pub(crate) fn bound(transport: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_broker_worker"));
        Worker::ready(command.args(["jrpc", transport]))
    }

    /// Starts a program and waits until it has said that it is ready.
    pub(crate) fn ready(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Worker(child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends it a signal, such as `-STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        let mut command = Command::new("kill");
        assert!(command.args([signal, &id]).status().unwrap().success());
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Programs that are no broker, each of which says one of these to whoever comes.
pub(crate) fn pretended(said: impl IntoIterator<Item = Vec<u8>>, bound: fn(SocketAddr) -> String) {
    for said in said {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let broker = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(SOON)).unwrap();
            // It may be gone already.
            let _ = stream.write_all(&said);
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
        });
        let hub = ShopInverse::bind("jrpc", bound(addr)).unwrap();
        if hub.start().is_ok() {
            hub.wait().ok();
            assert!(hub.any().who().result().is_err());
        }
        drop(hub);
        broker.join().unwrap();
    }
}

#[remote_api]
pub(crate) trait Double {
    #[outgoing]
    fn double(&self, x: i64) -> i64;
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

/// A program that calls `add`, says `ready`, and serves `double` for whoever asks any.
pub(crate) fn doubles(server: &impl Server, program: &mut Command) {
    let api = Double::bind("jrpc", server.bound("lab", "name=hub")).unwrap();
    api.add.connect(|_, a, b| a + b);
    api.start().unwrap();
    let _child = Worker::ready(program);
    for x in 0..10 {
        assert_eq!(api.any().double(x).result().unwrap(), 2 * x);
    }
}

/// Says something to somebody, and does not wait for anything.
pub(crate) fn publish(server: &Mosquitto, arguments: &[&str]) {
    let mut command = server.client("mosquitto_pub");
    let output = command.args(["-q", "1"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
