//! Numbers for people: three digits and a unit.

use crate::plan::Unit;

/// A value with its unit.
pub(super) fn text(unit: Unit, value: f64) -> String {
    let scales: &[(f64, &str)] = match unit {
        Unit::Seconds => &[(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")],
        Unit::PerSecond => &[(1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")],
        Unit::Bytes => &[(1048576.0, "MiB"), (1024.0, "KiB"), (1.0, "B")],
        Unit::Count => &[(1.0, "")],
    };
    let fitting = scales.iter().find(|(scale, _)| value.abs() >= *scale);
    let (scale, name) = fitting.or(scales.last()).copied().unwrap_or((1.0, ""));
    format!("{} {name}", digits(value / scale))
        .trim_end()
        .to_owned()
}

/// Three digits.
pub(super) fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A ratio to the floor.
pub(super) fn ratio(value: f64) -> String {
    format!("{}×", digits(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (unit, value, expected) in [
            (Unit::Seconds, 12.12e-6, "12.1 µs"),
            (Unit::Seconds, 0.9e-9, "0.90 ns"),
            (Unit::PerSecond, 4_812_345.0, "4.81 M/s"),
            (Unit::PerSecond, 812.0, "812 /s"),
            (Unit::Bytes, 1536.0, "1.50 KiB"),
            (Unit::Count, 3.0, "3.00"),
        ] {
            assert_eq!(text(unit, value), expected);
        }
    }
}
