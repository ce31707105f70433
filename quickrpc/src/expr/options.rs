//! Options of expressions: who gets which, and what their values may be.

use std::cell::Cell;
use std::net::IpAddr;
use std::time::Duration;

use super::host::check_host;
use super::parse::{Parsed, Piece, in_key, stray_backslash, unescape};
use super::values::{read_digits, read_duration};
use crate::base::expr_error::{Wrong, found, nearest};
use crate::base::sys;

/// The options of one expression, and those around it.
///
/// A part takes what it knows, from the nearest expression that has it; what nobody has
/// taken in the end is an error.
pub(super) struct Scope<'p, 'a> {
    outer: Option<&'p Scope<'p, 'a>>,
    options: Vec<OptionText<'a>>,
    /// Whether a `mux:` lies between this scope and the outer one.
    in_mux: bool,
}

/// One `key=value`.
pub(super) struct OptionText<'a> {
    pub(super) key: &'a str,
    at: usize,
    pub(super) value: Piece<'a>,
    taken: Cell<Taken>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Taken {
    /// By nobody.
    No,
    /// Somebody knows it, but has the same option nearer by.
    Hidden,
    Yes,
}

impl<'p, 'a> Scope<'p, 'a> {
    /// Reads `key=value&key=value`.
    pub(super) fn new(
        outer: Option<&'p Scope<'p, 'a>>,
        in_mux: bool,
        text: Option<Piece<'a>>,
    ) -> Parsed<Self> {
        let mut options: Vec<OptionText<'a>> = Vec::new();
        for piece in text.iter().flat_map(|text| text.split('&')) {
            let pair = piece.split_once('=').filter(|(key, _)| is_key(key.text));
            let Some((key, value)) = pair else {
                let message = format!("expected `key=value`, {}", found(piece.text));
                return Err(Wrong::new(piece.at, message));
            };
            if options.iter().any(|other| other.key == key.text) {
                let message = format!("option `{}` is given twice", key.text);
                return Err(Wrong::new(key.at, message));
            }
            if options.len() >= MOST_OPTIONS {
                let message = format!("more than {MOST_OPTIONS} options");
                return Err(Wrong::new(key.at, message));
            }
            options.push(OptionText {
                key: key.text,
                at: key.at,
                value,
                taken: Cell::new(Taken::No),
            });
        }
        Ok(Scope {
            outer,
            options,
            in_mux,
        })
    }

    fn chain(&self) -> impl Iterator<Item = &Scope<'p, 'a>> {
        // The lifetimes shrink along the chain, hence the explicit type.
        let mut next: Option<&Scope<'_, 'a>> = Some(self);
        std::iter::from_fn(move || {
            let scope = next?;
            next = scope.outer;
            Some(scope)
        })
    }

