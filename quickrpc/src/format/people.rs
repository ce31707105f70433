//! A description for people who type calls on `terse`.

use std::fmt::Write as _;

use super::description::{ArgumentDescription, CallDescription, Description, Direction};

/// The call that lists all calls.
pub(crate) const HELP: &str = "help";

/// What can be called, a line each, and what people are sent.
pub(crate) fn help(apis: &[Description], others: &[String]) -> String {
    let mut text = String::new();
    for api in apis {
        let first = api.docs.lines().next().unwrap_or_default();
        let colon = if first.is_empty() { "" } else { ": " };
        let _ = writeln!(text, "{}{colon}{first}", api.name);
        list(&mut text, api, Direction::Incoming);
        if api.outgoing().next().is_some() {
            text.push_str("You are sent:\n");
            list(&mut text, api, Direction::Outgoing);
        }
    }
    if apis.is_empty() {
        text.push_str("Calls:\n");
    }
    for name in others {
        let _ = writeln!(text, "  {name}");
    }
    text.push_str("`[1]` is a number of yours, with which the answer comes back. ");
    let example = apis.iter().flat_map(Description::incoming).next();
    match example {
        Some(call) => {
            let _ = write!(text, "`help {}` tells more.", call.wire_name);
        }
        None => text.push_str("`help` lists the calls."),
    }
    text
}

/// All about one call; `None` if there is none of that name.
pub(crate) fn help_of(apis: &[Description], name: &str) -> Option<String> {
    let calls = |api: &Description| api.incoming().chain(api.outgoing()).collect::<Vec<_>>();
    let mut calls = apis.iter().flat_map(calls);
    let call = calls.find(|call| call.wire_name == name)?;
    let mut text = example(call);
    for line in call.docs.lines() {
        let _ = write!(text, "\n  {line}");
    }
    for argument in call.arguments {
        let _ = write!(text, "\n  {}: {}", argument.wire_name, argument.type_name);
        match argument.default {
            Some("Default::default()") => text.push_str(", may be missing"),
            Some(default) => {
                let _ = write!(text, ", {default} if it is missing");
            }
            None if argument.optional => text.push_str(", may be missing"),
            None => {}
        }
        let docs = argument.docs.lines().collect::<Vec<_>>().join(" ");
        let dash = if docs.is_empty() { "" } else { " - " };
        let _ = write!(text, "{dash}{docs}");
    }
    if let Some(role) = call.role {
        let _ = write!(text, "\n  It needs the role `{role}`.");
    }
    if let Some(result) = call.result {
        let _ = write!(text, "\n  It answers `{result}`.");
    }
    Some(text)
}

fn list(text: &mut String, api: &Description, direction: Direction) {
    let calls: Vec<&CallDescription> = match direction {
        Direction::Incoming => api.incoming().collect(),
        Direction::Outgoing => api.outgoing().collect(),
    };
    let examples: Vec<String> = calls.iter().map(|call| example(call)).collect();
    let widths = examples.iter().map(|example| example.chars().count());
    let width = widths.filter(|width| *width <= 40).max().unwrap_or(0);
    for (call, example) in calls.iter().zip(examples) {
        let docs = call.docs.lines().next().unwrap_or_default();
        let result = match (call.result, docs.is_empty()) {
            (None | Some("()"), _) => String::new(),
            (Some(result), true) => format!("-> {result}"),
            (Some(result), false) => format!(" -> {result}"),
        };
        let line = format!("  {example:width$}  {docs}{result}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// The call as it may be typed.
fn example(call: &CallDescription) -> String {
    let mut text = call.wire_name.to_owned();
    if call.has_reply() {
        text.push_str("[1]");
    }
    for argument in call.arguments {
        let _ = write!(text, " {}:{}", argument.wire_name, placeholder(argument));
    }
    text
}

fn placeholder(argument: &ArgumentDescription) -> &'static str {
    let name = argument.type_name;
    let inner = name
        .strip_prefix("Option<")
        .and_then(|name| name.strip_suffix('>'));
    match inner.unwrap_or(name) {
        "bool" => "true",
        "f32" | "f64" => "0.0",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128"
        | "usize" => "0",
        "&[u8]" | "Vec<u8>" | "Bytes" => "'..'",
        name if name.starts_with("Vec<") || name.starts_with("&[") || name.starts_with('(') => {
            "[..]"
        }
        name if name.starts_with("HashMap<") || name.starts_with("BTreeMap<") => "{..}",
        "&str" | "String" | "Cow<'static, str>" | "char" => "\"..\"",
        _ => "..",
    }
}

/// The answer to a line that is wrong. It begins with `!`, so that nobody answers to it. Python, which
/// knows nothing of it, stops to read where it finds neither a colon nor a value behind the first word
/// of the text, and logs it.
pub(crate) fn wrong(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"! ");
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    out.extend_from_slice(line.collect::<String>().as_bytes());
}
