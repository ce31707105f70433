//! `juggler:<generation>?autoflush_delay=..&max_segment_size=..&ping_delay=..&ping_timeout=..`

use std::fmt;
use std::time::Duration;

use super::codec::CodecKind;
use super::options::Scope;
use super::overrides::SizeText;
use super::parse::{Parsed, Piece};
use super::values::DurationText;
use crate::base::expr_error::{Wrong, found};

/// What a `juggler:` expression says.
///
/// The options are those of the Python package, and have its defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JugglerExpr {
    /// How the peers speak. Without it a server tells by the first message of each client, and a
    /// client speaks as 0.7.
    pub generation: Option<JugglerGeneration>,
    /// Changes of properties within so long are told together; 0: each by itself.
    pub autoflush_delay: Duration,
    /// Larger messages leave in pieces of so many bytes (0.7).
    pub max_segment_size: usize,
    /// A peer that has said nothing for so long is asked whether it is there (0.7); `None`: never.
    pub ping_delay: Option<Duration>,
    /// And has so long to answer.
    pub ping_timeout: Duration,
}

/// How programs speak with each other that use the Python package `hat-juggler`, by its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JugglerGeneration {
    /// 0.5: both sides are equal.
    V05,
    /// 0.6: clients and servers.
    V06,
    /// 0.7: the same in pieces, with keep-alive.
    V07,
}

impl Default for JugglerExpr {
    fn default() -> Self {
        JugglerExpr {
            generation: None,
            autoflush_delay: AUTOFLUSH,
            max_segment_size: SEGMENT,
            ping_delay: Some(PING),
            ping_timeout: PING,
        }
    }
}

/// The defaults of the Python package.
const AUTOFLUSH: Duration = Duration::from_millis(200);
const SEGMENT: usize = 64 << 10;
const PING: Duration = Duration::from_secs(30);
/// A Python server takes no larger message of a WebSocket than 4 MiB, and pieces have a header.
const LARGEST: usize = (4 << 20) - 1;

/// The options of `juggler:`.
pub(super) const OPTIONS: [&str; 4] = [
    "autoflush_delay",
    "max_segment_size",
    "ping_delay",
    "ping_timeout",
];

pub(super) fn parse(params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<CodecKind> {
    let mut juggler = JugglerExpr {
        generation: match params.text {
            "" => None,
            "0.5" => Some(JugglerGeneration::V05),
            "0.6" => Some(JugglerGeneration::V06),
            "0.7" => Some(JugglerGeneration::V07),
            other => {
                let message = format!("expected one of `0.5`, `0.6` and `0.7`, {}", found(other));
                return Err(Wrong::new(params.at, message));
            }
        },
        ..JugglerExpr::default()
    };
    if let Some(option) = scope.take("autoflush_delay") {
        juggler.autoflush_delay = option.duration()?;
    }
    if juggler.has_pieces() {
        if let Some(option) = scope.take("max_segment_size") {
            juggler.max_segment_size = option.size()?;
            if juggler.max_segment_size > LARGEST {
                let why = "a piece may have at the most 4194303 bytes: others take no more";
                return Err(option.out_of_place(why));
            }
        }
        if let Some(option) = scope.take("ping_delay") {
            juggler.ping_delay = option.duration_or_off()?;
        }
        if let Some(option) = scope.take("ping_timeout") {
            juggler.ping_timeout = option.duration()?;
        }
    }
    Ok(CodecKind::Juggler(juggler))
}

/// The options that an expression with these parameters knows.
pub(super) fn options(kind: &CodecKind) -> &'static [&'static str] {
    match kind {
        CodecKind::Juggler(juggler) if juggler.has_pieces() => &OPTIONS,
        CodecKind::Juggler(_) => &OPTIONS[..1],
        _ => &[],
    }
}

impl JugglerExpr {
    /// Whether peers may speak as 0.7.
    fn has_pieces(&self) -> bool {
        self.generation
            .is_none_or(|generation| generation == JugglerGeneration::V07)
    }
}

impl fmt::Display for JugglerGeneration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JugglerGeneration::V05 => "0.5",
            JugglerGeneration::V06 => "0.6",
            JugglerGeneration::V07 => "0.7",
        })
    }
}

impl fmt::Display for JugglerExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = JugglerExpr::default();
        f.write_str("juggler")?;
        if let Some(generation) = self.generation {
            write!(f, ":{generation}")?;
        }
        let mut separator = '?';
        let mut option = |f: &mut fmt::Formatter<'_>, key: &str, value: &dyn fmt::Display| {
            let before = std::mem::replace(&mut separator, '&');
            write!(f, "{before}{key}={value}")
        };
        if self.autoflush_delay != usual.autoflush_delay {
            option(f, "autoflush_delay", &DurationText(self.autoflush_delay))?;
        }
        if self.max_segment_size != usual.max_segment_size {
            option(f, "max_segment_size", &SizeText(self.max_segment_size))?;
        }
        if self.ping_delay != usual.ping_delay {
            match self.ping_delay {
                Some(delay) => option(f, "ping_delay", &DurationText(delay))?,
                None => option(f, "ping_delay", &"off")?,
            }
        }
        if self.ping_timeout != usual.ping_timeout {
            option(f, "ping_timeout", &DurationText(self.ping_timeout))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::CodecExpr;

    #[test]
    fn both_directions() {
        let table = [
            ("juggler", "juggler"),
            ("juggler:", "juggler"),
            ("juggler:0.5", "juggler:0.5"),
            ("juggler:0.6", "juggler:0.6"),
            (
                "juggler:0.6?autoflush_delay=0",
                "juggler:0.6?autoflush_delay=0",
            ),
            ("juggler:0.5?autoflush_delay=0.2", "juggler:0.5"),
            (
                "juggler:0.7?max_segment_size=64k&ping_delay=30",
                "juggler:0.7",
            ),
            (
                "juggler?ping_timeout=1.5s&ping_delay=off&max_segment_size=20",
                "juggler?max_segment_size=20&ping_delay=off&ping_timeout=1500ms",
            ),
        ];
        for (text, shown) in table {
            let expr: CodecExpr = text.parse().unwrap();
            assert_eq!(expr.to_string(), shown, "{text}");
            assert_eq!(expr, shown.parse().unwrap(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_shown() {
        for (text, wrong) in [
            (
                "juggler:0.8",
                "expected one of `0.5`, `0.6` and `0.7`, found `0.8`",
            ),
            (
                "juggler:0.6?ping_delay=1",
                "unknown option, found `ping_delay`",
            ),
            ("juggler?pings=1", "unknown option, found `pings`"),
            ("juggler?max_segment_size=4M", "at the most 4194303 bytes"),
            ("juggler?max_segment_size=0", "a size above 0"),
        ] {
            let error = text.parse::<CodecExpr>().unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
