//! Who somebody is to a server: keys, credentials, what he may not, and whom it vouches for.

use std::path::PathBuf;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use quickrpc::Error;
use quickrpc_tests::{NatsServer, OwnDir, Release, SOON, eventually, inbox};

use super::ByHand;
use crate::parts::{Shop, ShopInverse, sees};

by_both_servers! {
    a_key_signs_and_lets_in
    a_file_of_credentials_lets_in
    who_may_not_hear_answers_is_told_so_at_once
    who_may_not_serve_is_told_which_subject
    the_broker_vouches_for_who_sends
    no_user_carries_a_name_of_another_one
}

fn written(dir: &OwnDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Two who are let in by these options find each other.
fn find_each_other(server: &NatsServer, one: &str, two: &str) {
    let shop = Shop::bind("jrpc", server.bound("lab", &format!("name=shop&{one}"))).unwrap();
    shop.add.connect(|_, a, b| a + b);
    shop.start().unwrap();
    let hub = ShopInverse::bind("jrpc", server.bound("lab", &format!("name=hub&{two}"))).unwrap();
    hub.start().unwrap();
    sees(&hub, 1);
    assert_eq!(hub.any().add(1, 2).result().unwrap(), 3);
}

/// Why it cannot be bound.
fn unbound(server: &NatsServer, options: &str) -> String {
    let bound = ShopInverse::bind("jrpc", server.bound("lab", options));
    bound.map(drop).unwrap_err().to_string()
}

/// Why it does not start.
fn refused(server: &NatsServer, options: &str) -> String {
    let api = ShopInverse::bind("jrpc", server.bound("lab", options)).unwrap();
    api.start().unwrap_err().to_string()
}

fn a_key_signs_and_lets_in(release: Release) {
    let (one, two, other) = (
        KeyPair::new_user(),
        KeyPair::new_user(),
        KeyPair::new_user(),
    );
    let config = format!(
        "authorization {{ users = [ {{ nkey: {} }}, {{ nkey: {} }} ] }}",
        one.public_key(),
        two.public_key()
    );
    let Some(server) = NatsServer::of(release, &config) else {
        return;
    };
    let dir = OwnDir::new();
    let options = |name: &str, key: &KeyPair| {
        let file = written(&dir, name, &format!("{}\n", key.seed().unwrap()));
        format!("nkey_file={}", file.display())
    };
    find_each_other(&server, &options("one", &one), &options("two", &two));
    let error = refused(&server, &options("other", &other));
    assert!(error.contains("refuses this login"), "{error}");
    let file = written(&dir, "public", &one.public_key());
    let error = unbound(&server, &format!("nkey_file={}", file.display()));
    assert!(error.contains("has no seed of a key"), "{error}");
    // Nobody has to reach a server to see that a file is not there.
    for option in [
        "nkey_file",
        "creds_file",
        "token_file",
        "user=a&password_file",
    ] {
        let error = unbound(&server, &format!("{option}=/nowhere/at/all"));
        assert!(error.contains("`/nowhere/at/all`: "), "{error}");
    }
    // A server without keys does not ask for a signature.
    let open = NatsServer::of(release, "authorization { token: t }").unwrap();
    let error = refused(&open, &options("one", &one));
    assert!(error.contains("asks for no signature"), "{error}");
}

/// A certificate, which an operator or an account gives.
fn jwt(issuer: &KeyPair, subject: &KeyPair, claims: serde_json::Value) -> String {
    let claims = serde_json::json!({
        "jti": "made-by-a-test",
        "iat": 1_700_000_000,
        "iss": issuer.public_key(),
        "sub": subject.public_key(),
        "name": "test",
        "nats": claims,
    });
    let encoded = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = serde_json::json!({"typ": "JWT", "alg": "ed25519-nkey"});
    let text = format!("{}.{}", encoded(&header), encoded(&claims));
    let signature = issuer.sign(text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// As NATS's tools write it.
fn credentials(jwt: &str, key: &KeyPair) -> String {
    format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         ************************* IMPORTANT *************************\n\
         NKEY Seed printed below can be used to sign and prove identity.\n\
         NKEYs are sensitive and should be treated as secrets.\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n\n\
         *************************************************************\n",
        key.seed().unwrap()
    )
}

fn a_file_of_credentials_lets_in(release: Release) {
    let (operator, account) = (KeyPair::new_operator(), KeyPair::new_account());
    let of_operator = jwt(
        &operator,
        &operator,
        serde_json::json!({"type": "operator", "version": 2}),
    );
    let limits = serde_json::json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
        "wildcards": true, "conn": -1, "leaf": -1
    });
    let of_account = jwt(
        &operator,
        &account,
        serde_json::json!({"type": "account", "version": 2, "limits": limits}),
    );
    let config = format!(
        "operator: {of_operator}\nresolver: MEMORY\nresolver_preload: {{ {}: {of_account} }}\n",
        account.public_key()
    );
    let Some(server) = NatsServer::of(release, &config) else {
        return;
    };
    let dir = OwnDir::new();
    let options = |name: &str, issuer: &KeyPair, key: &KeyPair| {
        let claims = serde_json::json!({
            "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1
        });
        let file = written(&dir, name, &credentials(&jwt(issuer, key, claims), key));
        format!("creds_file={}", file.display())
    };
    let (one, two, other) = (
        KeyPair::new_user(),
        KeyPair::new_user(),
        KeyPair::new_account(),
    );
    find_each_other(
        &server,
        &options("one", &account, &one),
        &options("two", &account, &two),
    );
    let error = refused(&server, &options("other", &other, &one));
    assert!(error.contains("refuses this login"), "{error}");
    let file = written(&dir, "none", "what is this?");
    let error = unbound(&server, &format!("creds_file={}", file.display()));
    assert!(error.contains("no file of credentials"), "{error}");
}

