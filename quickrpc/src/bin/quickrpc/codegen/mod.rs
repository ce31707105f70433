//! `quickrpc codegen`: code of other languages from a description.

mod python;
mod rust;
mod schema;
mod typescript;

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};

use super::interface::Interface;
use super::wire::How;
use super::{Done, describe, output};

/// Prints code for callers of a service, made from what it says of itself.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Codegen {
    /// Of which language
    language: Language,

    /// A transport expression, @NAME of a wire, or a file with an OpenRPC document (.json)
    wire: String,

    #[command(flatten)]
    how: How,

    /// What the interface is called; its title if that is not said
    #[arg(long)]
    name: Option<String>,

    /// TypeScript: where quickrpc.js is
    #[arg(long, value_name = "MODULE", default_value = "./quickrpc.js")]
    import: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    /// Types and functions for quickrpc.js
    Typescript,
    /// A class for Python's QuickRPC
    Python,
    /// A trait for #[remote_api]
    Rust,
}

const EXAMPLES: &str = "\
Examples:
  quickrpc codegen typescript tcp:localhost:8888 > lab.ts
  quickrpc codegen python @lab > lab_api.py
  quickrpc codegen rust --name Lab lab.json > lab.rs";

impl Codegen {
    pub fn run(self) -> Done {
        let interface = Interface::read(&describe::document(&self.wire, &self.how)?);
        let name = type_name(self.name.as_deref().unwrap_or(&interface.title));
        output::text(match self.language {
            Language::Typescript => typescript::generate(&name, &interface, &self.import),
            Language::Python => python::generate(&name, &interface),
            Language::Rust => rust::generate(&name, &interface),
        })
    }
}

/// A name for a type: `my lab, v2` becomes `MyLabV2`.
fn type_name(text: &str) -> String {
    let mut name = String::new();
    for word in text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        let (first, rest) = word.split_at(1);
        name += &first.to_ascii_uppercase();
        name += rest;
    }
    match name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => name,
        false => format!("Api{name}"),
    }
}

/// A name for a function or an argument, which is no word of the language: `lab.moveTo` becomes
/// `lab_move_to`.
fn snake_name(text: &str, reserved: &[&str]) -> String {
    let mut name = String::new();
    for c in text.chars() {
        match c {
            c if c.is_ascii_uppercase() => {
                if !name.is_empty() && !name.ends_with('_') {
                    name.push('_');
                }
                name.push(c.to_ascii_lowercase());
            }
            c if c.is_ascii_alphanumeric() || c == '_' => name.push(c),
            _ => name.push('_'),
        }
    }
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    if reserved.contains(&name.as_str()) || name.chars().all(|c| c == '_') {
        name.push('_');
    }
    name
}

/// Text of others for a comment of several lines, in which nothing but these ends a line: what is a line
/// break for some language is one for all, and other control characters are none at all.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let clean = text.chars().map(|c| match c {
        '\n' => '\n',
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        c if c.is_control() => ' ',
        c => c,
    });
    clean.collect()
}

/// The same for a comment that ends with its line.
fn one_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}

/// Names that are taken.
#[derive(Debug, Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn with<'a>(taken: impl IntoIterator<Item = &'a str>) -> Self {
        Names(taken.into_iter().map(str::to_owned).collect())
    }

    /// The name, or where something else has it that with a number behind it.
    fn fresh(&mut self, name: String) -> String {
        let mut fresh = name.clone();
        let mut number = 2;
        while !self.0.insert(fresh.clone()) {
            fresh = format!("{name}_{number}");
            number += 1;
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(type_name("my lab, v2"), "MyLabV2");
        assert_eq!(type_name("2nd"), "Api2nd");
        assert_eq!(snake_name("lab.moveTo", &[]), "lab_move_to");
        assert_eq!(snake_name("type", &["type"]), "type_");
        assert_eq!(snake_name("7", &[]), "_7");
        let mut names = Names::with(["Lab"]);
        let mut fresh = |name: &str| names.fresh(name.to_owned());
        assert_eq!(
            [fresh("Lab"), fresh("Lab"), fresh("Hub")],
            ["Lab_2", "Lab_3", "Hub"]
        );
    }

    #[test]
    fn text_leaves_no_comment() {
        assert_eq!(clean("a\r\nb\rc\u{2028}d\0e\u{1b}"), "a\nb\nc\nd e ");
        assert_eq!(one_line("a\nb\u{c}c"), "a b c");
    }
}
