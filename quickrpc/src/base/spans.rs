//! Spans of calls, for whoever listens by `tracing`; with the names of OpenTelemetry's conventions for
//! RPC. As in `log.rs`: who listens is code of others, which may panic, and that ends nothing.

use std::fmt::Display;

use tracing::{Level, Span, level_enabled, span_enabled};

use super::error::Error;
use super::log;

/// Whether somebody might listen: one look, where nobody does.
#[inline]
pub(crate) fn may_be_heard() -> bool {
    level_enabled!(Level::INFO)
}

/// Whether somebody listens to spans of calls.
#[cold]
pub(crate) fn are_heard() -> bool {
    let mut heard = false;
    log::guarded(|| heard = span_enabled!(target: "quickrpc::call", Level::INFO));
    heard
}

/// What a span tells of its call.
pub(crate) struct About<'a> {
    pub(crate) incoming: bool,
    pub(crate) method: &'a str,
    /// The trait that has declared it.
    pub(crate) service: &'a str,
    /// The codec's expression.
    pub(crate) codec: &'a str,
    pub(crate) transport: &'a str,
    pub(crate) peer: Option<&'a str>,
    pub(crate) traceparent: Option<&'a dyn Display>,
}

/// The span of one call.
pub(crate) struct CallSpan(Span);

impl CallSpan {
    pub(crate) fn begin(about: &About<'_>) -> Self {
        let mut span = Span::none();
        log::guarded(|| span = about.span());
        CallSpan(span)
    }

    /// This thread works on the call.
    pub(crate) fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        let mut entered = None;
        log::guarded(|| entered = Some(self.0.clone().entered()));
        let done = work();
        log::guarded(|| drop(entered));
        done
    }

    /// The call is over, perhaps with an error.
    pub(crate) fn end(self, error: Option<&Error>) {
        log::guarded(move || {
            if let Some(error) = error {
                self.0.record("otel.status_code", "ERROR");
                self.0.record("otel.status_description", error.to_string());
                match error.code() {
                    Some(code) => {
                        self.0.record("rpc.jsonrpc.error_code", code);
                        self.0.record("error.type", code);
                    }
                    None => {
                        self.0.record("error.type", error.kind());
                    }
                }
            }
            drop(self.0);
        });
    }
}

impl About<'_> {
    fn span(&self) -> Span {
        let system = match self.codec.split([':', '?']).next().unwrap_or_default() {
            "jrpc" => "jsonrpc",
            other => other,
        };
        let name = match self.service {
            "" => self.method.to_owned(),
            service => format!("{service}/{}", self.method),
        };
        let service = Some(self.service).filter(|service| !service.is_empty());
        tracing::info_span!(
            target: "quickrpc::call",
            "call",
            otel.name = name,
            otel.kind = if self.incoming { "server" } else { "client" },
            otel.status_code = tracing::field::Empty,
            otel.status_description = tracing::field::Empty,
            rpc.system = system,
            rpc.service = service,
            rpc.method = self.method,
            rpc.jsonrpc.error_code = tracing::field::Empty,
            error.r#type = tracing::field::Empty,
            network.peer.address = self.peer,
            network.transport = self.transport,
            traceparent = self.traceparent.map(tracing::field::display),
        )
    }
}
