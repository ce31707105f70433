//! The parameters of `nats:`.

use std::time::Duration;

use super::broker::{GROUP, PROBE, parse_place, word};
use super::options::{OptionText, Scope, take};
use super::parse::{Parsed, Piece};
use super::tls::ClientTls;
use crate::base::expr_error::Wrong;
use crate::base::subject::{OF_USER, Style, speaks_for};

/// What `nats:<host>:<port>/<namespace>`, or `nats+tls:` with TLS, says; see
/// [the details](crate::transport#nats).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NatsExpr {
    /// Where a server is: a name or an address; IPv6 without its brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Those who name the same one are each other's peers.
    pub namespace: String,
    /// What we are called there; a name is made up by default.
    pub name: Option<String>,
    /// One of each group hears what is sent to `any()`; `workers` by default.
    pub group: String,
    /// What `nats+tls:` has. Needs the feature `tls`, too.
    pub tls: Option<ClientTls>,
    /// TLS begins at once, before the server says what it is: for servers that have
    /// `handshake_first`.
    pub handshake_first: bool,
    /// Who we are to the broker.
    pub user: Option<String>,
    /// The file whose first line is the password.
    pub password_file: Option<String>,
    /// The file whose first line is the token, in the place of user and password.
    pub token_file: Option<String>,
    /// The file whose first line is the seed of a key (an *nkey*, `SU..`), in the place of user and
    /// password. Needs the feature `nkeys`.
    pub nkey_file: Option<String>,
    /// The file with credentials, as NATS's tools make it, in the place of user and password. Needs the
    /// feature `nkeys`.
    pub creds_file: Option<String>,
    /// The name of the user is in all subjects that are published to, so that the broker's permissions prove
    /// who sends; peers have to have the same.
    pub vouched: bool,
    /// Whoever owes an answer is asked so often whether it is still there, and so is the broker;
    /// 0.4 s by default.
    pub probe: Duration,
}

/// The names of its options.
pub(super) const OPTIONS: [&str; 9] = [
    "name",
    "group",
    "user",
    "password_file",
    "token_file",
    "nkey_file",
    "creds_file",
    "vouched",
    "probe",
];

/// With TLS.
pub(super) const TLS: &str = "nats+tls";
/// What it has then beside the options of all clients over TLS.
pub(super) const OVER_TLS: [&str; 2] = ["server_name", "handshake_first"];

/// A user whose name stands in whatever he says.
fn vouched_user(option: &OptionText<'_>) -> Parsed<String> {
    let user = word(option, Style::Dots)?;
    match user.contains(OF_USER) {
        true => Err(option.wrong(&format!(
            "with `vouched=on`, `{OF_USER}` parts the user from the rest of a name, so that no user \
             has it"
        ))),
        false => Ok(user),
    }
}

