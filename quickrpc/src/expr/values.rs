//! Numbers and durations in expressions.

use std::fmt;
use std::time::Duration;

/// Digits only: no sign, no blanks.
pub(super) fn read_digits(text: &str) -> Option<u64> {
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

/// Why a text gives no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoDuration {
    /// It is no such number.
    Malformed,
    /// It is beyond [`LONGEST`].
    TooLong,
}

impl NoDuration {
    /// What is wrong, where such a text was found.
    pub(super) fn explain(self, expected: &str, found: &str) -> String {
        match self {
            NoDuration::Malformed => format!("expected {expected}, {found}"),
            NoDuration::TooLong => {
                let most = LONGEST.as_secs();
                format!("a time may be at the most {most} seconds (31 years), {found}")
            }
        }
    }
}

/// A decimal number of seconds.
pub(super) fn read_seconds(text: &str) -> Result<Duration, NoDuration> {
    match read_python_integer(text) {
        Some(seconds) => in_range(Duration::from_secs(seconds)),
        None => read_decimal(text.trim(), NANOS_PER_SECOND),
    }
}

/// A decimal number with a unit; seconds where there is none.
pub(super) fn read_duration(text: &str) -> Result<Duration, NoDuration> {
    let (number, nanos) = UNITS
        .into_iter()
        .find_map(|(unit, nanos)| Some((text.strip_suffix(unit)?, nanos)))
        .unwrap_or((text, NANOS_PER_SECOND));
    read_decimal(number, nanos)
}

/// How long calls may take, as a file or a command line says it: seconds, or a number with a unit.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(quickrpc::expr::read_timeout("500ms"), Ok(Duration::from_millis(500)));
/// ```
///
/// # Errors
///
/// What was expected, in words for people.
#[cfg(feature = "config")]
pub fn read_timeout(text: &str) -> Result<Duration, String> {
    let expected = "a number of seconds, or one with a unit such as `500ms` or `2m`";
    match read_duration(text) {
        Ok(duration) if duration.is_zero() => Err(format!("expected {expected} above 0")),
        read => read.map_err(|why| why.explain(expected, &format!("found `{text}`"))),
    }
}

fn read_decimal(text: &str, unit: u128) -> Result<Duration, NoDuration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(NoDuration::Malformed);
    }
    let fraction = match fraction {
        "" => 0,
        _ => {
            let scale = u32::try_from(fraction.len()).ok();
            let scale = scale.and_then(|places| 10_u128.checked_pow(places));
            let parts = fraction.parse::<u128>().ok();
            let parts = parts.and_then(|parts| parts.checked_mul(unit));
            let (parts, scale) = parts.zip(scale).ok_or(NoDuration::Malformed)?;
            parts / scale
        }
    };
    let whole = match whole {
        "" => Some(0),
        _ => whole.parse::<u128>().ok(),
    };
    let nanos = whole
        .and_then(|whole| whole.checked_mul(unit)?.checked_add(fraction))
        .and_then(|nanos| u64::try_from(nanos).ok())
        .ok_or(NoDuration::TooLong)?;
    in_range(Duration::from_nanos(nanos))
}

/// An instant that far ahead can still be computed on every system.
fn in_range(duration: Duration) -> Result<Duration, NoDuration> {
    match duration <= LONGEST {
        true => Ok(duration),
        false => Err(NoDuration::TooLong),
    }
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
            assert_eq!(read_duration(written), Ok(duration));
            let seconds = SecondsText(duration).to_string();
            assert_eq!(read_seconds(&seconds), Ok(duration), "{seconds}");
        }
        let long = format!("0.{}", "1".repeat(200));
        for wrong in ["", ".", "-1", "1e3", "ms", "5 s", "1.2.3", "+1", &long] {
            assert_eq!(read_duration(wrong), Err(NoDuration::Malformed), "{wrong}");
        }
        let long = "9".repeat(200);
        for wrong in ["1000000001", "277778h", "18446744073709551616", &long] {
            assert_eq!(read_duration(wrong), Err(NoDuration::TooLong), "{wrong}");
        }
        for wrong in ["1000000001", "1000000000.1", &long] {
            assert_eq!(read_seconds(wrong), Err(NoDuration::TooLong), "{wrong}");
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
