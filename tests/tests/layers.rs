//! The walls of the library: imports go down its layers, files form no large circles, and no
//! file is long. What only tests use is free.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, UseTree};

/// From the lowest to the highest. What is in none of them is above all.
const LAYERS: [&str; 8] = [
    "base", "expr", "format", "wire", "carrier", "net", "call", "api",
];
/// So many files may import each other in a circle.
const CIRCLE: usize = 6;
/// Lines of a file.
const LENGTH: usize = 600;

/// Where the differences between operating systems are,
const SYSTEMS: [&str; 2] = ["base/sys/", "carrier/sys/"];
/// and what is nowhere else.
const OF_A_SYSTEM: [&str; 14] = [
    "target_os",
    "target_vendor",
    "target_family",
    "(unix)",
    "(unix,",
    "(windows)",
    "(windows,",
    "std::os::",
    "mio::unix",
    "mio::windows",
    "rustix::",
    " nix::",
    "libc::",
    "SourceFd",
];

type Name = Vec<String>;

/// The modules of a crate, by their path.
#[derive(Default)]
struct Tree {
    /// The file of each module, of those too that are written within another's file.
    files: BTreeMap<Name, String>,
    /// What each name of a module that comes from an import means.
    names: BTreeMap<(Name, String), Name>,
    tests: BTreeSet<Name>,
    /// Who uses what.
    uses: Vec<(Name, Name)>,
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|one| {
        let Ok(list) = one.meta.require_list() else {
            return false;
        };
        let text = list.tokens.to_string().replace(' ', "");
        list.path.is_ident("cfg") && (text == "test" || text.starts_with("all(test,"))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Reads one file.
struct Reader<'a> {
    tree: &'a mut Tree,
    file: String,
    module: Name,
    /// Within a block, where imports name nothing for others.
    depth: usize,
}

impl Reader<'_> {
    fn tree(&mut self, before: &Name, tree: &UseTree) {
        let mut path = before.clone();
        let mut known = None;
        match tree {
            UseTree::Path(one) => {
                path.push(one.ident.to_string());
                return self.tree(&path, &one.tree);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|one| self.tree(before, one));
            }
            UseTree::Glob(_) => {}
            UseTree::Name(one) if one.ident == "self" => known = path.last().cloned(),
            UseTree::Name(one) => {
                path.push(one.ident.to_string());
                known = Some(one.ident.to_string());
            }
            UseTree::Rename(one) => {
                if one.ident != "self" {
                    path.push(one.ident.to_string());
                }
                known = Some(one.rename.to_string());
            }
        }
        if let Some(known) = known.filter(|_| self.depth == 0) {
            let key = (self.module.clone(), known);
            self.tree.names.insert(key, path.clone());
        }
        self.tree.uses.push((self.module.clone(), path));
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if let Item::Mod(one) = item
            && is_test(&one.attrs)
        {
            let mut name = self.module.clone();
            name.push(one.ident.to_string());
            self.tree.tests.insert(name);
        }
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.content.is_some() {
            self.module.push(item.ident.to_string());
            let name = self.module.clone();
            self.tree.files.insert(name, self.file.clone());
            visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            self.tree(&Vec::new(), &item.tree);
        }
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.depth += 1;
        visit::visit_block(self, block);
        self.depth -= 1;
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 && path.leading_colon.is_none() {
            let path = path.segments.iter().map(|one| one.ident.to_string());
            self.tree.uses.push((self.module.clone(), path.collect()));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, one: &'ast Macro) {
        let text = one.tokens.to_string().replace(" :: ", "::");
        let paths = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        for path in paths.filter(|path| path.starts_with("crate::") || path.starts_with("super::"))
        {
            let path = path.trim_end_matches(':').split("::").map(str::to_owned);
            self.tree.uses.push((self.module.clone(), path.collect()));
        }
        visit::visit_macro(self, one);
    }
}

impl Tree {
    fn read(sources: &[(String, String)]) -> Self {
        let mut tree = Tree::default();
        for (file, text) in sources {
            let name = file.strip_suffix(".rs").expect("a name of a source");
            let mut module: Name = name.split('/').map(str::to_owned).collect();
            module.pop_if(|last| last == "mod" || name == "lib");
            tree.files.insert(module.clone(), file.clone());
            let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let (file, depth) = (file.clone(), 0);
            Reader {
                tree: &mut tree,
                file,
                module,
                depth,
            }
            .visit_file(&parsed);
        }
        tree
    }

