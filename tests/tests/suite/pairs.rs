//! Both sides of an API in one program, with options and with a caller who is known.

use std::time::Duration;

use quickrpc::{CallError, Error, Limits, Processing, remote_api};
use quickrpc_tests::{SOON, inbox};

use crate::{call_error, settled};

#[remote_api]
trait Vault {
    #[incoming]
    fn who(&self) -> String;
    #[incoming]
    #[require(role = "admin")]
    fn open(&self) -> bool;
    #[incoming]
    fn wait(&self) -> u8;
    #[incoming]
    fn size(&self, data: &[u8]) -> usize;
    #[outgoing]
    fn call_back(&self, text: &str) -> String;
}

fn serve(vault: &Vault) {
    vault.who.connect(|sender| {
        let known = sender.secinfo();
        format!(
            "{} {:?} {:?}",
            sender.name(),
            known.get("user"),
            known.get("roles")
        )
    });
    vault.open.connect(|_sender| true);
    vault.size.connect(|_sender, data| data.len());
    vault.on_error(|_, _, _| ());
}

#[test]
fn a_caller_has_a_name_a_user_and_roles() {
    for codec in ["jrpc", "terse"] {
        let pair = |user: &str, roles: &[&str]| {
            let (vault, caller) = Vault::builder().codec(codec).pair_as(user, roles);
            serve(&vault);
            (vault, caller)
        };
        let (_vault, alice) = pair("alice", &["admin", "clerk"]);
        assert_eq!(
            settled(alice.all().who()).unwrap(),
            r#"alice Some("alice") Some("admin clerk")"#
        );
        assert!(settled(alice.all().open()).unwrap());
        let (vault, bob) = pair("b?b: x=1", &[]);
        assert_eq!(
            settled(bob.all().who()).unwrap(),
            r#"b?b: x=1 Some("b?b: x=1") None"#
        );
        let refused = call_error(settled(bob.all().open()));
        assert_eq!(refused.code, CallError::FORBIDDEN);
        // It can be called by that name; nobody is known to the caller.
        bob.call_back.connect(|sender, text| {
            assert!(sender.secinfo().is_empty());
            text.to_owned()
        });
        let called = vault.to("b?b: x=1").call_back("hi");
        assert_eq!(settled(called).unwrap(), "hi");
    }
    let (vault, nobody) = Vault::pair();
    serve(&vault);
    assert_eq!(settled(nobody.all().who()).unwrap(), "inverse None None");
    assert_eq!(
        call_error(settled(nobody.all().open())).code,
        CallError::FORBIDDEN
    );
}

#[test]
fn roles_may_be_owned() {
    let roles = vec![String::from("admin")];
    let (vault, alice) = Vault::builder().pair_as("alice", &roles);
    serve(&vault);
    assert!(settled(alice.all().open()).unwrap());
}

#[test]
fn a_pair_has_the_options_of_its_builder_and_none_of_its_wires() {
    let (vault, caller) = Vault::builder()
        .processing(Processing::Manual)
        .call_timeout(Duration::from_millis(30))
        .limits(Limits {
            message_size: 1_000,
            ..Limits::default()
        })
        .authorize(|_sender, method| method != "who")
        // Nothing is opened of these.
        .transport("tcp:127.0.0.1:1")
        .bind("terse", "tcpserv:256.256.256.256.nowhere:1")
        .pair();
    serve(&vault);
    assert_eq!(vault.status().len(), 1);
    let (tell, told) = inbox();
    vault.on_pending(move || tell.send(()).unwrap());
    let size = caller.all().timeout(SOON).size(&[1, 2]);
    told.next();
    assert!(size.try_result().is_none());
    assert_eq!(vault.process_pending(), 1);
    assert_eq!(settled(size).unwrap(), 2);
    // Nobody runs this.
    let late = settled(caller.all().who());
    let is_late = matches!(&late, Err(Error::Timeout { after, .. }) if after.as_millis() == 30);
    assert!(is_late, "{late:?}");
    let large = settled(caller.all().size(&[0; 1_000]));
    assert!(
        matches!(large, Err(Error::MessageTooLarge { .. })),
        "{large:?}"
    );
    told.next();
    vault.process_pending();
    let refused = caller.all().timeout(SOON).who();
    told.next();
    vault.process_pending();
    assert_eq!(call_error(settled(refused)).code, CallError::FORBIDDEN);
}

#[test]
fn errors_can_be_compared() {
    let (vault, caller) = Vault::pair();
    vault
        .wait
        .connect(|_sender| Err::<u8, _>(CallError::new(7, "no").with_data("x")));
    let expected = CallError::new(7, "no").with_data("x");
    assert_eq!(settled(caller.all().wait()), Err(Error::Call(expected)));
    let other = CallError::new(7, "no").with_data("y");
    assert_ne!(settled(caller.all().wait()), Err(Error::Call(other)));
    caller.stop().unwrap();
    assert_eq!(settled(caller.all().wait()), Err(Error::Stopped));
}

#[test]
#[should_panic(expected = "cannot connect a pair in memory")]
fn wrong_options_panic() {
    let _pair = Vault::builder().codec("nonsense").pair();
}
