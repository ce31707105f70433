//! In the place of MQTT, where the feature is off: nothing of it exists.

use std::time::Duration;

use super::Heard;
use crate::wire::broker::subjects::Subjects;
use crate::wire::broker::{Leaving, Message, Unsaid};

/// The beginning of a connection: there is none.
#[derive(Debug)]
pub(crate) enum Handshake {}

/// A connection: there is none.
#[derive(Debug)]
pub(crate) enum Session {}

/// What comes of more input.
#[derive(Debug)]
pub(crate) enum Step {
    Wait,
    Say(Vec<u8>),
    Done(Box<Session>),
    Refused(String),
}

impl Handshake {
    pub(crate) fn advance(&mut self, _: &mut Vec<u8>) -> Step {
        match *self {}
    }
}

impl Session {
    pub(crate) fn keepalive(&self) -> Duration {
        match *self {}
    }

    pub(crate) fn enter(&mut self, _: &Subjects) -> Result<Vec<u8>, Unsaid> {
        match *self {}
    }

    pub(crate) fn announce(&mut self, _: &Subjects) -> Result<Vec<u8>, Unsaid> {
        match *self {}
    }

    pub(crate) fn leave(&mut self, _: &Subjects) -> Vec<u8> {
        match *self {}
    }

    pub(crate) fn join(&mut self, _: &str, _: &str) -> Result<Vec<u8>, Unsaid> {
        match *self {}
    }

    pub(crate) fn part(&mut self, _: &str, _: &str) -> Vec<u8> {
        match *self {}
    }

    pub(crate) fn look_up(&mut self, _: &str) -> Vec<u8> {
        match *self {}
    }

    pub(crate) fn publish(
        &mut self,
        _: &Message<'_>,
        _: usize,
        _: &mut Vec<u8>,
    ) -> Result<Leaving, Unsaid> {
        match *self {}
    }

    pub(crate) fn forget(&mut self, _: u16) {
        match *self {}
    }

    pub(crate) fn is_holding(&mut self) -> bool {
        match *self {}
    }

    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        match *self {}
    }

    pub(crate) fn has_room(&mut self) -> bool {
        match *self {}
    }

    pub(crate) fn hear(&mut self, _: u8, _: &[u8]) -> Result<Heard, String> {
        match *self {}
    }
}
