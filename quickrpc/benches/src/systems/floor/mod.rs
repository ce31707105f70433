//! The floor: the least that a program written by hand would do.

use std::sync::Arc;

use crate::Result;
use crate::system::{Client, Greeting, Job, Server, System};

mod body;
mod callers;
mod client;
mod epoll;
mod server;

use body::Body;

/// Blocking reads and writes, or epoll on the server; with or without typed JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor {
    body: Body,
    server: Kind,
    /// How many handlers a notification has.
    handlers: usize,
}

/// How the server waits for input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A thread for each connection, in a blocking read.
    Threads,
    /// One thread for all.
    Epoll,
}

impl Floor {
    pub(crate) fn plain() -> Self {
        Floor {
            body: Body::Plain,
            server: Kind::Threads,
            handlers: 1,
        }
    }

    pub(crate) fn typed() -> Self {
        Floor {
            body: Body::Typed,
            ..Floor::plain()
        }
    }

    /// With so many handlers for a notification.
    pub(crate) fn handlers(self, handlers: usize) -> Self {
        Floor { handlers, ..self }
    }

    pub(crate) fn epoll(self) -> Self {
        Floor {
            server: Kind::Epoll,
            ..self
        }
    }
}

impl System for Floor {
    fn name(&self) -> String {
        let server = match self.server {
            Kind::Threads => "",
            Kind::Epoll => ", epoll",
        };
        let body = match self.body {
            Body::Plain => "floor",
            Body::Typed => "floor + serde_json",
        };
        format!("{body}{server}")
    }

    fn serve(&self) -> Result<Server> {
        match self.server {
            Kind::Threads => server::serve(*self),
            Kind::Epoll => epoll::serve(*self),
        }
    }

    fn connect(&self, port: u16) -> Result<Box<dyn Client>> {
        Ok(Box::new(client::FloorClient::connect(port, self.body)?))
    }

    fn can(&self, job: Job) -> bool {
        !matches!((self.body, job), (Body::Typed, Job::Bytes(_)))
    }

    fn greeting(&self) -> Greeting {
        Greeting::json()
    }
}

/// The three of most tables; the first is what ratios are to.
pub(crate) fn all() -> Vec<Arc<dyn System>> {
    vec![
        Arc::new(Floor::plain()),
        Arc::new(Floor::plain().epoll()),
        Arc::new(Floor::typed()),
    ]
}