    fn is_test(&self, module: &[String]) -> bool {
        (0..=module.len()).any(|end| self.tests.contains(&module[..end]))
    }

    /// The file that a path leads to, through imports that make names known elsewhere.
    fn resolve(&self, module: &Name, path: &[String], left: usize) -> Option<&String> {
        let mut at = module.clone();
        let mut known = false;
        for (place, segment) in path.iter().enumerate() {
            let mut child = at.clone();
            child.push(segment.clone());
            match segment.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                _ if self.files.contains_key(&child) => at = child,
                name => {
                    let meant = self.names.get(&(at.clone(), name.to_owned()));
                    // One step further; a name of another crate leads nowhere.
                    if let Some(meant) = meant.filter(|meant| left > 0 && **meant != *path) {
                        let whole = [meant, &path[place + 1..]].concat();
                        return self.resolve(&at, &whole, left - 1);
                    }
                    return known.then(|| &self.files[&at]);
                }
            }
            known = true;
        }
        self.files.get(&at).filter(|_| known)
    }

    /// Which file imports which.
    fn imports(&self) -> BTreeMap<&String, BTreeSet<&String>> {
        let mut imports: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (module, path) in self.uses.iter().filter(|(module, _)| !self.is_test(module)) {
            let from = &self.files[module];
            let to = self.resolve(module, path, 16);
            if let Some(to) = to.filter(|to| *to != from) {
                imports.entry(from).or_default().insert(to);
            }
        }
        imports
    }
}

fn layer(file: &str) -> usize {
    let folder = file.split(['/', '.']).next();
    let place = LAYERS.iter().position(|layer| Some(*layer) == folder);
    place.unwrap_or(LAYERS.len())
}

/// What is wrong with a crate.
fn faults(sources: &[(String, String)]) -> Vec<String> {
    let tree = Tree::read(sources);
    let imports = tree.imports();
    let mut faults = Vec::new();
    for (file, text) in sources {
        let lines = text.lines().count();
        if lines > LENGTH {
            faults.push(format!(
                "{file} has {lines} lines, more than {LENGTH}: split it"
            ));
        }
    }
    let of_systems = |file: &str| SYSTEMS.iter().any(|folder| file.starts_with(folder));
    for (file, text) in sources.iter().filter(|(file, _)| !of_systems(file)) {
        for (line, text) in (1..).zip(text.lines()) {
            let code = text.split("//").next().unwrap_or_default();
            if let Some(word) = OF_A_SYSTEM.iter().find(|word| code.contains(**word)) {
                let folders = SYSTEMS.join(" and ");
                faults.push(format!(
                    "{file}, line {line}: `{word}` is of some systems only: they are in {folders}"
                ));
            }
        }
    }
    for (from, to) in &imports {
        for to in to.iter().filter(|to| layer(to) > layer(from)) {
            faults.push(format!("{from} imports {to}, which is in a layer above it"));
        }
    }
    let mut reached: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for from in imports.keys() {
        let mut next = vec![*from];
        let seen = reached.entry(from).or_default();
        while let Some(file) = next.pop() {
            let further = imports.get(file).into_iter().flatten();
            next.extend(further.copied().filter(|to| seen.insert(to)));
        }
    }
    let mut told = BTreeSet::new();
    for (from, to) in &reached {
        let back = |to: &&&String| reached.get(**to).is_some_and(|back| back.contains(from));
        let circle: Vec<_> = to.iter().filter(back).map(|to| to.as_str()).collect();
        if circle.len() > CIRCLE && told.insert(circle.clone()) {
            let files = circle.join(", ");
            faults.push(format!("{} files import each other: {files}", circle.len()));
        }
    }
    faults
}

fn read(folder: &Path, name: &str, sources: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the library's sources") {
        let path = entry.expect("an entry").path();
        let file = path.file_name().expect("a name").to_string_lossy();
        let file = format!("{name}{file}");
        if file == "bin" {
            // Programs are crates of their own, which use what is public.
        } else if path.is_dir() {
            read(&path, &format!("{file}/"), sources);
        } else if file.ends_with(".rs") {
            sources.push((file, fs::read_to_string(&path).expect("a source")));
        }
    }
}

