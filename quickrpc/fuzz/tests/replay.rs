//! What was found once, or is a good beginning, does not fail: each input of the corpus.

use std::fs;
use std::path::Path;

use quickrpc_fuzz::TARGETS;

#[test]
fn the_corpus_is_replayed() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let folder = fs::read_dir(corpus.join(name)).unwrap_or_else(|why| panic!("{name}: {why}"));
        let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in &files {
            // Seen if it fails.
            println!("{}", file.display());
            target(&fs::read(file).unwrap());
        }
    }
}
