//! Ids of ours, as others give them back.

/// The id of an answer, if it can be one of ours, which are integers.
///
/// Some peers keep all ids as strings or all numbers as floats; both are understood.
pub(super) fn answer_id(text: &str) -> Option<u64> {
    let digits = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let text = match digits {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits,
        Some(_) => return None,
        None => text,
    };
    text.parse().ok().or_else(|| whole(text.parse().ok()?))
}

/// The float as an integer, where it is one without doubt.
fn whole(number: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    ((0.0..EXACT).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}