    fn named(&self, key: &str) -> impl Iterator<Item = &OptionText<'a>> {
        self.chain()
            .flat_map(|scope| &scope.options)
            .filter(move |option| option.key == key)
    }

    /// The option with this key, if it is given here or further out. The nearest counts.
    pub(super) fn take(&self, key: &str) -> Option<&OptionText<'a>> {
        let mut all = self.named(key);
        let nearest = all.next()?;
        nearest.taken.set(Taken::Yes);
        for further in all {
            further.taken.set(further.taken.get().max(Taken::Hidden));
        }
        Some(nearest)
    }

    /// Runs `inner`, then takes the nearest option that nothing in it has taken.
    pub(super) fn take_after<T>(
        &self,
        key: &str,
        inner: impl FnOnce() -> Parsed<T>,
    ) -> Parsed<(T, Option<&OptionText<'a>>)> {
        // A part beside us in a `mux:` may have taken it; that does not count.
        let before: Vec<Taken> = self
            .named(key)
            .map(|option| option.taken.replace(Taken::No))
            .collect();
        let value = inner()?;
        let ours = self
            .named(key)
            .find(|option| option.taken.get() != Taken::Yes);
        if let Some(option) = ours {
            option.taken.set(Taken::Yes);
        }
        for (option, before) in self.named(key).zip(before) {
            // Further out, it may still be taken; if not, ours has hidden it.
            let now = option.taken.get().max(before);
            option.taken.set(if ours.is_some() {
                now.max(Taken::Hidden)
            } else {
                now
            });
        }
        Ok((value, ours))
    }

    /// All options whose keys begin so, here or further out, with the rest of the key; of each the
    /// nearest counts.
    pub(super) fn take_all(&self, prefix: &str) -> Vec<(&'a str, &OptionText<'a>)> {
        let mut keys: Vec<&'a str> = Vec::new();
        for option in self.chain().flat_map(|scope| &scope.options) {
            let rest = option.key.strip_prefix(prefix);
            if rest.is_some_and(|rest| !rest.is_empty()) && !keys.contains(&option.key) {
                keys.push(option.key);
            }
        }
        let take = |key: &'a str| Some((key.strip_prefix(prefix)?, self.take(key)?));
        keys.into_iter().filter_map(take).collect()
    }

    /// All options but the excepted ones, for a plug-in, which alone knows what it knows.
    /// Those outside a `mux:` are meant for several parts and are not given to it.
    pub(super) fn take_rest(&self, except: impl Fn(&str) -> bool) -> Vec<&OptionText<'a>> {
        let mut rest: Vec<&OptionText<'a>> = Vec::new();
        for scope in self.chain() {
            for option in scope.options.iter().filter(|option| !except(option.key)) {
                if rest.iter().any(|nearer| nearer.key == option.key) {
                    option.taken.set(option.taken.get().max(Taken::Hidden));
                } else {
                    option.taken.set(Taken::Yes);
                    rest.push(option);
                }
            }
            if scope.in_mux {
                break;
            }
        }
        rest
    }

    /// The error for the first option of this scope that nobody knows.
    pub(super) fn finish(&self, known: impl FnOnce() -> Vec<&'static str>) -> Parsed<()> {
        self.finish_with(known, |_| None)
    }

    /// The same, and it says what does know it, if this is a shorthand.
    pub(super) fn finish_with(
        &self,
        known: impl FnOnce() -> Vec<&'static str>,
        belongs_to: impl FnOnce(&str) -> Option<&'static str>,
    ) -> Parsed<()> {
        let stray = |option: &&OptionText<'_>| option.taken.get() == Taken::No;
        let Some(option) = self.options.iter().find(stray) else {
            return Ok(());
        };
        let known = known();
        if known.contains(&option.key) {
            let message = format!("`{}` is given already, as a parameter", option.key);
            return Err(Wrong::new(option.at, message));
        }
        let listed = match known.as_slice() {
            [] => String::from("there are no options here"),
            known => format!("known here are `{}`", known.join("`, `")),
        };
        let meant = || nearest(option.key, known.iter().copied());
        let hint = match belongs_to(option.key) {
            Some(shorthand) => format!("`{shorthand}:` has it; "),
            None => meant().map_or(String::new(), |meant| format!("did you mean `{meant}`? ")),
        };
        let message = format!("unknown option, {}; {hint}{listed}", found(option.key));
        Err(Wrong::new(option.at, message))
    }
}

/// Takes an option and reads its value.
pub(super) fn take<'a, T>(
    scope: &Scope<'_, 'a>,
    key: &str,
    read: impl FnOnce(&OptionText<'a>) -> Parsed<T>,
) -> Parsed<Option<T>> {
    scope.take(key).map(read).transpose()
}

