//! The options of the trait: what stands in `#[remote_api(..)]`.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Lit, LitStr, Meta, Path, Token};

use crate::mistakes::Mistakes;
use crate::model::RenameRule;

const EXPECTED: &str = "expected `rename_all`, `prefix`, `positional`, `ignore_unknown` or `crate`";

/// What `#[remote_api(..)]` says about all calls.
#[derive(std::default::Default)]
pub(crate) struct Options {
    pub(crate) rename_all: Option<RenameRule>,
    pub(crate) prefix: Option<LitStr>,
    pub(crate) positional: bool,
    pub(crate) ignore_unknown: bool,
    pub(crate) krate: Option<Path>,
}

impl Options {
    pub(crate) fn parse(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut options = Options::default();
        let metas = match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(metas) => metas,
            Err(error) => {
                let at = error.span();
                mistakes.add_error(syn::Error::new(at, format!("{error}; {EXPECTED}")));
                return options;
            }
        };
        let mut seen = Vec::new();
        for meta in metas {
            let key = crate::text::of(meta.path());
            if seen.contains(&key) {
                mistakes.add(meta.path(), format!("`{key}` is given twice"));
                continue;
            }
            options.set(&key, &meta, mistakes);
            seen.push(key);
        }
        options
    }

    fn set(&mut self, key: &str, meta: &Meta, mistakes: &mut Mistakes) {
        match key {
            "rename_all" => self.rename_all = rename_rule(meta, mistakes),
            "prefix" => self.prefix = string(meta, "prefix = \"lab.\"", mistakes),
            "positional" => self.positional = flag(meta, mistakes),
            "ignore_unknown" => self.ignore_unknown = flag(meta, mistakes),
            "crate" => self.krate = crate_path(meta, mistakes),
            _ => mistakes.add(
                meta.path(),
                format!("unknown option `{key}` of `#[remote_api]`, {EXPECTED}"),
            ),
        }
    }
}

/// The string in `key = "string"`.
pub(super) fn string(meta: &Meta, example: &str, mistakes: &mut Mistakes) -> Option<LitStr> {
    let expected = format!("expected a string: `{example}`");
    match meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => return Some(text.clone()),
            // Which may have been written elsewhere, if a macro has put it here.
            value => mistakes.add(value, expected),
        },
        _ => mistakes.add(meta, expected),
    }
    None
}

/// A word alone: `positional`.
fn flag(meta: &Meta, mistakes: &mut Mistakes) -> bool {
    if !matches!(meta, Meta::Path(_)) {
        let key = crate::text::of(meta.path());
        mistakes.add(meta, format!("`{key}` takes no value: write `{key}` alone"));
    }
    true
}

fn rename_rule(meta: &Meta, mistakes: &mut Mistakes) -> Option<RenameRule> {
    let text = string(meta, "rename_all = \"camelCase\"", mistakes)?;
    let rule = RenameRule::from_name(&text.value());
    if rule.is_none() {
        mistakes.add(
            &text,
            format!(
                "unknown rule {:?} of `rename_all`, expected one of {}",
                text.value(),
                RenameRule::names(),
            ),
        );
    }
    rule
}

/// A string, or the path itself, which can begin with the `$crate` of a macro.
fn crate_path(meta: &Meta, mistakes: &mut Mistakes) -> Option<Path> {
    if let Meta::NameValue(pair) = meta
        && let Expr::Path(path) = &pair.value
        && let Ok(path) = Path::parse_mod_style.parse2(path.to_token_stream())
    {
        return Some(path);
    }
    let text = string(meta, "crate = \"::my_quickrpc\"", mistakes)?;
    match text.parse_with(Path::parse_mod_style) {
        Ok(path) => Some(path),
        Err(_) => {
            mistakes.add(
                &text,
                "expected the path of the quickrpc crate, such as `crate = \"::my_quickrpc\"`",
            );
            None
        }
    }
}
