//! APIs as companions of others.

use crate::net::above::Done;
use crate::net::companion::Companion;

use super::handle::Api;

impl Companion for Api {
    fn start(&self, done: Done) {
        self.net().start(done);
    }

    fn dismiss(&self) {
        self.net().request_stop();
    }

    fn join(&self) {
        if let Err(error) = self.stop() {
            crate::base::log::error!("{error}");
        }
    }
}