/// A server whose users, all with the password `secret`, have these permissions.
fn with_users(release: Release, users: &[(&str, &str)]) -> Option<(NatsServer, String)> {
    let mut config = "authorization { users = [\n".to_owned();
    for (user, permissions) in users {
        config +=
            &format!("{{ user: {user}, password: secret, permissions: {{ {permissions} }} }}\n");
    }
    config += "] }\n";
    let dir = OwnDir::new();
    let file = written(&dir, "password", "secret");
    let server = NatsServer::of(release, &config)?;
    // As long as the tests run.
    std::mem::forget(dir);
    Some((server, format!("password_file={}", file.display())))
}

const ANYTHING: &str = "publish: \">\", subscribe: \">\"";

fn who_may_not_hear_answers_is_told_so_at_once(release: Release) {
    let hub = "publish: \"lab.>\", subscribe: [\"lab.all.>\", \"lab.to.hub.>\"]";
    let users = [("hub", hub), ("shop", ANYTHING)];
    let Some((server, password)) = with_users(release, &users) else {
        return;
    };
    let options = |user: &str| format!("name={user}&user={user}&{password}");
    let shop = Shop::bind("jrpc", server.bound("lab", &options("shop"))).unwrap();
    let (said, heard) = inbox();
    shop.say.connect(move |_, text| {
        said.send(text.to_owned()).ok();
    });
    shop.add.connect(|_, a, b| a + b);
    shop.start().unwrap();
    let hub = ShopInverse::bind("jrpc", server.bound("lab", &options("hub"))).unwrap();
    let (told, trouble) = inbox();
    hub.on_error(move |_, error, _| {
        told.send(error.to_string()).ok();
    });
    hub.start().unwrap();
    let begun = Instant::now();
    for _ in 0..3 {
        let error = hub.to("shop").add(1, 2).result().unwrap_err();
        assert!(matches!(error, Error::Security(_)), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("lab.in.hub.") && text.contains("no answers can come"),
            "{text}"
        );
    }
    assert!(begun.elapsed() < SOON / 4);
    // Once, and nothing of what only NATS's own tools need.
    assert!(trouble.next().contains("lab.in.hub."));
    hub.to("shop").say("notifications need no answer").unwrap();
    assert_eq!(heard.next(), "notifications need no answer");
    assert_eq!(trouble.so_far(), Vec::<String>::new());
}

