//! The attributes of the trait, of calls and of arguments.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, Ident, LitStr, Meta, Token};

use super::subscription::Subscription;
use crate::mistakes::Mistakes;
use crate::model::Direction;

/// The attributes of a method.
pub(crate) struct CallAttrs {
    /// `None` if it is missing or contradictory, which has been reported then.
    pub(crate) direction: Option<Direction>,
    pub(crate) positional: bool,
    /// Its calls run beside each other.
    pub(crate) concurrent: bool,
    /// It is a property.
    pub(crate) property: bool,
    /// The other side may write it.
    pub(crate) writable: bool,
    /// Its stream is in the convention of other people.
    pub(crate) subscription: Option<Subscription>,
    pub(crate) name: Option<LitStr>,
    /// The role that a caller needs.
    pub(crate) role: Option<LitStr>,
    /// The role that who writes a property needs.
    pub(crate) write_role: Option<LitStr>,
    /// How long its callers wait.
    pub(crate) timeout: Option<(Attribute, Duration)>,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) deprecated: Option<Attribute>,
    pub(crate) must_use: Option<Attribute>,
    pub(crate) lints: Lints,
}

/// Which lints are allowed, expected, and so on.
#[derive(std::default::Default)]
pub(crate) struct Lints(Vec<Attribute>);

/// The attributes of an argument.
#[derive(std::default::Default)]
pub(crate) struct ArgumentAttrs {
    pub(crate) name: Option<LitStr>,
    pub(crate) default: Option<Default>,
    /// Where it says that the argument is all that is sent.
    pub(crate) whole: Option<Attribute>,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) lints: Lints,
}

/// What an argument is when it is missing.
pub(crate) enum Default {
    /// `#[default]`
    Trait(Span),
    /// `#[default(expr)]`
    Expr(Expr),
}

/// Splits the attributes of the trait into doc comments and `#[allow(..)]`.
pub(super) fn trait_attrs(
    attrs: Vec<Attribute>,
    mistakes: &mut Mistakes,
) -> (Vec<Attribute>, Vec<Attribute>) {
    let (mut docs, mut allows) = (Vec::new(), Vec::new());
    for attr in attrs {
        match name_of(&attr).as_str() {
            "doc" => docs.push(attr),
            "allow" => allows.push(attr),
            name if is_for_a_tool(name) => {}
            name @ ("cfg" | "cfg_attr") => mistakes.add(
                &attr,
                format!("put `#[{name}]` above `#[remote_api]`, so that it is decided first"),
            ),
            name @ ("incoming" | "outgoing") => mistakes.add(
                &attr,
                format!("`#[{name}]` belongs on each method, not on the trait"),
            ),
            name => mistakes.add(
                &attr,
                format!(
                    "`#[{name}]` has no meaning here, since the trait is replaced by generated \
                     types; allowed below `#[remote_api]` are doc comments and `#[allow(..)]`"
                ),
            ),
        }
    }
    (docs, allows)
}

impl CallAttrs {
    pub(super) fn parse(attrs: Vec<Attribute>, method: &Ident, mistakes: &mut Mistakes) -> Self {
        let before = mistakes.count();
        let mut this = CallAttrs {
            direction: None,
            positional: false,
            concurrent: false,
            property: false,
            writable: false,
            subscription: None,
            name: None,
            role: None,
            write_role: None,
            timeout: None,
            docs: Vec::new(),
            deprecated: None,
            must_use: None,
            lints: Lints::default(),
        };
        let mut contradictory = false;
        for attr in attrs {
            match name_of(&attr).as_str() {
                "incoming" => contradictory |= this.set(Direction::Incoming, &attr, mistakes),
                "outgoing" => contradictory |= this.set(Direction::Outgoing, &attr, mistakes),
                "name" => set_name(&mut this.name, &attr, mistakes),
                "require" => this.set_roles(&attr, mistakes),
                "timeout" => this.set_timeout(attr, mistakes),
                "doc" => this.docs.push(attr),
                "deprecated" => set_once(&mut this.deprecated, attr, mistakes),
                "must_use" => set_once(&mut this.must_use, attr, mistakes),
                name if is_lint_level(name) => this.lints.0.push(attr),
                name if is_for_a_tool(name) => {}
                name => mistakes.add(&attr, refused_on_call(name)),
            }
        }
        if let Some(role) = &this.write_role
            && !this.writable
        {
            mistakes.add(
                role,
                "`write_role` is for a property that may be written: \
                 `#[incoming(property, writable)]`",
            );
        }
        if contradictory {
            this.direction = None;
        } else if this.direction.is_none() && mistakes.count() == before {
            mistakes.add(
                method,
                format!(
                    "say which way `{method}` goes: `#[incoming]` if the side named after the \
                     trait receives it, `#[outgoing]` if it sends it"
                ),
            );
        }
        this
    }

