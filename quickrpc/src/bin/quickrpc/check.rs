//! `quickrpc check`: whether a new interface breaks those who use the old one.

use clap::Args;

use super::failure::{Failure, Kind};
use super::interface::{Interface, Method, Param};
use super::wire::How;
use super::{Done, describe, output, types};

/// Tells whether a new interface breaks those who call the old one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Check {
    /// What callers know: an OpenRPC document (.json), a transport expression, or @NAME
    old: String,

    /// What they will meet: likewise
    new: String,

    #[command(flatten)]
    how: How,
}

const EXAMPLES: &str = "\
It fails (exit code 1) if there is anything that breaks a caller.

Examples:
  quickrpc describe --openrpc @lab > released.json
  quickrpc check released.json tcp:localhost:8888
      In CI, with the new program running
  quickrpc check released.json next.json";

impl Check {
    pub fn run(self) -> Done {
        let old = Interface::read(&describe::document(&self.old, &self.how)?);
        let new = Interface::read(&describe::document(&self.new, &self.how)?);
        let found = compare(&old, &new);
        for difference in &found {
            let kind = match difference.breaks {
                true => output::bold("breaks"),
                false => "adds  ".to_owned(),
            };
            output::line(format!("{kind}  {}", output::plain(&difference.text)))?;
        }
        match found.iter().filter(|difference| difference.breaks).count() {
            0 if found.is_empty() => output::line("the same"),
            0 => Ok(()),
            count => {
                let (s, verb) = if count == 1 {
                    ("", "breaks")
                } else {
                    ("s", "break")
                };
                Err(Failure::new(
                    Kind::Remote,
                    format!("{count} change{s} {verb} those who know {}", self.old),
                ))
            }
        }
    }
}

/// One thing that is not as it was.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    breaks: bool,
    text: String,
}

fn compare(old: &Interface, new: &Interface) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut say = |breaks: bool, text: String| found.push(Difference { breaks, text });
    let find = |interface: &Interface, wanted: &Method| {
        let same =
            |method: &&Method| method.name == wanted.name && method.incoming == wanted.incoming;
        interface.methods.iter().find(same).cloned()
    };
    for method in &old.methods {
        let name = &method.name;
        match find(new, method) {
            Some(now) => methods(method, &now, old, new, &mut say),
            None if method.incoming => say(true, format!("`{name}` is gone")),
            None => say(false, format!("`{name}` is not sent any more")),
        }
    }
    for method in &new.methods {
        if find(old, method).is_none() {
            let name = &method.name;
            match (method.incoming, &method.result) {
                (true, _) => say(false, format!("`{}`", method.signature())),
                (false, None) => say(false, format!("`{name}` is sent, which old callers ignore")),
                (false, Some(_)) => say(
                    true,
                    format!("`{name}` is asked, which old callers cannot answer"),
                ),
            }
        }
    }
    found
}

fn methods(
    old: &Method,
    new: &Method,
    before: &Interface,
    after: &Interface,
    say: &mut impl FnMut(bool, String),
) {
    let name = &old.name;
    // Who sends the arguments: callers, who know the old ones, or the service, which sends the new.
    let (sent, taken) = match old.incoming {
        true => (old, new),
        false => (new, old),
    };
    let param = |method: &Method, name: &str| -> Option<Param> {
        method
            .params
            .iter()
            .find(|param| param.name == name)
            .cloned()
    };
    for one in &sent.params {
        match param(taken, &one.name) {
            None if !taken.ignores_unknown => {
                let how = if old.incoming {
                    "is not taken any more"
                } else {
                    "is new, and refused by old callers"
                };
                say(true, format!("argument `{}` of `{name}` {how}", one.name));
            }
            None => {}
            Some(other) if !same(&one.schema, &other.schema, before, after) => {
                let (was, is) = match old.incoming {
                    true => (types::text(&one.schema), types::text(&other.schema)),
                    false => (types::text(&other.schema), types::text(&one.schema)),
                };
                say(
                    true,
                    format!("argument `{}` of `{name}` was {was}, and is {is}", one.name),
                );
            }
            Some(other) if !one.required && other.required => {
                say(
                    true,
                    format!(
                        "argument `{}` of `{name}` may not be missing any more",
                        one.name
                    ),
                );
            }
            Some(_) => {}
        }
    }
    for one in &taken.params {
        if param(sent, &one.name).is_none() {
            let how = if old.incoming {
                "is new"
            } else {
                "is not sent any more"
            };
            let text = format!("argument `{}` of `{name}` {how}", one.name);
            say(
                one.required,
                if one.required {
                    format!("{text}, and may not be missing")
                } else {
                    text
                },
            );
        }
    }
    if old.positional || new.positional {
        let names = |method: &Method| -> Vec<String> {
            method
                .params
                .iter()
                .map(|param| param.name.clone())
                .collect()
        };
        if !names(new).starts_with(&names(old)) {
            say(
                true,
                format!("the arguments of `{name}`, which go by position, have another order"),
            );
        }
    }
    match (&old.result, &new.result) {
        (Some(_), None) => say(true, format!("`{name}` does not answer any more")),
        (None, Some(_)) if !old.incoming => say(true, format!("`{name}` wants an answer now")),
        (Some(was), Some(is)) if !same(was, is, before, after) => {
            let (was, is) = (types::text(was), types::text(is));
            say(true, format!("`{name}` answered {was}, and answers {is}"));
        }
        _ => {}
    }
    if old.stream.is_some() != new.stream.is_some() {
        let is = if new.stream.is_some() {
            "is a stream now"
        } else {
            "is no stream any more"
        };
        say(true, format!("`{name}` {is}"));
    }
    match (&old.role, &new.role) {
        (was, Some(role)) if was.as_ref() != Some(role) && old.incoming => {
            say(true, format!("`{name}` needs the role `{role}` now"));
        }
        _ => {}
    }
    if new.deprecated && !old.deprecated {
        say(false, format!("`{name}` is deprecated"));
    }
}