fn who_may_not_serve_is_told_which_subject(release: Release) {
    let shop =
        "publish: \">\", subscribe: [\"lab.all.>\", \"lab.to.>\", \"lab.in.>\", \"lab.any.who\"]";
    let users = [("shop", shop), ("hub", ANYTHING)];
    let Some((server, password)) = with_users(release, &users) else {
        return;
    };
    let options = |user: &str| format!("name={user}&user={user}&{password}");
    let shop = Shop::bind("jrpc", server.bound("lab", &options("shop"))).unwrap();
    shop.add.connect(|_, a, b| a + b);
    shop.who.connect(|_| "shop".to_owned());
    let (told, trouble) = inbox();
    shop.on_error(move |_, error, _| {
        told.send(error.clone()).ok();
    });
    shop.start().unwrap();
    let error = trouble.next();
    assert!(matches!(error, Error::Security(_)), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("\"lab.any.add\"") && text.contains("`any()`"),
        "{text}"
    );
    let hub = ShopInverse::bind("jrpc", server.bound("lab", &options("hub"))).unwrap();
    hub.start().unwrap();
    sees(&hub, 1);
    assert_eq!(hub.any().who().result().unwrap(), "shop");
    assert_eq!(hub.to("shop").add(1, 2).result().unwrap(), 3);
    let error = hub.any().add(1, 2).result().unwrap_err();
    assert!(matches!(error, Error::NoPeer { .. }), "{error}");
}

fn the_broker_vouches_for_who_sends(release: Release) {
    // As the documentation has it; the shop answers somebody who is no peer, too.
    let hub = "publish: [\"lab.by.hub.>\"], subscribe: [\"lab.by.*.all.>\", \"lab.by.*.to.hub.>\", \
               \"lab.by.*.in.hub.>\", \"lab.in.hub.>\"]";
    let shop = "publish: [\"lab.by.shop.>\", \"_INBOX.>\"], subscribe: [\"lab.by.*.all.>\", \
                \"lab.by.*.any.>\", \"lab.by.*.to.shop~1.>\", \"lab.by.*.in.shop~1.>\", \
                \"lab.in.shop~1.>\"]";
    let thief = "publish: [\"lab.by.thief.>\", \"_INBOX.>\", \"lab.in.>\"], subscribe: \">\"";
    let users = [("hub", hub), ("shop", shop), ("thief", thief)];
    let Some((server, password)) = with_users(release, &users) else {
        return;
    };
    let options = |user: &str| format!("user={user}&vouched=on&{password}");
    let shop = Shop::bind(
        "jrpc",
        server.bound("lab", &(options("shop") + "&name=shop~1")),
    )
    .unwrap();
    shop.add.connect(|_, a, b| a + b);
    shop.who.connect(|sender| {
        let user = sender.secinfo().get("user").cloned().unwrap_or_default();
        format!("{sender} is {user}")
    });
    let (told, trouble) = inbox();
    shop.on_error(move |_, error, _| {
        told.send(error.to_string()).ok();
    });
    let (asked, calls) = inbox();
    let (go_on, goes_on) = inbox();
    shop.slow.connect(move |sender, millis| {
        asked.send(format!("{sender} {millis}")).ok();
        goes_on.next();
        "shop".to_owned()
    });
    shop.start().unwrap();
    let hub =
        ShopInverse::bind("jrpc", server.bound("lab", &(options("hub") + "&name=hub"))).unwrap();
    let (told, of_hub) = inbox();
    hub.on_error(move |_, error, _| {
        told.send(error.to_string()).ok();
    });
    hub.start().unwrap();
    sees(&hub, 1);
    for handle in [hub.any(), hub.to("shop~1"), hub.all()] {
        assert_eq!(handle.who().result().unwrap(), "hub is hub");
        assert_eq!(handle.add(1, 2).result().unwrap(), 3);
    }
    let error = hub.to("nobody").add(1, 2).result().unwrap_err();
    assert!(matches!(error, Error::NoPeer { .. }), "{error}");
    // Somebody else is himself, whatever he says.
    let mut thief = ByHand::as_user(&server, "thief", "secret");
    let who = r#"{"jsonrpc":"2.0","method":"who","id":7}"#;
    thief.say("SUB _INBOX.> 1\r\nSUB lab.by.*.to.shop~1.> 2\r\n");
    thief.publish("lab.by.thief.any.who", "_INBOX.1", who);
    let (subject, answer) = thief.message();
    assert_eq!(subject, "_INBOX.1");
    assert!(answer.contains("_INBOX.1 is thief"), "{answer}");
    thief.publish("lab.by.thief.any.who", "lab.in.hub.abc.1-1", who);
    let text = trouble.next();
    assert!(
        text.contains("the user `thief` says that he is `hub`"),
        "{text}"
    );
    // The broker itself does not let him pass for another one.
    thief.publish("lab.by.hub.any.who", "_INBOX.2", who);
    assert!(
        thief.line().contains("-ERR 'Permissions Violation"),
        "no error"
    );
    // What nobody is vouched for is not heard.
    thief.publish("lab.in.shop~1.x.1", "", who);
    // He looks on, and answers in the place of another one.
    let call = hub.to("shop~1").slow(300);
    let (_, text) = thief.message();
    assert!(text.contains("slow"), "{text}");
    assert_eq!(calls.next(), "hub 300");
    let reply = thief.reply();
    let false_answer = text.replace("\"method\":\"slow\"", "\"result\":\"thief\"");
    thief.publish(&reply, "", &false_answer);
    thief.publish(&reply.replace("lab.", "lab.by.thief."), "", &false_answer);
    let text = of_hub.next();
    assert!(
        text.contains("the user `thief` has answered what `shop~1` was asked"),
        "{text}"
    );
    go_on.send(()).unwrap();
    assert_eq!(call.result().unwrap(), "shop");
    eventually("the thief is among nobody's peers", || {
        hub.peers().len() == 1 && shop.peers().len() == 1
    });
}

