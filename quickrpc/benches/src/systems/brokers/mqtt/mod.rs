//! MQTT 5 by hand, and by `rumqttc`.

mod hand;
mod line;
mod rumqttc;

pub(super) use self::rumqttc::Rumqttc;
pub(super) use hand::{Hand, Receivers};

/// Those who share the calls.
const SHARED: &str = "$share/workers/lab/any/add";