#[test]
fn the_library_keeps_its_walls() {
    let mut sources = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../quickrpc/src");
    read(&folder, "", &mut sources);
    for layer in LAYERS {
        let files = sources.iter().filter(|(file, _)| file.starts_with(layer));
        assert!(files.count() > 1, "nothing was read of {layer}");
    }
    assert!(
        Tree::read(&sources).imports().len() > 100,
        "imports were not read"
    );
    let faults = faults(&sources);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn faults_of(sources: &[(&str, &str)]) -> Vec<String> {
    let own = |(file, text): &(&str, &str)| (String::from(*file), String::from(*text));
    faults(&sources.iter().map(own).collect::<Vec<_>>())
}

#[test]
fn an_import_that_goes_up_is_found() {
    let fault = ["base/a.rs imports net/b.rs, which is in a layer above it"];
    for text in [
        "use crate::net::b::B;",
        "use crate::{base, net::{b::{self as other}}};",
        "fn f() { use crate::net::b::*; }",
        "fn f() -> u8 { crate::net::b::f() }",
        "fn f(b: &super::super::net::b::B) {}",
        "fn f() { println!(\"{}\", crate::net::b::f()); }",
        "mod inner { use super::super::super::net::b; }",
        // The root only passes it on.
        "use crate::B;",
        "fn f() -> crate::B { todo!() }",
    ] {
        let found = faults_of(&[
            ("lib.rs", "mod base; mod expr; mod net; pub use net::b::B;"),
            ("expr/mod.rs", ""),
            ("base/mod.rs", "mod a;"),
            ("base/a.rs", text),
            ("net/mod.rs", "pub mod b;"),
            ("net/b.rs", "pub struct B; pub fn f() -> u8 { 0 }"),
        ]);
        assert_eq!(found, fault, "{text}");
    }
    // The root itself is above all.
    let found = faults_of(&[
        ("lib.rs", "mod api; struct A;"),
        ("api/mod.rs", "use crate::A;"),
    ]);
    assert_eq!(
        found,
        ["api/mod.rs imports lib.rs, which is in a layer above it"]
    );
}

#[test]
fn what_is_allowed_is_no_fault() {
    let found = faults_of(&[
        ("lib.rs", "mod base; mod net; pub use base::A;"),
        ("base/mod.rs", "pub struct A; #[cfg(test)] mod tests;"),
        ("base/tests.rs", "use crate::net::B;"),
        (
            "base/more.rs",
            "//! crate::net::B\n// use crate::net::B;\n/// [`B`](crate::net::B)\n\
             fn f() { let _ = \"crate::net::B\"; }\n#[cfg(test)] mod tests { use crate::net::B; }",
        ),
        (
            "net/mod.rs",
            "use crate::A; use std::net::TcpStream; pub struct B;",
        ),
    ]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_circle_of_more_than_six_files_is_found() {
    let circle = |count: usize| {
        let file = |one: usize| {
            let next = (one + 1) % count;
            (
                format!("net/m{one}.rs"),
                format!("use super::m{next}::T; pub struct T;"),
            )
        };
        faults(&(0..count).map(file).collect::<Vec<_>>())
    };
    assert_eq!(circle(6), [""; 0]);
    let files = "net/m0.rs, net/m1.rs, net/m2.rs, net/m3.rs, net/m4.rs, net/m5.rs, net/m6.rs";
    assert_eq!(circle(7), [format!("7 files import each other: {files}")]);
}

#[test]
fn a_file_of_more_than_600_lines_is_found() {
    assert_eq!(faults_of(&[("net/a.rs", &"\n".repeat(600))]), [""; 0]);
    let found = faults_of(&[("net/a.rs", &"\n".repeat(601))]);
    assert_eq!(found, ["net/a.rs has 601 lines, more than 600: split it"]);
}

#[test]
fn what_is_of_one_system_is_found() {
    for text in [
        "#[cfg(unix)] mod a {}",
        "use std::os::fd::AsFd;",
        "#[cfg(any(test, target_os = \"linux\"))] fn f() {}",
        "fn f() { rustix::event::poll(fds, None); }",
    ] {
        let found = faults_of(&[("net/a.rs", text), ("carrier/sys/a.rs", text)]);
        assert!(
            found.len() == 1 && found[0].starts_with("net/a.rs, line 1: "),
            "{text}: {found:?}"
        );
    }
    assert_eq!(faults_of(&[("net/a.rs", "// see std::os::fd")]), [""; 0]);
}
