//! Which address of a host is tried next, as in RFC 8305 ("happy eyeballs"), and what became of
//! those that failed. No I/O in it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use crate::carrier::tcp;

/// Further addresses of a host are not tried: whoever has so many answers at one of these.
const MOST: usize = 32;
/// So many are named where all have failed.
const NAMED: usize = 8;

/// The attempts to connect to one of the addresses of a host.
#[derive(Debug)]
pub(crate) struct Race {
    next: VecDeque<SocketAddr>,
    /// So many there were.
    count: usize,
    failed: Vec<(SocketAddr, io::Error)>,
}

impl Race {
    /// The order is that of the resolver, which puts the best first (RFC 6724); but the
    /// families take turns, lest many addresses of one that does not work come first.
    pub(crate) fn new(addresses: Vec<SocketAddr>) -> Self {
        let mut unique = Vec::with_capacity(addresses.len().min(MOST));
        for address in addresses {
            if unique.len() < MOST && !unique.contains(&address) {
                unique.push(address);
            }
        }
        let count = unique.len();
        let first = unique.first().map(SocketAddr::is_ipv6);
        let (one, other): (Vec<_>, Vec<_>) = unique
            .into_iter()
            .partition(|address| Some(address.is_ipv6()) == first);
        let (mut one, mut other) = (one.into_iter(), other.into_iter());
        let mut next = VecDeque::with_capacity(count);
        while next.len() < count {
            next.extend(one.next());
            next.extend(other.next());
        }
        Race {
            next,
            count,
            failed: Vec::new(),
        }
    }

    /// The address to try next.
    pub(crate) fn next(&mut self) -> Option<SocketAddr> {
        self.next.pop_front()
    }

    /// So many have not been tried yet.
    pub(crate) fn left(&self) -> usize {
        self.next.len()
    }

    /// There was no way to an address.
    pub(crate) fn failed(&mut self, address: SocketAddr, error: io::Error) {
        let error = tcp::explain(address, error, self.count > 1);
        self.failed.push((address, error));
    }

    /// Why all have failed.
    pub(crate) fn error(mut self) -> io::Error {
        match self.failed.len() {
            0 => io::Error::other("the name has no address"),
            1 => self.failed.remove(0).1,
            count => {
                let named = self.failed.iter().take(NAMED);
                let mut texts: Vec<String> = named.map(|(_, error)| error.to_string()).collect();
                if count > NAMED {
                    texts.push(format!("and {} more", count - NAMED));
                }
                io::Error::new(self.kind(), texts.join(", "))
            }
        }
    }

    /// What says most: that this machine has no way to one of the addresses, as without IPv6,
    /// is of no interest where another one was reached.
    fn kind(&self) -> io::ErrorKind {
        let kinds = || self.failed.iter().map(|(_, error)| error.kind());
        let no_way = |kind: &io::ErrorKind| {
            matches!(
                kind,
                io::ErrorKind::NetworkUnreachable
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::AddrNotAvailable
            )
        };
        let telling = kinds().find(|kind| !no_way(kind));
        telling
            .or_else(|| kinds().next())
            .unwrap_or(io::ErrorKind::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts
            .iter()
            .map(|text| format!("{text}:80").parse().unwrap())
            .collect()
    }

    fn order(mut race: Race) -> Vec<SocketAddr> {
        std::iter::from_fn(|| race.next()).collect()
    }

    #[test]
    fn families_take_turns() {
        let table: [(&[&str], &[&str]); 5] = [
            (&[], &[]),
            (&["10.0.0.1"], &["10.0.0.1"]),
            (
                &["[1::1]", "[1::2]", "[1::3]", "10.0.0.1", "10.0.0.2"],
                &["[1::1]", "10.0.0.1", "[1::2]", "10.0.0.2", "[1::3]"],
            ),
            (
                &["10.0.0.1", "10.0.0.2", "[1::1]"],
                &["10.0.0.1", "[1::1]", "10.0.0.2"],
            ),
            (
                &["10.0.0.1", "10.0.0.1", "10.0.0.2"],
                &["10.0.0.1", "10.0.0.2"],
            ),
        ];
        for (given, tried) in table {
            assert_eq!(order(Race::new(addresses(given))), addresses(tried));
        }
        let many: Vec<String> = (0..1000)
            .map(|n| format!("10.0.{}.{}", n / 250, n % 250))
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(order(Race::new(addresses(&many))), addresses(&many[..MOST]));
    }

    #[test]
    fn all_failures_are_told_and_the_most_telling_kind() {
        let error = Race::new(Vec::new()).error();
        assert_eq!(error.to_string(), "the name has no address");
        let failed = |failures: &[(&str, io::ErrorKind)]| {
            let texts: Vec<&str> = failures.iter().map(|(text, _)| *text).collect();
            let mut race = Race::new(addresses(&texts));
            for (_, kind) in failures {
                let address = race.next().unwrap();
                race.failed(address, (*kind).into());
            }
            race.error()
        };
        let (away, refused) = (
            io::ErrorKind::NetworkUnreachable,
            io::ErrorKind::ConnectionRefused,
        );
        let error = failed(&[("10.0.0.1", refused)]);
        assert_eq!(error.to_string(), "connection refused");
        let error = failed(&[("[1::1]", away), ("10.0.0.1", refused)]);
        assert_eq!(
            error.to_string(),
            "[1::1]:80: network unreachable, 10.0.0.1:80: connection refused"
        );
        assert_eq!(error.kind(), refused);
        let error = failed(&[("[1::1]", away), ("10.0.0.1", away)]);
        assert_eq!(error.kind(), away);
        let many: Vec<String> = (0..20).map(|n| format!("10.0.0.{n}")).collect();
        let many: Vec<_> = many.iter().map(|text| (text.as_str(), refused)).collect();
        assert!(failed(&many).to_string().ends_with(", and 12 more"));
    }
}
