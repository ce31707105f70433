//! Whom a browser may bring along: checks against hostile pages.
//!
//! A browser lets any page open a WebSocket to anywhere, and says in `Origin` which page it
//! was (RFC 6455, section 10.2). A page may also have a name that leads to this machine
//! (DNS rebinding); then `Host` is that name, which is none of ours.

use std::net::{IpAddr, Ipv6Addr};

use crate::base::sys;
use crate::wire::http::Request;

/// Which pages may connect.
#[derive(Debug)]
pub(super) struct Access {
    /// As in the `Origin` header, in small letters; `*` for all.
    origins: Vec<String>,
    /// Names of this machine.
    names: Vec<String>,
}

impl Access {
    pub(super) fn new(interface: &str, origins: &[String]) -> Self {
        let mut names = vec![interface.to_ascii_lowercase()];
        if let Some(name) = sys::host_name() {
            let name = name.to_ascii_lowercase();
            names.push(format!("{name}.local"));
            names.push(name);
        }
        names.retain(|name| !name.is_empty());
        let origins = origins.iter().map(|origin| origin.to_ascii_lowercase());
        Access {
            origins: origins.collect(),
            names,
        }
    }

    /// Whether a wire may be opened. Programs say no origin.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(super) fn check_wire(&self, request: &Request) -> Result<(), String> {
        if !request.headers.contains_key("origin") {
            return Ok(());
        }
        let origin = request.header("origin").unwrap_or_default();
        let origin = origin.to_ascii_lowercase();
        if self.is_listed(&origin) || is_loopback(host_of_origin(&origin)) {
            return Ok(());
        }
        let host = request.header("host").unwrap_or_default();
        let host = host.to_ascii_lowercase();
        if host_of_origin(&origin) == host_of(&host) && self.is_ours(&host) {
            return Ok(());
        }
        Err(format!(
            "a page from `{}` may not connect here; to allow it, add its origin to the \
             server's transport, as in `wsserv::8080?origins=https://example.org`",
            shown(&origin)
        ))
    }

    /// Whether files may be seen. A page that has rebound its name would read them, too.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(super) fn check_page(&self, request: &Request) -> Result<(), String> {
        let host = request.header("host").unwrap_or_default();
        let host = host.to_ascii_lowercase();
        if host.is_empty() || self.is_ours(&host) {
            return Ok(());
        }
        Err(format!(
            "this server is not known as `{}`; to allow that name, add it to the server's \
             transport, as in `wsserv::8080?origins=http://example.org`",
            shown(&host)
        ))
    }

    /// Whether it is a name under which nobody else's page can reach us: an address, which is
    /// looked up nowhere, a name of this machine, or one that was allowed.
    fn is_ours(&self, authority: &str) -> bool {
        let host = host_of(authority);
        is_loopback(host)
            || address(host).is_some()
            || self.names.iter().any(|name| name == host)
            || self
                .origins
                .iter()
                .any(|origin| origin == "*" || host_of_origin(origin) == host)
    }

    fn is_listed(&self, origin: &str) -> bool {
        self.origins.iter().any(|one| one == "*" || one == origin)
    }
}

/// Without the port and the brackets.
fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

fn host_of_origin(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or("", |(_, rest)| rest);
    host_of(authority)
}

fn is_loopback(host: &str) -> bool {
    let by_name = host == "localhost" || host.ends_with(".localhost");
    by_name || address(host).is_some_and(|ip| ip.to_canonical().is_loopback())
}

fn address(host: &str) -> Option<IpAddr> {
    let v6 = |host: &str| host.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    host.parse().ok().or_else(|| v6(host))
}

/// Somebody else's text in ours.
fn shown(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control());
    plain.take(100).collect()
}

#[cfg(test)]
mod tests {
    use tungstenite::http::HeaderMap;

    use super::*;

    fn request(host: &str, origin: &str) -> Request {
        let mut headers = HeaderMap::new();
        for (name, value) in [("host", host), ("origin", origin)] {
            if !value.is_empty() {
                headers.append(name, value.parse().unwrap());
            }
        }
        Request {
            method: String::from("GET"),
            path: String::from("/"),
            version: 1,
            headers,
        }
    }

    #[test]
    fn pages_that_may_connect() {
        let access = Access::new("", &[String::from("https://a.example")]);
        let anyone = Access::new("", &[String::from("*")]);
        let cases = [
            // Programs.
            ("hub.example:8080", "", true),
            ("", "", true),
            // Pages of this machine.
            ("hub.example:8080", "http://localhost:3000", true),
            ("hub.example:8080", "http://127.0.0.1", true),
            ("hub.example:8080", "http://[::1]:5000", true),
            // The page came from here.
            ("192.168.0.7:8080", "http://192.168.0.7:8080", true),
            ("[fe80::1]:8080", "http://[fe80::1]:8080", true),
            ("192.168.0.7", "http://192.168.0.7", true),
            ("192.168.0.7:8080", "http://192.168.0.7:3000", true),
            // That was allowed.
            ("192.168.0.7:8080", "https://a.example", true),
            ("192.168.0.7:8080", "HTTPS://A.example", true),
            ("a.example", "http://a.example", true),
            // Strangers.
            ("localhost:8080", "https://evil.example", false),
            ("localhost:8080", "null", false),
            ("localhost:8080", "http://localhost.evil.example", false),
            ("localhost:8080", "http://evil.example/?localhost", false),
            ("192.168.0.7:8080", "http://192.168.0.8:8080", false),
            ("", "http://", false),
            ("192.168.0.7:8080", "http://a.example.evil.example", false),
            // Its name leads here.
            ("evil.example:8080", "http://evil.example:8080", false),
            ("evil.example", "http://evil.example", false),
        ];
        for (host, origin, expected) in cases {
            let request = request(host, origin);
            let allowed = access.check_wire(&request);
            assert_eq!(allowed.is_ok(), expected, "{origin} to {host}: {allowed:?}");
            assert!(anyone.check_wire(&request).is_ok());
        }
        let mut twice = request("localhost", "http://localhost");
        twice
            .headers
            .append("origin", "http://evil.example".parse().unwrap());
        assert!(access.check_wire(&twice).is_err());
    }

    #[test]
    fn names_under_which_files_are_seen() {
        let access = Access::new("hub", &[String::from("https://a.example")]);
        for host in [
            "",
            "localhost:1",
            "127.0.0.1:1",
            "[::1]",
            "10.0.0.1",
            "hub:8080",
            "HUB",
            "a.example",
        ] {
            assert!(access.check_page(&request(host, "")).is_ok(), "{host}");
        }
        for host in [
            "evil.example:8080",
            "localhost.evil.example",
            "a.example.evil.example",
        ] {
            assert!(access.check_page(&request(host, "")).is_err(), "{host}");
        }
    }
}