    /// Takes `#[incoming]` or `#[outgoing]`; whether it contradicts an earlier one.
    fn set(&mut self, direction: Direction, attr: &Attribute, mistakes: &mut Mistakes) -> bool {
        for word in words(attr, mistakes) {
            match word {
                Word::Positional => self.positional = true,
                Word::Concurrent => self.concurrent = true,
                Word::Property => self.property = true,
                Word::Writable => self.writable = true,
                Word::Subscription(subscription) => self.subscription = Some(*subscription),
            }
        }
        match self.direction {
            None => self.direction = Some(direction),
            Some(earlier) if earlier == direction => {
                mistakes.add(attr, format!("`#[{}]` is given twice", name_of(attr)));
            }
            Some(_) => {
                mistakes.add(
                    attr,
                    "a call is either `#[incoming]` or `#[outgoing]`; for both directions declare \
                     two methods, and give both the same `#[name = \"..\"]`",
                );
                return true;
            }
        }
        false
    }
}

impl ArgumentAttrs {
    pub(super) fn parse(attrs: Vec<Attribute>, mistakes: &mut Mistakes) -> Self {
        let mut this = ArgumentAttrs::default();
        for attr in attrs {
            match name_of(&attr).as_str() {
                "name" => set_name(&mut this.name, &attr, mistakes),
                "doc" => this.docs.push(attr),
                "default" if this.default.is_some() => {
                    mistakes.add(&attr, "`#[default]` is given twice");
                }
                "default" => this.default = default(&attr, mistakes),
                "whole" if this.whole.is_some() => mistakes.add(&attr, "`#[whole]` is given twice"),
                "whole" if !matches!(attr.meta, Meta::Path(_)) => {
                    mistakes.add(&attr, "`#[whole]` takes no value");
                }
                "whole" => this.whole = Some(attr),
                name if is_lint_level(name) => this.lints.0.push(attr),
                name if is_for_a_tool(name) => {}
                name => mistakes.add(&attr, refused_on_argument(name)),
            }
        }
        this
    }
}

impl Lints {
    /// As declared, for the sender, which has exactly the declared arguments.
    pub(crate) fn as_declared(&self) -> TokenStream {
        self.0.iter().map(Attribute::to_token_stream).collect()
    }