impl OptionText<'_> {
    pub(super) fn expected(&self, what: &str) -> Wrong {
        let message = format!("expected {what}, {}", found(self.value.text));
        Wrong::new(self.value.at, message)
    }

    /// An error about the option as such.
    pub(super) fn wrong(&self, message: &str) -> Wrong {
        Wrong::new(self.at, message)
    }

    /// Any text, with escapes.
    pub(super) fn text(&self) -> Parsed<String> {
        unescape(self.value)
    }

    /// Texts with escapes, with commas between them.
    pub(super) fn texts(&self) -> Parsed<Vec<String>> {
        self.value.split(',').map(unescape).collect()
    }

    /// A path in the file system, with escapes.
    pub(super) fn path(&self, what: &str) -> Parsed<String> {
        if sys::PATHS_HAVE_BACKSLASHES
            && let Some(place) = stray_backslash(self.value.text)
        {
            let message = "in a path, `/` or `\\\\` is written for `\\`, which begins an escape";
            return Err(Wrong::new(self.value.at + place, message));
        }
        let text = self.text()?;
        match text.is_empty() || text.contains('\0') {
            true => Err(self.expected(what)),
            false => Ok(text),
        }
    }

    /// A word of HTTP (RFC 9110, section 5.6.2).
    pub(super) fn token(&self) -> Parsed<String> {
        let text = self.value.text;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%'*+-.^_`|~".contains(&b);
        match !text.is_empty() && text.bytes().all(allowed) {
            true => Ok(text.to_owned()),
            false => Err(self.expected("a name without spaces and commas")),
        }
    }

    /// Origins of pages (RFC 6454, section 6.2), or `*` for all.
    pub(super) fn origins(&self) -> Parsed<Vec<String>> {
        let one = |piece: Piece<'_>| match unescape(piece)?.to_ascii_lowercase() {
            text if is_origin(&text) => Ok(text),
            _ => {
                let text = found(piece.text);
                let message = format!(
                    "expected origins such as `https://example.org`, or `*` for all, {text}"
                );
                Err(Wrong::new(piece.at, message))
            }
        };
        self.value.split(',').map(one).collect()
    }

    /// A name or an address of a host.
    pub(super) fn host(&self) -> Parsed<String> {
        match check_host(self.value)? {
            host if host.text.is_empty() => Err(self.expected("a name or an address")),
            host => Ok(host.text.to_owned()),
        }
    }

    pub(super) fn flag(&self) -> Parsed<bool> {
        match self.value.text {
            "on" | "true" | "1" => Ok(true),
            "off" | "false" | "0" => Ok(false),
            _ => Err(self.expected("`on` or `off`")),
        }
    }

    /// A duration; 0 and `off` are `None`.
    pub(super) fn duration_or_off(&self) -> Parsed<Option<Duration>> {
        if self.value.text == "off" {
            return Ok(None);
        }
        self.duration().map(|d| (!d.is_zero()).then_some(d))
    }

    pub(super) fn duration(&self) -> Parsed<Duration> {
        let expected = "a duration such as `5`, `1.5s`, `10ms` or `50us`";
        read_duration(self.value.text).map_err(|wrong| {
            let found = found(self.value.text);
            Wrong::new(self.value.at, wrong.explain(expected, &found))
        })
    }

    /// A time in which something can happen.
    pub(super) fn duration_above_0(&self) -> Parsed<Duration> {
        match self.duration()? {
            Duration::ZERO => Err(self.expected("a duration above 0")),
            duration => Ok(duration),
        }
    }

    /// A number of bytes, in units of 1024 where a letter follows.
    pub(super) fn size(&self) -> Parsed<usize> {
        let text = self.value.text;
        let (digits, unit) = match text.char_indices().last() {
            Some((at, 'k' | 'K')) => (&text[..at], 1 << 10),
            Some((at, 'M')) => (&text[..at], 1 << 20),
            Some((at, 'G')) => (&text[..at], 1 << 30),
            _ => (text, 1),
        };
        let expected = "a size above 0 in bytes, such as `2048`, `64k` or `16M`";
        Ok(self.whole(digits, usize::MAX / unit, expected)? * unit)
    }

    pub(super) fn count(&self, most: usize) -> Parsed<usize> {
        let expected = "a whole number above 0";
        let count = self.whole(self.value.text, most, expected);
        match most {
            usize::MAX => count,
            _ => count.map_err(|_| self.expected(&format!("a whole number from 1 to {most}"))),
        }
    }

    /// A number from 1 to this.
    fn whole(&self, digits: &str, most: usize, expected: &str) -> Parsed<usize> {
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        // Only what is too large for it is none.
        let number = read_digits(digits).and_then(|number| usize::try_from(number).ok());
        match number {
            Some(number) if (1..=most).contains(&number) => Ok(number),
            Some(0) => Err(self.expected(expected)),
            _ if is_number => {
                Err(self.expected(&format!("{expected} (the number at the most {most})")))
            }
            _ => Err(self.expected(expected)),
        }
    }

    /// A number above 0; `off` is `None`.
    pub(super) fn count_or_off(&self) -> Parsed<Option<u32>> {
        if self.value.text == "off" {
            return Ok(None);
        }
        let expected = "a whole number above 0, or `off`";
        let most = usize::try_from(u32::MAX).unwrap_or(usize::MAX);
        let count = self.whole(self.value.text, most, expected)?;
        Ok(Some(u32::try_from(count).unwrap_or(u32::MAX)))
    }

    pub(super) fn ip(&self) -> Parsed<IpAddr> {
        let text = self.value.text;
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        bare.unwrap_or(text)
            .parse()
            .map_err(|_| self.expected("an IP address"))
    }

    pub(super) fn multicast(&self) -> Parsed<IpAddr> {
        self.ip()
            .ok()
            .filter(IpAddr::is_multicast)
            .ok_or_else(|| self.expected("the IP address of a multicast group"))
    }

    /// The error of an option that cannot be here.
    pub(super) fn out_of_place(&self, why: &str) -> Wrong {
        Wrong::new(self.value.at, why)
    }

    /// Permissions of a file, in octal digits as for `chmod`.
    pub(super) fn mode(&self) -> Parsed<u32> {
        let text = self.value.text;
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let octal = !digits.is_empty() && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
        u32::from_str_radix(digits, 8)
            .ok()
            .filter(|mode| octal && *mode <= 0o777)
            .ok_or_else(|| self.expected("permissions in octal digits, such as `0660`"))
    }
}

