//! The same cases over every transport with every codec: `matrix::<transport>::<codec>::<case>`.
//!
//! What a transport can do is in `wire::TRANSPORTS` and `Carrier::abilities`, what a codec
//! writes in `raw::CODECS`. What is left out is in `test!`, with the reason.

mod endings;
mod raw;
mod talk;
mod wire;

use wire::Wire;

/// One test, unless there is a reason to have none.
macro_rules! test {
    (values_beyond_json $transport:ident lists) => {
        left_out!(
            values_beyond_json,
            "its JSON has neither bytes nor 128 bits"
        );
    };
    (split $transport:ident hmac) => {
        left_out!(split, "raw peers do not sign");
    };
    (split $transport:ident seal) => {
        left_out!(split, "raw peers do not encrypt");
    };
    (split internal $codec:ident) => {
        left_out!(split, "both ends are in the library");
    };
    (split restart_internal $codec:ident) => {
        left_out!(split, "both ends are in the library");
    };
    (split udp $codec:ident) => {
        left_out!(
            split,
            "a datagram has whole messages; for halves, see `udp`"
        );
    };
    (split restart_udp $codec:ident) => {
        left_out!(
            split,
            "a datagram has whole messages; for halves, see `udp`"
        );
    };
    (guest_loss process $codec:ident) => {
        left_out!(guest_loss, "the hub is the child, and ends with its guest");
    };
    (guest_loss restart_process $codec:ident) => {
        left_out!(guest_loss, "the hub is the child, and ends with its guest");
    };
    (hub_loss udp $codec:ident) => {
        left_out!(
            hub_loss,
            "nobody is connected; for deadlines, see `guest_loss`"
        );
    };
    (hub_loss restart_udp $codec:ident) => {
        left_out!(
            hub_loss,
            "nobody is connected; for deadlines, see `guest_loss`"
        );
    };
    (hub_restarts tcp $codec:ident) => {
        left_out!(hub_restarts, "a client without `restart:` has ended then");
    };
    (hub_restarts ws $codec:ident) => {
        left_out!(hub_restarts, "a client without `restart:` has ended then");
    };
    (hub_restarts tls $codec:ident) => {
        left_out!(hub_restarts, "a client without `restart:` has ended then");
    };
    (hub_restarts wss $codec:ident) => {
        left_out!(hub_restarts, "a client without `restart:` has ended then");
    };
    (hub_restarts unix $codec:ident) => {
        left_out!(hub_restarts, "a client without `restart:` has ended then");
    };
    (hub_restarts process $codec:ident) => {
        left_out!(hub_restarts, "a client without `restart:` has ended then");
    };
    (hub_restarts mux $codec:ident) => {
        left_out!(hub_restarts, "a client without `restart:` has ended then");
    };
    ($case:ident $transport:ident $codec:ident) => {
        #[test]
        fn $case() {
            super::super::cases::$case(super::super::Wire::of(
                stringify!($transport),
                stringify!($codec),
            ));
        }
    };
}

/// A test that says why it is none.
macro_rules! left_out {
    ($case:ident, $reason:literal) => {
        #[test]
        #[ignore = $reason]
        fn $case() {
            panic!("left out: {}", $reason);
        }
    };
}

macro_rules! each_case {
    ($transport:ident $codec:ident: $($case:ident)*) => {$(
        test!($case $transport $codec);
    )*};
    ($transport:ident $codec:ident) => {
        each_case!($transport $codec:
            calls errors notifications broadcasts big_messages values values_beyond_json
            byte_strings questions_back split guest_loss hub_loss stopping starting_again
            hub_restarts);
    };
}

macro_rules! each_codec {
    ($transport:ident: $($codec:ident)*) => {$(
        mod $codec {
            each_case!($transport $codec);
        }
    )*};
    ($transport:ident) => {
        each_codec!($transport: jrpc jrpc_lines jrpc_headers terse lists msgpack);
    };
}

macro_rules! each_transport {
    ($($transport:ident)*) => {$(
        mod $transport {
            each_codec!($transport);
        }
    )*};
}

/// The same with security providers, but for datagrams, in which there is less room then.
mod secured {
    use super::{Wire, cases};

    macro_rules! each_provider {
        ($($transport:ident)*) => {$(
            mod $transport {
                each_codec!($transport: hmac seal);
            }
        )*};
    }

    each_provider! {
        tcp ws unix internal process
        restart_tcp restart_ws restart_unix restart_internal restart_process
    }
}

each_transport! {
    tcp tls ws wss unix internal udp process mux
    restart_tcp restart_tls restart_ws restart_wss restart_unix restart_internal restart_udp
    restart_process restart_mux restart_mux_threads
}

mod cases {
    pub(super) use super::endings::*;
    pub(super) use super::raw::split;
    pub(super) use super::talk::*;
}