/// `nats:<host>:<port>/<namespace>`.
pub(super) fn parse(shorthand: &str, params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<NatsExpr> {
    let form = format!("{shorthand}:<host>:<port>/<namespace>");
    let (host, port, namespace) = parse_place(params, &form, Style::Dots)?;
    let is_tls = shorthand == TLS;
    let password_file = take(scope, "password_file", |o| o.path("a file"))?;
    let vouched = take(scope, "vouched", OptionText::flag)?.unwrap_or(false);
    let user = take(scope, "user", |o| match vouched {
        true => vouched_user(o),
        false => o.text(),
    })?;
    let mut login = (user.is_some() && !vouched) || password_file.is_some();
    let mut other = |key| {
        take(scope, key, |o| match std::mem::replace(&mut login, true) {
            false => o.path("a file"),
            true => Err(o.out_of_place(
                "the broker knows a user by a password, a token, a key or credentials, but not by \
                 two of them",
            )),
        })
    };
    let token_file = other("token_file")?;
    let nkey_file = other("nkey_file")?;
    let creds_file = other("creds_file")?;
    let name = take(scope, "name", |o| {
        let name = word(o, Style::Dots)?;
        match &user {
            Some(user) if vouched && !speaks_for(user, &name) => Err(o.wrong(&format!(
                "with `vouched=on` it is the name of the user, or begins with it and `{OF_USER}`: \
                 `{user}{OF_USER}..`"
            ))),
            _ => Ok(name),
        }
    })?;
    if vouched && user.is_none() {
        let message = "`vouched=on` needs to know who the broker vouches for: `user=..`";
        return Err(Wrong::new(params.end(), message.to_owned()));
    }
    if password_file.is_some() && user.is_none() {
        let message = "`password_file` needs to know whose password it is: `user=..`";
        return Err(Wrong::new(params.end(), message.to_owned()));
    }
    Ok(NatsExpr {
        host,
        port,
        namespace,
        name,
        group: take(scope, "group", |o| word(o, Style::Dots))?.unwrap_or_else(|| GROUP.to_owned()),
        tls: is_tls
            .then(|| ClientTls::take_beside_name(scope))
            .transpose()?,
        handshake_first: match is_tls {
            true => take(scope, "handshake_first", OptionText::flag)?.unwrap_or(false),
            false => false,
        },
        user,
        password_file,
        token_file,
        nkey_file,
        creds_file,
        vouched,
        probe: take(scope, "probe", |o| o.duration_above_0())?.unwrap_or(PROBE),
    })
}

#[cfg(test)]
mod tests {
    use crate::TransportExpr;
    use crate::expr::TransportKind;

    #[test]
    fn what_is_written_is_understood() {
        for (text, written) in [
            ("nats:h:4222/lab", "nats:h:4222/lab"),
            ("nats:[::1]:4222/a.b?group=workers", "nats:[::1]:4222/a.b"),
            (
                "nats:h:1/lab?name=hub&group=g&user=u&password_file=/run/secret&probe=1",
                "nats:h:1/lab?name=hub&group=g&user=u&password_file=/run/secret&probe=1",
            ),
            (
                "restart:5:nats:h:1/lab?token_file=t&name=x",
                "restart:5:(nats:h:1/lab?name=x&token_file=t)",
            ),
            (
                "nats+tls:h:1/lab?ca=ca.crt&cert=a.crt&key=a.key&server_name=x&handshake_first=on&name=hub",
                "nats+tls:h:1/lab?ca=ca.crt&cert=a.crt&key=a.key&server_name=x&handshake_first=on&name=hub",
            ),
            ("nats+tls:h:1/lab?handshake_first=off", "nats+tls:h:1/lab"),
            ("nats:h:1/lab?nkey_file=a.nk", "nats:h:1/lab?nkey_file=a.nk"),
            (
                "nats:h:1/lab?creds_file=a.creds&vouched=on&user=u&name=u~1",
                "nats:h:1/lab?name=u~1&user=u&creds_file=a.creds&vouched=on",
            ),
        ] {
            let expr: TransportExpr = text.parse().unwrap();
            assert_eq!(expr.to_string(), written, "{text}");
            assert_eq!(written.parse(), Ok(expr), "{written}");
        }
        let expr: TransportExpr = "nats:h:1/lab".parse().unwrap();
        let TransportKind::Nats(nats) = expr.kind() else {
            panic!("{expr}");
        };
        assert_eq!(
            (nats.group.as_str(), nats.name.as_deref()),
            ("workers", None)
        );
    }

    #[test]
    fn mistakes_are_shown() {
        for (text, why) in [
            ("nats:h:1", "the namespace is missing"),
            ("nats:h/lab", "the port is missing"),
            ("nats::1/lab", "expected a host, found nothing"),
            ("nats:h:1/", "is empty"),
            ("nats:h:1/a..b", "is empty, or has an empty word"),
            ("nats:h:1/a.*", "has a blank, `*` or `>`"),
            ("nats:h:1/lab?name=a.b", "has a dot"),
            ("nats:h:1/lab?name=", "is empty"),
            ("nats:h:1/lab?user=a&token_file=b", "not by two of them"),
            (
                "nats:h:1/lab?nkey_file=a&creds_file=b",
                "not by two of them",
            ),
            (
                "nats:h:1/lab?password_file=a&nkey_file=b",
                "not by two of them",
            ),
            (
                "nats:h:1/lab?password_file=a",
                "whose password it is: `user=..`",
            ),
            ("nats:h:1/lab?vouched=on", "`user=..`"),
            ("nats:h:1/lab?vouched=on&user=a.b", "has a dot"),
            ("nats:h:1/lab?vouched=on&user=a&name=b", "`a~..`"),
            ("nats:h:1/lab?vouched=on&user=a&name=ab", "`a~..`"),
            ("nats:h:1/lab?vouched=on&user=a&name=a-b", "`a~..`"),
            ("nats:h:1/lab?vouched=on&user=a~b", "no user has it"),
            ("nats:h:1/lab?nme=a", "did you mean `name`"),
            ("nats:h:1/lab?ca=ca.crt", "`nats+tls:` has it"),
            (
                "restart:1:nats:h:1/lab?handshake_first=on",
                "`nats+tls:` has it",
            ),
            ("nats+tls:h/lab", "nats+tls:<host>:<port>"),
            ("nat:h:1/lab", "did you mean `nats`"),
        ] {
            let error = text.parse::<TransportExpr>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
