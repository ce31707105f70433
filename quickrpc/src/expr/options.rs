//! Options of expressions: who gets which, and what their values may be.

use std::cell::Cell;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::error::{Wrong, found, nearest};
use super::parse::{Parsed, Piece, unescape};

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
        let stray = |option: &&OptionText<'_>| option.taken.get() == Taken::No;
        let Some(option) = self.options.iter().find(stray) else {
            return Ok(());
        };
        let known = known();
        let listed = match known.as_slice() {
            [] => String::from("there are no options here"),
            known => format!("known here are `{}`", known.join("`, `")),
        };
        let hint = nearest(option.key, known.iter().copied())
            .map_or(String::new(), |meant| format!("did you mean `{meant}`? "));
        let message = format!("unknown option, {}; {hint}{listed}", found(option.key));
        Err(Wrong::new(option.at, message))
    }
}

impl OptionText<'_> {
    fn expected(&self, what: &str) -> Wrong {
        let message = format!("expected {what}, {}", found(self.value.text));
        Wrong::new(self.value.at, message)
    }

    /// Any text, with escapes.
    pub(super) fn text(&self) -> Parsed<String> {
        unescape(self.value)
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
        read_duration(self.value.text)
            .ok_or_else(|| self.expected("a duration such as `5`, `1.5s`, `10ms` or `50us`"))
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
        read_digits(digits)
            .and_then(|n| n.checked_mul(unit))
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| *n > 0)
            .ok_or_else(|| self.expected("a size above 0 in bytes, such as `2048`, `64k` or `16M`"))
    }

    pub(super) fn count(&self, most: usize) -> Parsed<usize> {
        read_digits(self.value.text)
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| (1..=most).contains(n))
            .ok_or_else(|| match most {
                usize::MAX => self.expected("a whole number above 0"),
                _ => self.expected(&format!("a whole number from 1 to {most}")),
            })
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

fn is_key(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    !text.is_empty() && text.bytes().all(allowed)
}

/// Digits only: no sign, no blanks.
fn read_digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// An integer as Python's `int()` reads it: blanks around it, `+`, and single underscores
/// between the digits are allowed, since the original reads its numbers so.
pub(super) fn read_python_integer(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.strip_prefix('+').unwrap_or(text);
    if !digits.split('_').all(|group| read_digits(group).is_some()) {
        return None;
    }
    read_digits(&digits.replace('_', ""))
}

/// A decimal number of seconds.
pub(super) fn read_seconds(text: &str) -> Option<Duration> {
    match read_python_integer(text) {
        Some(seconds) => in_range(Duration::from_secs(seconds)),
        None => read_decimal(text.trim(), NANOS_PER_SECOND),
    }
}

/// A decimal number with a unit; seconds where there is none.
fn read_duration(text: &str) -> Option<Duration> {
    let (number, nanos) = UNITS
        .into_iter()
        .find_map(|(unit, nanos)| Some((text.strip_suffix(unit)?, nanos)))
        .unwrap_or((text, NANOS_PER_SECOND));
    read_decimal(number, nanos)
}

fn read_decimal(text: &str, unit: u128) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| match text {
        "" => Some(0),
        text => read_digits(text).map(u128::from),
    };
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let nanos = digits(whole)?
        .checked_mul(unit)?
        .checked_add(digits(fraction)?.checked_mul(unit)? / scale)?;
    in_range(Duration::from_nanos(u64::try_from(nanos).ok()?))
}

/// An instant that far ahead can still be computed on every system.
fn in_range(duration: Duration) -> Option<Duration> {
    (duration <= LONGEST).then_some(duration)
}

/// A duration as it is written in an option: digits and the largest unit that is exact.
pub(super) struct DurationText(pub(super) Duration);

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        match nanos {
            n if n % NANOS_PER_SECOND == 0 => write!(f, "{}", n / NANOS_PER_SECOND),
            n if n % 1_000_000 == 0 => write!(f, "{}ms", n / 1_000_000),
            n if n % 1_000 == 0 => write!(f, "{}us", n / 1_000),
            n => write!(f, "{n}ns"),
        }
    }
}

/// A duration as a decimal number of seconds.
pub(super) struct SecondsText(pub(super) Duration);

impl fmt::Display for SecondsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs())?;
        match self.0.subsec_nanos() {
            0 => Ok(()),
            nanos => write!(f, ".{}", format!("{nanos:09}").trim_end_matches('0')),
        }
    }
}

/// `on` or `off`.
pub(super) fn on_off(flag: bool) -> &'static str {
    if flag { "on" } else { "off" }
}

/// More options than anybody knows; keeps hostile texts from costing time.
const MOST_OPTIONS: usize = 64;
const NANOS_PER_SECOND: u128 = 1_000_000_000;
const LONGEST: Duration = Duration::from_secs(1_000_000_000);
/// Longer names first, where one ends like another.
const UNITS: [(&str, u128); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3600 * NANOS_PER_SECOND),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("5", 5_000_000_000, "5"),
            ("1.5s", 1_500_000_000, "1500ms"),
            ("10ms", 10_000_000, "10ms"),
            ("50us", 50_000, "50us"),
            ("0.5us", 500, "500ns"),
            ("2m", 120_000_000_000, "120"),
            ("1h", 3_600_000_000_000, "3600"),
            (".5", 500_000_000, "500ms"),
            ("0", 0, "0"),
        ];
        for (text, nanos, written) in cases {
            let duration = read_duration(text).unwrap();
            assert_eq!(duration.as_nanos(), nanos, "{text}");
            assert_eq!(DurationText(duration).to_string(), written);
            assert_eq!(read_duration(written), Some(duration));
            let seconds = SecondsText(duration).to_string();
            assert_eq!(read_seconds(&seconds), Some(duration), "{seconds}");
        }
        let long = format!("0.{}", "1".repeat(200));
        for wrong in [
            "",
            ".",
            "-1",
            "1e3",
            "ms",
            "5 s",
            "1000000001",
            "1.2.3",
            "+1",
            &long,
        ] {
            assert_eq!(read_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn integers_as_python_reads_them() {
        for (text, number) in [
            ("80", 80),
            (" 80 ", 80),
            ("+80", 80),
            ("8_0", 80),
            ("080", 80),
        ] {
            assert_eq!(read_python_integer(text), Some(number), "{text}");
        }
        for wrong in ["", "-1", "8__0", "_80", "80_", "8 0", "0x50", "80x", "++1"] {
            assert_eq!(read_python_integer(wrong), None, "{wrong}");
        }
    }
}
