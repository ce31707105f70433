//! The documents: what they link to is there, and the guide has all of its chapters.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Markdown files below a folder, without what is built, fetched, or linked from elsewhere.
fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() && !["target", "node_modules", ".git"].contains(&&*name.to_string_lossy())
        {
            documents(&path, found);
        } else if kind.is_file() && path.extension().is_some_and(|one| one == "md") {
            found.push(path);
        }
    }
}

/// The targets of links in the way of `[text](target)`, outside of blocks of code.
fn links(text: &str) -> Vec<String> {
    let mut code = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let after = text.split("](").skip(1);
    after
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect()
}

#[test]
fn what_is_linked_is_there() {
    let mut all = Vec::new();
    documents(&root(), &mut all);
    assert!(all.len() > 10, "{all:?}");
    let mut missing = Vec::new();
    for document in all {
        let folder = document.parent().expect("a folder");
        for link in links(&fs::read_to_string(&document).expect("a text")) {
            let file = link.split('#').next().unwrap_or_default();
            let elsewhere = ["http:", "https:", "mailto:"];
            if file.is_empty() || elsewhere.iter().any(|one| link.starts_with(one)) {
                continue;
            }
            // Names of Rust, in what is rustdoc as well.
            let is_path = file.contains(['.', '/']) && !file.contains("::");
            if is_path && !folder.join(file).exists() {
                missing.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_guide_has_each_chapter_once() {
    let folder = root().join("docs/guide/src");
    let summary = fs::read_to_string(folder.join("SUMMARY.md")).expect("a summary");
    let listed = links(&summary);
    let chapters: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), chapters.len(), "{listed:?}");
    let files = fs::read_dir(&folder).expect("a folder").flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let there: BTreeSet<_> = names.filter(|name| name != "SUMMARY.md").collect();
    assert_eq!(chapters, there);
    // And each is tested, whether it has blocks of code now or not.
    let tested = root().join("quickrpc/src/guide.rs");
    let tested = fs::read_to_string(tested).expect("a source");
    for chapter in &chapters {
        assert!(
            tested.contains(&format!("docs/guide/src/{chapter}")),
            "{chapter}"
        );
    }
}
