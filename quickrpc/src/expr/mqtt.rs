//! The parameters of `mqtt:`.

use std::time::Duration;

use super::broker::{GROUP, PROBE, parse_place, word};
use super::options::{OptionText, Scope, take};
use super::parse::{Parsed, Piece};
use super::tls::ClientTls;
use crate::base::subject::Style;

/// What `mqtt:<host>:<port>/<namespace>`, or `mqtts:` with TLS, says; see [the details](crate::transport#mqtt).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MqttExpr {
    /// Where a broker is: a name or an address; IPv6 without its brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Those who name the same one are each other's peers.
    pub namespace: String,
    /// What we are called there; a name is made up by default.
    pub name: Option<String>,
    /// One of each group hears what is sent to `any()`; `workers` by default.
    pub group: String,
    /// What `mqtts:` has. Needs the feature `tls`, too.
    pub tls: Option<ClientTls>,
    /// Who we are to the broker.
    pub user: Option<String>,
    /// The file whose first line is the password.
    pub password_file: Option<String>,
    /// After so long without a sign of life, the broker takes us for gone, and we the broker; 10 s by
    /// default.
    pub keepalive: Duration,
    /// Whoever owes an answer to a call that went to one of several is asked so often whether it works on
    /// it; 0.4 s by default.
    pub probe: Duration,
}

/// The names of its options.
pub(super) const OPTIONS: [&str; 6] = [
    "name",
    "group",
    "user",
    "password_file",
    "keepalive",
    "probe",
];

/// With TLS.
pub(super) const TLS: &str = "mqtts";
/// What it has then beside the options of all clients over TLS.
pub(super) const OVER_TLS: [&str; 1] = ["server_name"];

/// The sign of life by default.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(10);
/// The longest one that can be said.
const LONGEST: Duration = Duration::from_secs(65_535);

fn keepalive(option: &OptionText<'_>) -> Parsed<Duration> {
    match option.duration_above_0()? {
        time if time > LONGEST || time < Duration::from_secs(1) => {
            Err(option.wrong("a broker knows from 1 to 65535 seconds"))
        }
        time => Ok(time),
    }
}

/// `mqtt:<host>:<port>/<namespace>`.
pub(super) fn parse(shorthand: &str, params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<MqttExpr> {
    let form = format!("{shorthand}:<host>:<port>/<namespace>");
    let (host, port, namespace) = parse_place(params, &form, Style::Slashes)?;
    let is_tls = shorthand == TLS;
    Ok(MqttExpr {
        host,
        port,
        namespace,
        name: take(scope, "name", |o| word(o, Style::Slashes))?,
        group: take(scope, "group", |o| word(o, Style::Slashes))?
            .unwrap_or_else(|| GROUP.to_owned()),
        tls: is_tls
            .then(|| ClientTls::take_beside_name(scope))
            .transpose()?,
        user: take(scope, "user", OptionText::text)?,
        password_file: take(scope, "password_file", |o| o.path("a file"))?,
        keepalive: take(scope, "keepalive", keepalive)?.unwrap_or(KEEPALIVE),
        probe: take(scope, "probe", OptionText::duration_above_0)?.unwrap_or(PROBE),
    })
}

#[cfg(test)]
mod tests {
    use crate::TransportExpr;

    #[test]
    fn what_is_written_is_understood() {
        for (text, written) in [
            ("mqtt:h:1883/lab", "mqtt:h:1883/lab"),
            (
                "mqtt:[::1]:1883/a/b.c?group=workers",
                "mqtt:[::1]:1883/a/b.c",
            ),
            (
                "mqtt:h:1/lab?name=h.ub&group=g&user=u&password_file=/run/secret&keepalive=5&probe=1",
                "mqtt:h:1/lab?name=h.ub&group=g&user=u&password_file=/run/secret&keepalive=5&probe=1",
            ),
            (
                "restart:5:mqtt:h:1/lab?name=x&keepalive=10",
                "restart:5:(mqtt:h:1/lab?name=x)",
            ),
            (
                "mqtts:h:8883/lab?ca=ca.crt&cert=a.crt&key=a.key&server_name=x&name=hub&user=u",
                "mqtts:h:8883/lab?ca=ca.crt&cert=a.crt&key=a.key&server_name=x&name=hub&user=u",
            ),
        ] {
            let expr: TransportExpr = text.parse().unwrap();
            assert_eq!(expr.to_string(), written, "{text}");
            assert_eq!(written.parse(), Ok(expr), "{written}");
        }
    }

    #[test]
    fn mistakes_are_shown() {
        for (text, why) in [
            ("mqtt:h:1", "the namespace is missing"),
            ("mqtt:h/lab", "the port is missing"),
            ("mqtt::1/lab", "expected a host, found nothing"),
            ("mqtt:h:1/", "is empty"),
            ("mqtt:h:1/a//b", "is empty, or has an empty word"),
            ("mqtt:h:1/a/+", "has a blank, `+` or `#`"),
            ("mqtt:h:1/$SYS", "cannot be a namespace"),
            ("mqtt:h:1/lab?name=a/b", "has a `/`"),
            ("mqtt:h:1/lab?keepalive=0", "a duration above 0"),
            ("mqtt:h:1/lab?keepalive=0.5", "from 1 to 65535"),
            ("mqtt:h:1/lab?token_file=a", "token_file"),
            ("mqtt:h:1/lab?ca=ca.crt", "ca"),
            ("mqtts:h/lab", "mqtts:<host>:<port>"),
            ("mqt:h:1/lab", "did you mean `mqtt`"),
        ] {
            let error = text.parse::<TransportExpr>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
