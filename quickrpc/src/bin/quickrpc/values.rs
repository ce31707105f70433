//! Arguments as people type them, and values as they are shown.

use std::io::{self, IsTerminal, Read};
use std::thread;

use quickrpc::{Stream, Value};
use serde::de::IgnoredAny;

use super::failure::Failure;
use super::output;

/// Reads arguments: `a=2 b=text`, one JSON object or array, `-` for JSON from stdin, or nothing.
pub fn arguments(words: &[String]) -> Result<Value, Failure> {
    match words {
        [] => Ok(Value::Null),
        [word] if word == "-" => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            json(text.trim()).map_err(|error| {
                Failure::usage(format!("the arguments on stdin are no JSON: {error}"))
            })
        }
        [word] if word.starts_with(['{', '[']) => json(word)
            .map_err(|error| Failure::usage(format!("the arguments are no JSON: {error}"))),
        words => words.iter().map(|word| pair(word)).collect(),
    }
}

fn pair(word: &str) -> Result<(String, Value), Failure> {
    match word.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value_of(value)?)),
        _ => Err(
            Failure::usage(format!("expected `name=value`, found `{word}`")).hint(
                "arguments are `a=2 text=hello`, or one JSON object or array in quotes, or `-`",
            ),
        ),
    }
}

/// The lines of stdin, as values, as they come.
pub fn lines() -> Stream<Value, ()> {
    let (sender, stream) = Stream::channel();
    thread::spawn(move || {
        for line in io::stdin().lines() {
            let sent = match line {
                Ok(line) => match value_of(&line) {
                    Ok(value) => sender.send(value),
                    Err(failure) => return sender.fail(failure.text()),
                },
                Err(error) => return sender.fail(error),
            };
            // Who takes it wants no more.
            sent?;
        }
        sender.finish(())
    });
    stream
}

/// Words as a shell has them; what begins with a bracket is one JSON text up to the end.
pub fn split(line: &str) -> Result<Vec<String>, Failure> {
    if let Some((method, json)) = line.split_once(' ')
        && json.trim_start().starts_with(['{', '['])
    {
        return Ok(vec![method.to_owned(), json.trim().to_owned()]);
    }
    shell_words::split(line).map_err(|error| Failure::usage(format!("{error}: {line}")))
}

/// A value on the command line: JSON, or else the text as it is.
///
/// # Errors
///
/// It is JSON, and cannot be kept: a number that is too large, or lists within lists within lists.
pub fn value_of(text: &str) -> Result<Value, Failure> {
    json(text).or_else(|error| {
        // This looks at the form alone.
        match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => {
                let begin: String = text.chars().take(40).collect();
                let dots = if begin.len() < text.len() { ".." } else { "" };
                let text = format!("`{begin}{dots}` is JSON that cannot be kept: {error}");
                Err(Failure::usage(text).hint("a text that looks so is put in quotes: '\"..\"'"))
            }
            Err(_) => Ok(Value::from(text)),
        }
    })
}

pub fn json(text: &str) -> Result<Value, serde_json::Error> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text)
}

/// As JSON, or a text without its quotes.
pub fn shown(value: &Value, raw: bool) -> String {
    match value {
        // A program gets it as it is.
        Value::String(text) if raw && io::stdout().is_terminal() => {
            output::plain_but(text, &['\n', '\t'])
        }
        Value::String(text) if raw => text.clone(),
        value => harmless(&value.to_string()),
    }
}

/// JSON that says the same, without the characters in its texts that JSON does not escape and terminals
/// obey.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c.is_control() && c != '\n' {
            true => text += &format!("\\u{:04x}", u32::from(c)),
            false => text.push(c),
        }
    }
    text
}

/// What the data of an error says beside its message, as far as people want to know it: of a traceback,
/// which tells where in somebody's source it went wrong, the last line.
pub fn telling(data: &Value, message: &str) -> Option<String> {
    let text = match data {
        Value::String(text) if text.contains('\n') => {
            Value::from(text.trim_end().rsplit('\n').next().unwrap_or_default()).to_string()
        }
        Value::Map(members) => {
            let new = members.iter().filter(|(name, value)| {
                let is_known = *name == "message" && value.as_str() == Some(message);
                !(is_known || *name == "traceback" || value.is_null())
            });
            let new: Vec<_> = new
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            if new.is_empty() {
                return None;
            }
            new.into_iter().collect::<Value>().to_string()
        }
        data => data.to_string(),
    };
    Some(match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}..", text.get(..end).unwrap_or_default()),
        None => text,
    })
}

/// As JSON over several lines.
pub fn pretty(value: &Value) -> String {
    let json: Option<serde_json::Value> = serde_json::from_str(&value.to_string()).ok();
    let pretty = json.and_then(|json| serde_json::to_string_pretty(&json).ok());
    harmless(&pretty.unwrap_or_else(|| value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<String, Failure> {
        let words: Vec<String> = words.iter().map(|&word| word.into()).collect();
        arguments(&words).map(|value| value.to_string())
    }

    #[test]
    fn json_stays_what_it_is() {
        let value = Value::from("\u{1b}[2J\u{9b}1m\u{7f}\n");
        let shown = shown(&value, false);
        assert_eq!(shown, r#""\u001b[2J\u009b1m\u007f\n""#);
        assert_eq!(json(&shown).unwrap(), value);
    }

    #[test]
    fn tracebacks_are_not_shown() {
        let told = |data: &str| telling(&json(data).unwrap(), "oh");
        assert_eq!(told(r#"{"why": [1]}"#).unwrap(), r#"{"why":[1]}"#);
        assert_eq!(
            told(r#"{"message": "oh", "type": "KeyError", "notes": null, "traceback": ["x"]}"#)
                .unwrap(),
            r#"{"type":"KeyError"}"#
        );
        assert_eq!(told(r#"{"message": "oh", "traceback": []}"#), None);
        assert_eq!(
            told(r#""Traceback:\n  File x\nKeyError: oh\n""#).unwrap(),
            r#""KeyError: oh""#
        );
        assert_eq!(told(r#""short""#).unwrap(), r#""short""#);
    }

    #[test]
    fn arguments_are_words_or_json() {
        assert_eq!(read(&[]).unwrap(), "null");
        assert_eq!(
            read(&["a=2", "b=hello", "c=\"3\"", "d=[1,2]", "e=", "f=x=y"]).unwrap(),
            r#"{"a":2,"b":"hello","c":"3","d":[1,2],"e":null,"f":"x=y"}"#
        );
        assert_eq!(read(&[r#"{"a": 2}"#]).unwrap(), r#"{"a":2}"#);
        assert_eq!(read(&["[2, 3]"]).unwrap(), "[2,3]");
        assert!(read(&["{a: 2}"]).is_err());
        assert!(read(&["2"]).is_err());
        assert!(read(&["=2"]).is_err());
        let deep = format!("a={}{}", "[".repeat(130), "]".repeat(130));
        assert!(read(&["a=1e400"]).is_err() && read(&[&deep]).is_err());
        assert_eq!(read(&["a=[1e400"]).unwrap(), r#"{"a":"[1e400"}"#);
    }

    #[test]
    fn words_are_those_of_a_shell_or_json() {
        assert_eq!(split("say text='a b'").unwrap(), ["say", "text=a b"]);
        assert_eq!(split("add {\"a\": 2}").unwrap(), ["add", "{\"a\": 2}"]);
        assert!(split("say 'a").is_err());
        assert!(split("").unwrap().is_empty());
    }
}