fn is_origin(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+-.:[]_".contains(&b);
    let good = |text: &str| !text.is_empty() && text.bytes().all(allowed);
    let page = text.split_once("://");
    matches!(text, "*" | "null") || page.is_some_and(|(scheme, rest)| good(scheme) && good(rest))
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(in_key)
}

/// More options than anybody knows; keeps hostile texts from costing time.
const MOST_OPTIONS: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::tests::{parse, register_plugin};
    use crate::TransportExpr;

    #[test]
    fn options_go_to_the_innermost_part_that_knows_them() {
        register_plugin();
        for (text, written) in [
            (
                "restart:5:tcp:h:1?keepalive=9&backoff=60",
                "restart:5:(tcp:h:1?keepalive=9)?backoff=60",
            ),
            ("restart:5:(tcp:h:1?keepalive=9&backoff=60)", ""),
            (
                "restart:1:restart:2:tcp:h:1?backoff=60",
                "restart:1:(restart:2:tcp:h:1?backoff=60)",
            ),
            (
                "restart:1:(restart:2:tcp:h:1?backoff=60)?backoff=70",
                "restart:1:(restart:2:tcp:h:1?backoff=60)?backoff=70",
            ),
            (
                "mux:(tcp:a:1?keepalive=5)(tcpserv::1)(internal:)?keepalive=10",
                "mux:(tcp:a:1?keepalive=5)(tcpserv::1?keepalive=10)(internal:)",
            ),
            (
                "mux:(tcp:a:1?keepalive=off)(tcp:b:1)?keepalive=10",
                "mux:(tcp:a:1)(tcp:b:1?keepalive=10)",
            ),
            (
                "mux:(restart:1:tcp:a:1)(restart:2:tcp:b:2)(stdio:)?backoff=9&guard=off",
                "mux:(restart:1:tcp:a:1?backoff=9)(restart:2:tcp:b:2?backoff=9)(stdio:?guard=off)",
            ),
            (
                "mux:(restart:1:tcp:a:1?backoff=5)?backoff=9",
                "mux:(restart:1:tcp:a:1?backoff=5)",
            ),
            (
                "mux:(udp:1)(stdio:)?stall=1.5",
                "mux:(udp:1?stall=1500ms)(stdio:?stall=1500ms)",
            ),
            (
                "restart:5:serial:x?baud=1&backoff=60&stop=1",
                "restart:5:(serial:x?baud=1&stop=1)?backoff=60",
            ),
            (
                "mux:(serial:x)(tcp:h:1)?keepalive=5",
                "mux:(serial:x)(tcp:h:1?keepalive=5)",
            ),
            ("mux:(serial:x)(tcp:h:1)?baud=5", ""),
        ] {
            match text.parse::<TransportExpr>() {
                Ok(expr) => {
                    assert_eq!(expr.in_full(), written, "{text}");
                    assert_eq!(parse(written), expr, "{text}");
                }
                Err(error) if written.is_empty() => {
                    assert!(error.message().starts_with("unknown option"), "{error}");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn what_is_too_large_is_told_from_what_is_no_number() {
        let table = [
            (
                "message_size=99999999999G",
                "such as `2048`, `64k` or `16M` (the number at the most 17179869183), found `99",
            ),
            (
                "batch_entries=99999999999999999999",
                "above 0 (the number at the most 18446744073709551615), found `99",
            ),
            (
                "batch_entries=0",
                "expected a whole number above 0, found `0`",
            ),
            (
                "rate=5000000000",
                "above 0, or `off` (the number at the most 4294967295), found `50",
            ),
            (
                "rate=-1",
                "expected a whole number above 0, or `off`, found `-1`",
            ),
            (
                "nesting_depth=99999999999999999999",
                "from 1 to 1024, found `99",
            ),
            (
                "connect=1000000001",
                "a time may be at the most 1000000000 seconds (31 years), found `1000000001`",
            ),
        ];
        for (option, words) in table {
            let error = format!("tcp:h:1?{option}").parse::<TransportExpr>();
            let text = error.unwrap_err().to_string();
            assert!(text.contains(words), "{text}");
        }
    }
}
