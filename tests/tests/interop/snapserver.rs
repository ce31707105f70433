//! Somebody else's API, declared as a trait: a part of what snapserver understands
//! (github.com/badaix/snapcast, `doc/json_rpc_api/control.md`).

use quickrpc::{CallError, Error, Sender, remote_api};
use quickrpc_tests::{Inbox, SOON, Snapserver, inbox};
use serde::{Deserialize, Serialize};

use crate::settled;

/// What rooms hear, and how loud.
#[remote_api(ignore_unknown)]
trait Snapcast {
    #[outgoing]
    #[name = "Server.GetRPCVersion"]
    fn version(&self) -> Version;

    #[outgoing]
    #[name = "Server.GetStatus"]
    fn status(&self) -> Status;

    #[outgoing]
    #[name = "Client.SetVolume"]
    fn set_volume(&self, id: &str, volume: Volume) -> Changed;

    #[outgoing]
    #[name = "Client.SetName"]
    fn set_name(&self, id: &str, name: &str) -> Changed;

    #[outgoing]
    #[name = "Group.SetMute"]
    fn set_mute(&self, id: &str, mute: bool) -> Changed;

    #[outgoing]
    #[name = "Server.MakeCoffee"]
    fn make_coffee(&self) -> Changed;

    /// Something has changed, and this is how everything is now.
    #[incoming]
    #[name = "Server.OnUpdate"]
    fn on_update(&self, server: Server);

    #[incoming]
    #[name = "Client.OnConnect"]
    fn on_player(&self, id: &str, client: Client);

    #[incoming]
    #[name = "Client.OnDisconnect"]
    fn on_player_gone(&self, id: &str);

    #[incoming]
    #[name = "Client.OnVolumeChanged"]
    fn on_volume_changed(&self, id: &str, volume: Volume);

    #[incoming]
    #[name = "Client.OnNameChanged"]
    fn on_name_changed(&self, id: &str, name: &str);

    #[incoming]
    #[name = "Group.OnMute"]
    fn on_mute(&self, id: &str, mute: bool);

    #[incoming]
    #[name = "Stream.OnUpdate"]
    fn on_stream(&self, id: &str, stream: Stream);
}

#[derive(Debug, Serialize, Deserialize)]
struct Version {
    major: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Status {
    server: Server,
}

#[derive(Debug, Serialize, Deserialize)]
struct Server {
    groups: Vec<Group>,
    streams: Vec<Stream>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Group {
    id: String,
    muted: bool,
    clients: Vec<Client>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Client {
    id: String,
    connected: bool,
    config: Config,
}

#[derive(Debug, Serialize, Deserialize)]
struct Config {
    name: String,
    volume: Volume,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Volume {
    muted: bool,
    percent: u8,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stream {
    id: String,
    status: String,
}

/// What was changed, and nothing else.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Changed {
    volume: Option<Volume>,
    name: Option<String>,
    mute: Option<bool>,
}

/// What one controller hears, in words.
fn controller(server: &Snapserver) -> (Snapcast, Inbox<String>) {
    let to = format!("restart:0.05:tcp:{}", server.addr());
    let api = Snapcast::builder()
        .codec("jrpc:\\n")
        .transport(to)
        .call_timeout(SOON)
        .build()
        .unwrap();
    let (seen, heard) = inbox();
    let tell = move |text: String| {
        let _ = seen.send(text);
    };
    let say = tell.clone();
    api.on_connect(move |_peer| say(String::from("connected")));
    let say = tell.clone();
    api.on_error(move |_peer, error, method| say(format!("{method:?}: {error}")));
    let say = tell.clone();
    api.on_update.connect(move |_sender, server| {
        let groups = server.groups.into_iter();
        let clients = groups
            .flat_map(|group| group.clients)
            .map(|client| client.id);
        say(format!(
            "players: {}",
            clients.collect::<Vec<_>>().join(" ")
        ));
    });
    let say = tell.clone();
    api.on_player.connect(move |_sender: &Sender, id, client| {
        say(format!("{id} is there: {}", client.connected));
    });
    let say = tell.clone();
    api.on_player_gone
        .connect(move |_sender, id| say(format!("{id} is gone")));
    let say = tell.clone();
    api.on_volume_changed.connect(move |_sender, id, volume| {
        say(format!("{id} at {} %", volume.percent));
    });
    let say = tell.clone();
    api.on_name_changed
        .connect(move |_sender, id, name| say(format!("{id} is {name}")));
    let say = tell.clone();
    api.on_mute
        .connect(move |_sender, _id, mute| say(format!("mute: {mute}")));
    api.on_stream
        .connect(move |_sender, id, stream| tell(format!("{id} is {}", stream.status)));
    assert!(api.unhandled_calls().is_empty());
    api.start().unwrap();
    (api, heard)
}

/// Waits for words, past all others: it says some things twice.
#[track_caller]
fn hears(heard: &Inbox<String>, expected: &str) {
    while heard.next() != expected {}
}

#[test]
fn a_controller() {
    let Some(server) = Snapserver::start() else {
        return;
    };
    let (here, heard_here) = controller(&server);
    let (there, heard_there) = controller(&server);
    for heard in [&heard_here, &heard_there] {
        hears(heard, "connected");
    }
    let snapcast = here.all();
    assert_eq!(settled(snapcast.version()).unwrap().major, 2);
    let status = settled(snapcast.status()).unwrap().server;
    assert!(status.groups.is_empty());
    assert_eq!(status.streams[0].id, "music");

    // A player comes: both are told.
    let player = server.player("kitchen");
    for heard in [&heard_here, &heard_there] {
        hears(heard, "players: kitchen");
    }

    // What one changes, the other is told.
    let volume = Volume {
        muted: false,
        percent: 36,
    };
    let changed = settled(snapcast.set_volume("kitchen", volume)).unwrap();
    assert_eq!(changed.volume, Some(volume));
    hears(&heard_there, "kitchen at 36 %");
    let changed = settled(snapcast.set_name("kitchen", "Küche")).unwrap();
    assert_eq!(changed.name.as_deref(), Some("Küche"));
    hears(&heard_there, "kitchen is Küche");
    let status = settled(there.all().status()).unwrap().server;
    let [group] = &*status.groups else {
        panic!("{status:?}");
    };
    let [client] = &*group.clients else {
        panic!("{status:?}");
    };
    assert!(client.connected && !group.muted);
    assert_eq!(client.config.volume, volume);
    assert_eq!(client.config.name, "Küche");
    let changed = settled(there.all().set_mute(&group.id, true)).unwrap();
    assert_eq!(changed.mute, Some(true));
    hears(&heard_here, "mute: true");

    // What it refuses, it says why.
    let Err(Error::Call(error)) = settled(snapcast.set_name("cellar", "x")) else {
        panic!("there is no such player");
    };
    assert_eq!(error.code, CallError::INTERNAL_ERROR);
    let data = error.data.as_ref().and_then(quickrpc::Value::as_str);
    assert_eq!(data, Some("Client not found"));
    let Err(Error::Call(error)) = settled(snapcast.make_coffee()) else {
        panic!("it makes no coffee");
    };
    assert_eq!(error.code, CallError::METHOD_NOT_FOUND);

    // Music plays, and a player goes.
    server.play();
    for heard in [&heard_here, &heard_there] {
        hears(heard, "music is playing");
    }
    drop(player);
    for heard in [&heard_here, &heard_there] {
        hears(heard, "kitchen is gone");
    }
}
