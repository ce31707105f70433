//! The parameters of `http:` and `https:`.

use super::hidden::Hidden;
use super::options::{Scope, take};
use super::parse::{Parsed, Piece};
use super::tls::ClientTls;
use super::transport::TransportKind;
use super::web::{parse_authority, parse_path, slashes, split_query};
use crate::base::expr_error::Wrong;

/// The options that these alone have.
pub(super) const CLIENT: [&str; 4] = ["path", "user", "password_file", "token_env"];

/// `http:<host>:<port>/<path>`, or a URL: `http://<host>:<port>/<path>`; and likewise `https`.
pub(super) fn parse(
    shorthand: &str,
    params: Piece<'_>,
    scope: &Scope<'_, '_>,
) -> Parsed<TransportKind> {
    let tls = shorthand == "https";
    let params = params.split_at(slashes(shorthand, params.text)).1;
    let end = params.text.find(['/', '?', '#']);
    let (authority, target) = params.split_at(end.unwrap_or(params.text.len()));
    if authority.text.contains('@') {
        let message = "a user stands in the option `user`, and its password in the file of \
                       `password_file`; or a token in the environment variable of `token_env`";
        return Err(Wrong::new(params.at, message));
    }
    let (host, port) = parse_authority(shorthand, authority, tls)?;
    let (path, query): (String, Option<Hidden>) = split_query(parse_path(target, scope)?);
    let user = take(scope, "user", |o| o.text())?;
    let password_file = take(scope, "password_file", |o| o.path("the name of a file"))?;
    let token_env = take(scope, "token_env", |o| o.path("the name of a variable"))?;
    match (&user, &password_file, &token_env) {
        (None, None, _) | (Some(_), Some(_), None) => {}
        (Some(_) | None, _, Some(_)) => {
            let message = "`token_env` excludes `user` and `password_file`";
            return Err(Wrong::new(params.at, message));
        }
        (Some(_), None, None) | (None, Some(_), None) => {
            let message = "`user` and `password_file` belong together";
            return Err(Wrong::new(params.at, message));
        }
    }
    Ok(TransportKind::Http {
        host: host.text.to_owned(),
        port,
        tls: tls.then(|| ClientTls::take(scope)).transpose()?,
        path,
        query,
        user,
        password_file,
        token_env,
    })
}
