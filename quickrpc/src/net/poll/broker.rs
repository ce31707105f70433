//! Brokers: connecting, looking after those behind them, and the end.

use std::sync::Arc;
use std::time::Instant;

use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::sync::{after, lock};
use crate::carrier::broker::Settings;
use crate::carrier::stream::Stream;

use super::super::addresses::Addresses;
use super::super::addresses::broker::Broker;
use super::super::conn::Conn;
use super::super::link::Link;
use super::{Loop, Timer};

impl Loop {
    /// The connection to a broker is there.
    pub(crate) fn join_broker(
        &mut self,
        index: usize,
        link: &Arc<Link>,
        settings: &Arc<Settings>,
        stream: Stream,
        input: Vec<u8>,
    ) {
        let more = !input.is_empty() || stream.has_unread();
        let (around, keeper) = (self.net.me.clone(), self.net.me.clone());
        let (budget, wire) = (&self.net.budget, &link.wire);
        // What the beginning has found out of the broker.
        let Some(tongue) = settings.begun() else {
            let text = "the connection to the broker has not begun";
            let error = Error::Start {
                transport: Arc::clone(&link.wire.name),
                reason: text.into(),
                kind: None,
            };
            return self.failed(index, error);
        };
        let behind = (wire, index);
        let broker = Broker::new(around, keeper, budget, behind, settings, *tongue, stream);
        let line = Arc::clone(&broker.line);
        line.preset_input(input);
        lock(&self.net.peers).add_wire(Arc::clone(&broker) as Arc<dyn Addresses>);
        if let Some(state) = self.states.get_mut(index) {
            state.broker = Some(Arc::clone(&broker));
        }
        self.watch(&line);
        broker.begin(self.above.serves());
        let everyone = Addresses::everyone(&*broker);
        if everyone.outlet.keeps_values() {
            self.above.keeps(everyone);
        }
        self.after(
            after(broker.period()),
            Timer::Broker(Arc::downgrade(&broker)),
        );
        if more {
            self.read_again(&line);
        }
        self.opened(index);
    }

    /// Some time has passed.
    pub(crate) fn tick(&mut self, broker: &Arc<Broker>, now: Instant) {
        broker.tick(&*self.above, now);
        if !broker.line.is_closed() {
            self.after(
                after(broker.period()),
                Timer::Broker(Arc::downgrade(broker)),
            );
        }
    }

    fn brokers(&self) -> Vec<Arc<Broker>> {
        let brokers = self.states.iter().filter_map(|state| state.broker.clone());
        brokers.collect()
    }

    /// Other methods than before have a handler.
    pub(crate) fn serve(&mut self) {
        for broker in self.brokers() {
            broker.serve(self.above.serves());
        }
    }

    /// A connection has room for what was offered to those behind it.
    pub(crate) fn room_behind(&mut self, line: &Conn) {
        let wire = lock(&self.net.peers).wire_at(line.link).cloned();
        for conn in wire.iter().flat_map(|wire| wire.all()) {
            self.above.room(&conn);
        }
    }

    /// Says good-bye to all brokers; gives the connections, which have to be flushed and closed.
    pub(crate) fn leave_brokers(&mut self) -> Vec<Arc<Conn>> {
        let brokers = self.brokers();
        brokers.iter().for_each(|broker| broker.leave());
        brokers
            .iter()
            .map(|broker| Arc::clone(&broker.line))
            .collect()
    }

    /// One of those behind a broker was closed.
    pub(crate) fn forget_behind(&mut self, conn: &Conn) {
        let state = self.states.get(conn.link);
        if let Some(broker) = state.and_then(|state| state.broker.as_ref()) {
            broker.forget(conn);
        }
    }

    /// The connection to a broker has ended: so have all behind it, before anything else.
    pub(crate) fn line_ended(&mut self, line: &Conn) {
        let state = self.states.get(line.link);
        let broker = state.and_then(|state| state.broker.as_ref());
        // Perhaps there is a new one already.
        if broker.is_some_and(|broker| broker.line.id() == line.id()) {
            self.close_broker(line.link);
        }
    }

    /// Closes the broker of a link, if it is open.
    pub(crate) fn close_broker(&mut self, index: usize) {
        let broker = self
            .states
            .get_mut(index)
            .and_then(|state| state.broker.take());
        let Some(broker) = broker else {
            return;
        };
        lock(&self.net.peers).remove_wire(index);
        Addresses::close(&*broker);
        let reason = broker.line.closed();
        let reason = match reason.unwrap_or(DisconnectReason::Stopped) {
            reason @ (DisconnectReason::Stopped
            | DisconnectReason::Local
            | DisconnectReason::Transport(_)) => reason,
            // It is the broker that has done so, and not those behind it.
            reason => DisconnectReason::Transport(format!("the broker is gone: {reason}").into()),
        };
        for conn in broker.all() {
            conn.close(reason.clone());
        }
    }
}
