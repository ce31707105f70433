//! Compiles and runs the code blocks of the README and of the documents beside it.

macro_rules! documents {
    ($($(#[$when:meta])* $name:ident = $path:literal;)*) => {
        $($(#[$when])* #[doc = include_str!($path)] struct $name;)*
    };
}

documents! {
    Readme = "../README.md";
    #[cfg(all(feature = "msgpack", unix))]
    Neovim = "../docs/neovim.md";
    #[cfg(feature = "msgpack")]
    MessagePack = "../docs/msgpack.md";
    Subscriptions = "../docs/subscriptions.md";
    #[cfg(feature = "websocket")]
    Http = "../docs/http.md";
    #[cfg(feature = "zmq")]
    ZeroMq = "../docs/zmq.md";
    #[cfg(feature = "hololinked")]
    Hololinked = "../docs/hololinked.md";
    #[cfg(feature = "zonis")]
    Zonis = "../docs/zonis.md";
    #[cfg(feature = "juggler")]
    Juggler = "../docs/juggler.md";
    Start = "../docs/guide/src/start.md";
    Log = "../docs/guide/src/log.md";
    Shutdown = "../docs/guide/src/shutdown.md";
    Async = "../docs/guide/src/async.md";
    Testing = "../docs/guide/src/testing.md";
    Platforms = "../docs/guide/src/platforms.md";
    Comparison = "../docs/guide/src/comparison.md";
    Python = "../docs/guide/src/python.md";
}
