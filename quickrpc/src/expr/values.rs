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

/// A decimal number of seconds.
pub(super) fn read_seconds(text: &str) -> Option<Duration> {
    match read_python_integer(text) {
        Some(seconds) => in_range(Duration::from_secs(seconds)),
        None => read_decimal(text.trim(), NANOS_PER_SECOND),
    }
}

/// A decimal number with a unit; seconds where there is none.
pub(super) fn read_duration(text: &str) -> Option<Duration> {
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