fn no_user_carries_a_name_of_another_one(release: Release) {
    // Two who may do all that they can for themselves, of whom one has a name that begins with the other's.
    let may =
        |user: &str| format!("publish: [\"lab.by.{user}.>\", \"_INBOX.>\"], subscribe: \">\"");
    let (a, ab) = (may("a"), may("a-b"));
    let Some((server, password)) = with_users(release, &[("a", &a), ("a-b", &ab)]) else {
        return;
    };
    let bound = |user: &str, name: &str| {
        let options = format!("user={user}&vouched=on&{password}&name={name}");
        server.bound("lab", &options)
    };
    // Not even here.
    let error = Shop::bind("jrpc", bound("a", "a-b")).map(drop).unwrap_err();
    assert!(error.to_string().contains("`a~..`"), "{error}");
    let shop = Shop::bind("jrpc", bound("a-b", "a-b")).unwrap();
    let (asked, calls) = inbox();
    let (go_on, goes_on) = inbox();
    shop.slow.connect(move |_, millis| {
        asked.send(millis).ok();
        goes_on.next();
        "a-b".to_owned()
    });
    shop.start().unwrap();
    let hub = ShopInverse::bind("jrpc", bound("a", "a~hub")).unwrap();
    let (told, of_hub) = inbox();
    hub.on_error(move |_, error, _| {
        told.send(error.to_string()).ok();
    });
    hub.start().unwrap();
    sees(&hub, 1);
    let names = || {
        let mut names: Vec<_> = hub
            .peers()
            .iter()
            .map(|peer| peer.name().to_owned())
            .collect();
        names.sort();
        names
    };
    let mut thief = ByHand::as_user(&server, "a", "secret");
    thief.say("SUB lab.by.*.to.a-b.> 1\r\n");
    // He is a program of his own user, and none of the other one.
    thief.publish("lab.by.a.all._here", "lab.in.a~2.token.x", "");
    eventually("he is among the peers", || names() == ["a-b", "a~2"]);
    let says = |thief: &mut ByHand, name: &str, text: &str| {
        thief.publish("lab.by.a.all._here", &format!("lab.in.{name}.token.x"), "");
        assert_eq!(of_hub.next(), text);
    };
    for name in ["a-b", "a-b~2", "a-2", "ab"] {
        let text = format!("security: the user `a` says that he is `{name}`");
        says(&mut thief, name, &text);
    }
    // Nor does he say good-bye for him, nor answer in his place.
    thief.publish("lab.by.a.all._bye", "lab.in.a-b.token.x", "");
    assert!(of_hub.next().contains("says that he is `a-b`"));
    let call = hub.to("a-b").slow(300);
    assert_eq!(calls.next(), 300);
    let text = loop {
        let (_, text) = thief.message();
        if text.contains("slow") {
            break text;
        }
    };
    let reply = thief.reply().replace("lab.", "lab.by.a.");
    let false_answer = text.replace("\"method\":\"slow\"", "\"result\":\"thief\"");
    thief.publish(&reply, "", &false_answer);
    let text = of_hub.next();
    assert!(
        text.contains("the user `a` has answered what `a-b` was asked"),
        "{text}"
    );
    go_on.send(()).unwrap();
    assert_eq!(call.result().unwrap(), "a-b");
    assert_eq!(names(), ["a-b", "a~2"]);
}
