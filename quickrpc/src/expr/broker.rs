//! What the parameters of all brokers have in common.

use std::time::Duration;

use super::host::parse_host_and_port;
use super::options::OptionText;
use super::parse::{Parsed, Piece};
use crate::base::expr_error::Wrong;
use crate::base::subject::Style;

/// The group of those who give none.
pub(super) const GROUP: &str = "workers";
/// How often somebody is asked by default whether he works on a call.
pub(super) const PROBE: Duration = Duration::from_millis(400);

/// A word of a subject.
pub(super) fn word(option: &OptionText<'_>, style: Style) -> Parsed<String> {
    let text = option.text()?;
    match style.check_word(&text) {
        Ok(()) => Ok(text),
        Err(why) => Err(option.wrong(&format!("`{text}` {why}"))),
    }
}

/// `<host>:<port>/<namespace>`.
pub(super) fn parse_place(
    params: Piece<'_>,
    form: &str,
    style: Style,
) -> Parsed<(String, u16, String)> {
    let Some((address, namespace)) = params.split_once('/') else {
        let message = format!("expected `{form}`; the namespace is missing");
        return Err(Wrong::new(params.end(), message));
    };
    let (host, port) = parse_host_and_port(address, form)?;
    if host.text.is_empty() {
        return Err(Wrong::new(host.at, "expected a host, found nothing"));
    }
    let strange = |c: char| "()?&\\".contains(c) || (c == '/' && style == Style::Dots);
    // Brokers keep such names for themselves.
    if namespace.text.contains(strange) || namespace.text.starts_with('$') {
        let message = format!("`{}` cannot be a namespace", namespace.text);
        return Err(Wrong::new(namespace.at, message));
    }
    if let Err(why) = style.check_words(namespace.text) {
        let message = format!("the namespace `{}` {why}", namespace.text);
        return Err(Wrong::new(namespace.at, message));
    }
    let (host, namespace) = (host.text.to_owned(), namespace.text.to_owned());
    Ok((host, port, namespace))
}
