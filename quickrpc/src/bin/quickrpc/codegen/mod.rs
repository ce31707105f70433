//! `quickrpc codegen`: code of other languages from a description.

mod python;
mod rust;
mod schema;
mod typescript;

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
    }
}
