//! Hosts, interfaces and ports.

use std::net::Ipv6Addr;

use super::parse::{Parsed, Piece, expect_end, take_parenthesised};
use super::values::read_python_integer;
use crate::base::expr_error::{Wrong, found};

/// The interface of a server, checked.
pub(super) fn check_interface(interface: Piece<'_>, shorthand: &str) -> Parsed<()> {
    match interface.text {
        "*" => {
            let message = format!("for all interfaces, leave this empty: `{shorthand}::<port>`");
            Err(Wrong::new(interface.at, message))
        }
        _ => Ok(()),
    }
}

/// The host, checked and without its brackets, and the port.
pub(super) fn parse_host_and_port<'a>(params: Piece<'a>, form: &str) -> Parsed<(Piece<'a>, u16)> {
    let missing = |at| Wrong::new(at, format!("expected `{form}`; the port is missing"));
    if params.text.starts_with('[') {
        let (inside, rest) = take_ipv6(params)?;
        if rest.text.is_empty() {
            return Err(missing(rest.at));
        }
        let Some(("", _)) = rest.text.split_once(':') else {
            let message = format!("expected `:<port>`, {}", found(rest.text));
            return Err(Wrong::new(rest.at, message));
        };
        return Ok((inside, parse_port(rest.split_at(1).1)?));
    }
    if let Some((address, _)) = params.text.rsplit_once(':')
        && address.parse::<Ipv6Addr>().is_ok()
    {
        let message = format!("IPv6 addresses stand in brackets: `[{address}]`");
        return Err(Wrong::new(params.at, message));
    }
    let (host, port) = params
        .split_once(':')
        .ok_or_else(|| missing(params.end()))?;
    check_name(host)?;
    Ok((host, parse_port(port)?))
}

/// The host without a port, checked and without its brackets.
pub(super) fn check_host(host: Piece<'_>) -> Parsed<Piece<'_>> {
    if host.text.starts_with('[') {
        let (inside, rest) = take_ipv6(host)?;
        expect_end(rest)?;
        return Ok(inside);
    }
    check_name(host)?;
    if let Some((name, _)) = host.text.split_once(':') {
        let message = match host.text.parse::<Ipv6Addr>() {
            Ok(address) => format!("IPv6 addresses stand in brackets: `[{address}]`"),
            Err(_) => "expected a host name or address without a port, found `:`".to_owned(),
        };
        return Err(Wrong::new(host.at + name.len(), message));
    }
    Ok(host)
}

fn take_ipv6(piece: Piece<'_>) -> Parsed<(Piece<'_>, Piece<'_>)> {
    let (inside, rest) = take_parenthesised(piece, "an address")?;
    check_ipv6(inside)?;
    Ok((inside, rest))
}

fn check_ipv6(inside: Piece<'_>) -> Parsed<()> {
    let (address, zone) = match inside.text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (inside.text, None),
    };
    let plain = |zone: &str| {
        zone.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
    };
    let zone_is_good = zone.is_none_or(|zone| !zone.is_empty() && plain(zone));
    if address.parse::<Ipv6Addr>().is_ok() && zone_is_good {
        return Ok(());
    }
    let message = format!("expected an IPv6 address, {}", found(inside.text));
    Err(Wrong::new(inside.at, message))
}

fn check_name(host: Piece<'_>) -> Parsed<()> {
    let stray = |c: char| c.is_whitespace() || c.is_control() || NOT_IN_HOSTS.contains(c);
    let Some((at, c)) = host.text.char_indices().find(|(_, c)| stray(*c)) else {
        return Ok(());
    };
    let message = format!(
        "expected a host name or address, {}",
        found(c.encode_utf8(&mut [0; 4]))
    );
    Err(Wrong::new(host.at + at, message))
}

pub(super) fn parse_port(piece: Piece<'_>) -> Parsed<u16> {
    let port = read_python_integer(piece.text).and_then(|port| u16::try_from(port).ok());
    if let Some(port) = port {
        return Ok(port);
    }
    if let Some((_, options)) = piece.split_once('?') {
        let message = format!("expected `key=value` after `?`, {}", found(options.text));
        return Err(Wrong::new(options.at, message));
    }
    let message = format!(
        "expected a port number from 0 to 65535, {}",
        found(piece.text)
    );
    Err(Wrong::new(piece.at, message))
}

/// Characters that are in no host name, and would confuse the expression.
const NOT_IN_HOSTS: &str = "()[]{}<>?&\\/,;=\"'@#";