    /// For all else that is generated for the call: what is allowed or expected is allowed.
    ///
    /// One declaration becomes several items. An expectation that one of them meets would be
    /// a warning at the others, and a lint that is turned on would find what nobody wrote.
    pub(crate) fn silenced(&self) -> TokenStream {
        let attrs = self.0.iter().filter_map(|attr| match &attr.meta {
            Meta::List(list) if list.path.is_ident("allow") || list.path.is_ident("expect") => {
                let mut list = list.clone();
                list.path = Ident::new("allow", list.path.span()).into();
                let meta = Meta::List(list);
                Some(quote!(#[#meta]))
            }
            _ => None,
        });
        attrs.collect()
    }
}

fn refused_on_call(name: &str) -> String {
    match name {
        "cfg" | "cfg_attr" => malformed_condition(name),
        "default" => "`#[default]` belongs on an argument, not on the method".to_owned(),
        "whole" => "`#[whole]` belongs on the only argument, not on the method".to_owned(),
        "positional" => "write `#[incoming(positional)]` or `#[outgoing(positional)]`".to_owned(),
        _ => format!(
            "unknown attribute `#[{name}]` of a call, expected `#[incoming]`, `#[outgoing]`, \
             `#[name = \"..\"]`, `#[require(role = \"..\")]`, `#[timeout(\"30s\")]`, `#[deprecated]`, \
             `#[must_use]`, `#[cfg(..)]`, `#[allow(..)]` and its like, or a doc comment"
        ),
    }
}

fn refused_on_argument(name: &str) -> String {
    match name {
        "cfg" | "cfg_attr" => malformed_condition(name),
        "incoming" | "outgoing" => {
            format!("`#[{name}]` belongs on the method, not on an argument")
        }
        "deprecated" => "an argument cannot be deprecated, since whoever calls has to give it; \
                         put `#[deprecated]` on the method, and declare the call that is to be \
                         used instead"
            .to_owned(),
        "must_use" => "nobody is warned about an argument that is not used; `#[must_use]` belongs \
                       on the method, where it is about the answer"
            .to_owned(),
        _ => format!(
            "unknown attribute `#[{name}]` of an argument, expected `#[name = \"..\"]`, \
             `#[default]`, `#[default(..)]`, `#[whole]`, `#[cfg(..)]`, `#[allow(..)]` and its like, \
             or a doc comment"
        ),
    }
}

/// The conditions that are well-formed have been decided before attributes are read.
fn malformed_condition(name: &str) -> String {
    match name {
        "cfg" => "expected one condition, as in `#[cfg(unix)]`; several go into `all(..)` or \
                  `any(..)`"
            .to_owned(),
        _ => {
            "expected a condition and attributes, as in `#[cfg_attr(unix, deprecated)]`".to_owned()
        }
    }
}

fn set_once(slot: &mut Option<Attribute>, attr: Attribute, mistakes: &mut Mistakes) {
    if slot.is_some() {
        mistakes.add(&attr, format!("`#[{}]` is given twice", name_of(&attr)));
    }
    *slot = Some(attr);
}

fn is_lint_level(name: &str) -> bool {
    matches!(name, "allow" | "expect" | "warn" | "deny" | "forbid")
}

/// A word in parentheses, as in `#[incoming(property, writable)]`.
enum Word {
    Positional,
    Concurrent,
    Property,
    Writable,
    Subscription(Box<Subscription>),
}

impl Word {
    /// A word without a value.
    fn plain(text: &str) -> Option<Word> {
        match text {
            "positional" => Some(Word::Positional),
            "concurrent" => Some(Word::Concurrent),
            "property" => Some(Word::Property),
            "writable" => Some(Word::Writable),
            _ => None,
        }
    }
}

fn words(attr: &Attribute, mistakes: &mut Mistakes) -> Vec<Word> {
    let name = name_of(attr);
    let list = match &attr.meta {
        Meta::Path(_) => return Vec::new(),
        Meta::List(list) => &list.tokens,
        Meta::NameValue(pair) => {
            mistakes.add(
                pair,
                format!("expected `#[{name}]` or `#[{name}(positional)]`; for the name on the wire use `#[name = \"..\"]`"),
            );
            return Vec::new();
        }
    };
    let metas = match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(list.clone()) {
        Ok(metas) => metas,
        Err(error) => {
            let text = format!("{error}; expected `#[{name}]` or `#[{name}(positional)]`");
            mistakes.add_error(syn::Error::new(error.span(), text));
            return Vec::new();
        }
    };
    let mut words = Vec::new();
    for meta in &metas {
        let found = crate::text::of(meta.path());
        if found == "subscription" {
            let subscription = Subscription::parse(meta, mistakes).map(Box::new);
            words.extend(subscription.map(Word::Subscription));
            continue;
        }
        match (Word::plain(&found), meta) {
            (Some(word), Meta::Path(_)) => words.push(word),
            (Some(_), _) => mistakes.add(meta, format!("`{found}` takes no value")),
            (None, _) => mistakes.add(
                meta,
                format!(
                    "unknown option `{found}` of `#[{name}]`, expected `positional`, `concurrent`, \
                     `property`, `writable` or `subscription(..)`"
                ),
            ),
        }
    }
    let property = words.iter().any(|word| matches!(word, Word::Property));
    let writable = words.iter().any(|word| matches!(word, Word::Writable));
    if property && words.iter().any(|word| matches!(word, Word::Concurrent)) {
        mistakes.add(
            list,
            "a property is not `concurrent`: its reads and writes keep their order",
        );
    }
    if writable && !property {
        mistakes.add(
            list,
            format!("only a property is `writable`: `#[{name}(property, writable)]`"),
        );
    }
    if property
        && let Some(subscription) = words.iter().find_map(|word| match word {
            Word::Subscription(subscription) => Some(&subscription.at),
            _ => None,
        })
    {
        mistakes.add(
            subscription,
            "a property tells its changes by itself; a subscription is a call that returns a \
             `Stream<T>`",
        );
    }
    words
}

fn set_name(slot: &mut Option<LitStr>, attr: &Attribute, mistakes: &mut Mistakes) {
    let Some(name) = super::options::string(&attr.meta, "#[name = \"onTheWire\"]", mistakes) else {
        return;
    };
    if slot.is_some() {
        mistakes.add(attr, "`#[name]` is given twice");
    }
    *slot = Some(name);
}

impl CallAttrs {
    /// Takes `#[require(role = "admin")]`.
    fn set_roles(&mut self, attr: &Attribute, mistakes: &mut Mistakes) {
        const EXAMPLE: &str = "#[require(role = \"admin\")]";
        const WRITE: &str = "#[require(write_role = \"admin\")]";
        let Meta::List(list) = &attr.meta else {
            return mistakes.add(attr, format!("expected `{EXAMPLE}`"));
        };
        let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
        let metas = match parser.parse2(list.tokens.clone()) {
            Ok(metas) if !metas.is_empty() => metas,
            Ok(_) => return mistakes.add(attr, format!("expected `{EXAMPLE}`")),
            Err(error) => {
                let text = format!("{error}; expected `{EXAMPLE}`");
                return mistakes.add_error(syn::Error::new(error.span(), text));
            }
        };
        for meta in &metas {
            let (slot, example) = if meta.path().is_ident("role") {
                (&mut self.role, EXAMPLE)
            } else if meta.path().is_ident("write_role") {
                (&mut self.write_role, WRITE)
            } else {
                mistakes.add(meta, format!("expected `{EXAMPLE}`"));
                continue;
            };
            let Some(role) = super::options::string(meta, example, mistakes) else {
                continue;
            };
            let text = role.value();
            if text.is_empty() || text.contains(char::is_whitespace) {
                mistakes.add(&role, "a role is one word");
            }
            if slot.is_some() {
                mistakes.add(attr, "`#[require]` is given twice");
            }
            *slot = Some(role);
        }
    }
}

impl CallAttrs {
    /// Takes `#[timeout("30s")]`.
    fn set_timeout(&mut self, attr: Attribute, mistakes: &mut Mistakes) {
        const EXPECTED: &str = "expected a time such as `#[timeout(\"30s\")]`, with a unit that is \
                                `ms`, `s`, `m` or `h`";
        let text: LitStr = match attr.parse_args() {
            Ok(text) => text,
            Err(_) => return mistakes.add(&attr, EXPECTED),
        };
        let Some(timeout) = duration(&text.value()) else {
            return mistakes.add(&text, EXPECTED);
        };
        if timeout.is_zero() {
            return mistakes.add(&text, "nobody could answer within no time");
        }
        if self.timeout.is_some() {
            mistakes.add(&attr, "`#[timeout]` is given twice");
        }
        self.timeout = Some((attr, timeout));
    }
}

/// A decimal number with a unit, as in expressions; seconds where there is none.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = match unit.trim_start() {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * unit).ok()
}

fn default(attr: &Attribute, mistakes: &mut Mistakes) -> Option<Default> {
    let tokens: &TokenStream = match &attr.meta {
        Meta::Path(path) => {
            let span = path.span();
            return Some(Default::Trait(span));
        }
        Meta::NameValue(pair) => {
            let value = crate::text::of(&pair.value);
            mistakes.add(pair, format!("write `#[default({value})]`"));
            return None;
        }
        Meta::List(list) => &list.tokens,
    };
    if tokens.is_empty() {
        mistakes.add(
            attr,
            "expected an expression in `#[default(..)]`; for the type's `Default` write `#[default]`",
        );
        return None;
    }
    match syn::parse2(tokens.clone()) {
        Ok(expr) => Some(Default::Expr(expr)),
        Err(error) => {
            let text = format!("{error}; `#[default(..)]` takes one expression");
            mistakes.add_error(syn::Error::new(error.span(), text));
            None
        }
    }
}

/// `#[rustfmt::skip]` and the like, which have done their work when the code is read.
fn is_for_a_tool(name: &str) -> bool {
    name.starts_with("rustfmt::") || name.starts_with("clippy::")
}

fn name_of(attr: &Attribute) -> String {
    crate::text::of(attr.path())
}