/// Whether two schemas mean the same, whatever they say to people.
fn same(
    old: &quickrpc::Value,
    new: &quickrpc::Value,
    before: &Interface,
    after: &Interface,
) -> bool {
    bare(old, before, 0) == bare(new, after, 0)
}

/// A schema without what is for people, and with what it refers to in its place.
fn bare(schema: &quickrpc::Value, interface: &Interface, depth: usize) -> quickrpc::Value {
    use quickrpc::Value;
    // Types may contain themselves.
    const DEEP: usize = 16;
    if depth > DEEP {
        return Value::Null;
    }
    match schema {
        Value::Map(map) => {
            if let Some(found) =
                types::reference(schema).and_then(|name| interface.schemas.get(name))
            {
                return bare(found, interface, depth + 1);
            }
            let is_typed =
                map.len() > 1 && map.keys().any(|key| key != "title" && key != "default");
            let kept = map.iter().filter(|(key, _)| match key.as_str() {
                "description" | "default" | "examples" | "deprecated" | "$schema" => false,
                // All that is known of some types is their name.
                "title" => !is_typed,
                _ => true,
            });
            kept.map(|(key, value)| (key.clone(), bare(value, interface, depth + 1)))
                .collect()
        }
        Value::List(items) => Value::List(
            items
                .iter()
                .map(|item| bare(item, interface, depth + 1))
                .collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use quickrpc::Value;

    use super::*;

    fn interface(methods: &str) -> Interface {
        let document: Value =
            serde_json::from_str(&format!(r#"{{"methods": [{methods}]}}"#)).unwrap();
        Interface::read(&document)
    }

    fn found(old: &str, new: &str) -> Vec<String> {
        let differences = compare(&interface(old), &interface(new));
        let shown = differences.into_iter().map(|one| {
            format!(
                "{} {}",
                if one.breaks { "breaks" } else { "adds" },
                one.text
            )
        });
        shown.collect()
    }

    const ADD: &str = r#"{"name": "add", "params": [
        {"name": "a", "required": true, "schema": {"type": "integer"}},
        {"name": "b", "required": false, "schema": {"type": "integer", "default": 1}}
    ], "result": {"name": "result", "schema": {"type": "integer"}}}"#;

    #[test]
    fn what_breaks_callers_and_what_does_not() {
        assert!(found(ADD, ADD).is_empty());
        assert_eq!(found(ADD, ""), ["breaks `add` is gone"]);
        assert_eq!(
            found("", ADD),
            ["adds `add(a: integer, b: integer = 1) -> integer`"]
        );
        let cases = [
            (
                r#""default": 1"#,
                r#""default": 2, "description": "x""#,
                &[][..],
            ),
            (
                r#""type": "integer", "default""#,
                r#""type": "string", "default""#,
                &["breaks argument `b` of `add` was integer, and is string"][..],
            ),
            (
                r#""required": false"#,
                r#""required": true"#,
                &["breaks argument `b` of `add` may not be missing any more"],
            ),
            (r#""required": true"#, r#""required": false"#, &[]),
            (
                r#""name": "b""#,
                r#""name": "c""#,
                &[
                    "breaks argument `b` of `add` is not taken any more",
                    "adds argument `c` of `add` is new",
                ],
            ),
            (
                r#""name": "a", "required": true"#,
                r#""name": "c", "required": true"#,
                &[
                    "breaks argument `a` of `add` is not taken any more",
                    "breaks argument `c` of `add` is new, and may not be missing",
                ],
            ),
            (
                r#""schema": {"type": "integer"}}}"#,
                r#""schema": {"type": "string"}}}"#,
                &["breaks `add` answered integer, and answers string"],
            ),
            (
                r#""params""#,
                r#""x-role": "boss", "params""#,
                &["breaks `add` needs the role `boss` now"],
            ),
            (
                r#""params""#,
                r#""deprecated": true, "params""#,
                &["adds `add` is deprecated"],
            ),
            (
                r#""params""#,
                r#""x-stream": {"schema": {}}, "params""#,
                &["breaks `add` is a stream now"],
            ),
        ];
        for (from, to, expected) in cases {
            assert_eq!(found(ADD, &ADD.replacen(from, to, 1)), expected, "{to}");
        }
    }

    #[test]
    fn what_is_sent_goes_the_other_way() {
        let sent = ADD.replace(r#""params""#, r#""x-direction": "outgoing", "params""#);
        assert_eq!(found(&sent, ""), ["adds `add` is not sent any more"]);
        assert_eq!(
            found("", &sent),
            ["breaks `add` is asked, which old callers cannot answer"]
        );
        let more = sent.replace(
            r#""params": ["#,
            r#""params": [{"name": "c", "schema": {}}, "#,
        );
        assert_eq!(
            found(&sent, &more),
            ["breaks argument `c` of `add` is new, and refused by old callers"]
        );
        assert_eq!(
            found(&more, &sent),
            ["adds argument `c` of `add` is not sent any more"]
        );
    }
}
