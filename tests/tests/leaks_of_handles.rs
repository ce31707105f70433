//! What is left after an API, on each system: no thread, and nothing that it had opened. One test
//! in a program of its own, since all of that is counted for the whole process. On Linux, `leaks`
//! says more.

use quickrpc_tests::{
    Authority, Lab, LabInverse, RefusingPort, Resources, bounded, eventually, own_bus, serve,
};

/// What this process holds now.
#[cfg(not(windows))]
fn held() -> Resources {
    Resources::now()
}

/// What this process holds now. Wine does not count handles; its server has a descriptor for most
/// of them, and who runs this under Wine says where it is in `/proc`.
#[cfg(windows)]
fn held() -> Resources {
    let process = remoteprocess::Process::new(std::process::id()).unwrap();
    let server = std::env::var("QUICKRPC_WINE_SERVER").ok();
    let handles = match server {
        Some(server) => std::fs::read_dir(format!("{server}/fd")).unwrap().count(),
        None => {
            let count = metrics_process::collector::collect().open_fds.unwrap();
            assert_ne!(count, 0, "the system does not count handles");
            usize::try_from(count).unwrap()
        }
    };
    Resources {
        threads: process.threads().unwrap().len(),
        descriptors: handles,
    }
}

/// Runs `cycle` often; the first times may leave what is made once for all.
#[track_caller]
fn leaves_nothing(what: &str, cycle: impl Fn()) {
    for _ in 0..3 {
        cycle();
    }
    let before = held();
    for _ in 0..10 {
        cycle();
    }
    // Others may have something in Wine's server for a moment; each cycle would leave something.
    let slack = if cfg!(windows) { 5 } else { 0 };
    eventually(what, || {
        let now = held();
        now.threads <= before.threads && now.descriptors <= before.descriptors + slack
    });
}

fn talk(caller: &LabInverse) {
    let sum = caller.all().add(2, 3);
    assert_eq!(bounded("the sum", move || sum.result()).unwrap(), 5);
}

/// A server, and a client that stops before it, or is dropped.
fn both(server: &str, client: &str, options: &str) {
    for stops in [true, false] {
        let lab = Lab::bind("terse", server).unwrap();
        let served = serve(&lab);
        lab.start().unwrap();
        let address = lab.local_addrs()[0];
        let caller = LabInverse::bind("terse", format!("{client}:{address}{options}")).unwrap();
        caller.start().unwrap();
        talk(&caller);
        if stops {
            caller.stop().unwrap();
            lab.stop().unwrap();
        }
        drop(served);
    }
}

#[test]
fn nothing_is_left_behind() {
    leaves_nothing("tcp", || both("tcpserv:127.0.0.1:0", "tcp", ""));
    leaves_nothing("ws", || both("wsserv:127.0.0.1:0", "ws", ""));
    let authority = Authority::new("lab");
    let identity = authority.server().options();
    let believing = format!("?ca={}", authority.file().display());
    let server = format!("tlsserv:127.0.0.1:0?{identity}");
    leaves_nothing("tls", || both(&server, "tls", &believing));
    leaves_nothing("mux", || {
        let parts = "mux:(tcpserv:127.0.0.1:0)(wsserv:127.0.0.1:0)";
        both(parts, "tcp", "");
    });
    leaves_nothing("a child", || {
        let program = env!("CARGO_BIN_EXE_lab_stdio");
        let caller = LabInverse::bind("terse", format!("process:({program} terse)")).unwrap();
        caller.start().unwrap();
        talk(&caller);
        caller.stop().unwrap();
    });
    leaves_nothing("a bus", || {
        let bus = format!("internal:{}:", own_bus());
        let lab = Lab::bind("terse", bus.as_str()).unwrap();
        let _served = serve(&lab);
        let caller = LabInverse::bind("terse", bus.as_str()).unwrap();
        lab.start().unwrap();
        caller.start().unwrap();
        talk(&caller);
    });
    leaves_nothing("a failed start", || {
        let nobody = RefusingPort::new();
        let parts = format!("mux:(tcpserv:127.0.0.1:0)(tcp:{})", nobody.addr());
        let lab = Lab::bind("terse", parts).unwrap();
        lab.start().unwrap_err();
    });
    leaves_nothing("attempts to connect again", || {
        let nobody = RefusingPort::new();
        let again = format!("restart:1:tcp:{}", nobody.addr());
        let lab = Lab::bind("terse", again).unwrap();
        lab.start().unwrap();
    });
}
