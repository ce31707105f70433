//! Several servers: one that is killed, one that is about to stop, and everybody is still there.

use std::time::{Duration, Instant};

use quickrpc::TransportState;
use quickrpc_tests::{NatsServer, Release, SOON, eventually, inbox};

use crate::parts::{Shop, ShopInverse, sees};

by_both_servers! {
    a_server_of_a_cluster_is_killed_and_others_go_on
    a_server_that_is_about_to_stop_is_left_without_losing_a_call
    a_lone_server_that_is_about_to_stop_is_used_to_its_end
}

fn again(server: &NatsServer, seconds: &str, name: &str) -> String {
    let bound = server.bound("lab", &format!("name={name}"));
    format!("restart:{seconds}:{bound}")
}

fn shop_at(server: &NatsServer, seconds: &str, name: &str) -> Shop {
    let shop = Shop::bind("jrpc", again(server, seconds, name)).unwrap();
    let me = name.to_owned();
    shop.who.connect(move |_| me.clone());
    let me = name.to_owned();
    shop.slow.connect(move |_, millis| {
        std::thread::sleep(Duration::from_millis(millis));
        me.clone()
    });
    shop.start().unwrap();
    shop
}

/// Everybody serves by now, wherever he is connected.
fn all_serve(hub: &ShopInverse, names: &[&str]) {
    eventually("all serve", || {
        names
            .iter()
            .all(|name| hub.to(*name).who().result().is_ok_and(|who| who == **name))
    });
    eventually("one of them is found", || hub.any().who().result().is_ok());
}

fn a_server_of_a_cluster_is_killed_and_others_go_on(release: Release) {
    let Some(mut servers) = NatsServer::cluster(release, 3) else {
        return;
    };
    // A minute: nobody waits for that as long as there is another server.
    let shops = [
        shop_at(&servers[0], "60", "one"),
        shop_at(&servers[1], "60", "two"),
        shop_at(&servers[2], "60", "three"),
    ];
    let hub = ShopInverse::bind("jrpc", again(&servers[0], "60", "hub")).unwrap();
    hub.start().unwrap();
    let names = ["one", "two", "three"];
    sees(&hub, 3);
    all_serve(&hub, &names);
    servers[0].kill();
    // Hub and one are elsewhere soon.
    let begun = Instant::now();
    all_serve(&hub, &names);
    let took = begun.elapsed();
    assert!(took < SOON, "{took:?}");
    sees(&hub, 3);
    // It comes back, and another one goes.
    servers[0].again();
    servers[1].kill();
    all_serve(&hub, &names);
    for shop in &shops {
        eventually("it sees all others", || shop.peers().len() == 3);
    }
}

fn a_server_that_is_about_to_stop_is_left_without_losing_a_call(release: Release) {
    let Some(servers) = NatsServer::cluster(release, 2) else {
        return;
    };
    let shop = shop_at(&servers[0], "60", "shop");
    let hub = ShopInverse::bind("jrpc", again(&servers[0], "60", "hub")).unwrap();
    let (said, downs) = inbox();
    hub.on_status(move |status| {
        if let TransportState::Down { reason, .. } = &status.state {
            said.send(reason.to_string()).ok();
        }
    });
    hub.start().unwrap();
    sees(&hub, 1);
    all_serve(&hub, &["shop"]);
    let call = hub.any().timeout(SOON).slow(800);
    servers[0].be_lame();
    assert_eq!(call.result().unwrap(), "shop");
    let reason = downs.next();
    assert!(reason.contains("about to stop"), "{reason}");
    all_serve(&hub, &["shop"]);
    assert_eq!(shop.peers().len(), 1);
}

fn a_lone_server_that_is_about_to_stop_is_used_to_its_end(release: Release) {
    let config = "lame_duck_grace_period: 1s\nlame_duck_duration: 31s\n";
    let Some(server) = NatsServer::of(release, config) else {
        return;
    };
    let _shop = shop_at(&server, "0.2", "shop");
    let hub = ShopInverse::bind("jrpc", again(&server, "0.2", "hub")).unwrap();
    hub.start().unwrap();
    sees(&hub, 1);
    server.be_lame();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(700) {
        assert_eq!(hub.any().who().result().unwrap(), "shop");
    }
}
