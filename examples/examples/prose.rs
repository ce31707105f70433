//! A linter for Neovim, in Rust: marks words that are written twice, while you type.
//!
//! ```text
//! nvim --listen /tmp/nvim.sock letter.txt
//! cargo run --example prose -- /tmp/nvim.sock         # in another terminal
//! ```

use std::collections::BTreeMap;
use std::sync::Mutex;

use quickrpc::msgpack::Ext;
use quickrpc::{Result, remote_api};
use serde::{Deserialize, Serialize};

#[remote_api]
pub(crate) trait Prose {
    #[outgoing]
    fn nvim_buf_attach(&self, buffer: u32, whole: bool, options: BTreeMap<String, bool>) -> bool;
    #[outgoing]
    fn nvim_exec_lua(&self, code: &str, arguments: (Ext, Vec<Mark>));
    #[incoming]
    #[rustfmt::skip]
    fn nvim_buf_lines_event(&self, buffer: Ext, tick: Option<u64>, first: usize, last: i64,
        lines: Vec<String>, more: bool);
    #[incoming]
    fn nvim_buf_changedtick_event(&self, buffer: Ext, tick: u64);
}

/// As `vim.diagnostic` knows it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Mark {
    lnum: usize,
    col: usize,
    message: String,
}

const SHOW: &str = "vim.diagnostic.set(vim.api.nvim_create_namespace('prose'), ...)";

/// Marks what is doubled in the current buffer of the Neovim that listens there.
pub(crate) fn lint(socket: &str) -> Result<Prose> {
    let prose = Prose::bind("msgpack", format!("unix:{socket}"))?;
    let (nvim, text) = (prose.all(), Mutex::new(Vec::new()));
    prose
        .nvim_buf_lines_event
        .connect(move |_, buffer, _, first, last, lines, _| {
            let mut text = text.lock().unwrap();
            let end = usize::try_from(last).unwrap_or(text.len()); // -1: to the end
            text.splice(first..end, lines);
            nvim.nvim_exec_lua(SHOW, (buffer, marks(&text)))
        });
    prose.start()?;
    prose
        .all()
        .nvim_buf_attach(0, true, BTreeMap::new())
        .result()?;
    Ok(prose)
}

fn marks(text: &[String]) -> Vec<Mark> {
    let mut marks = Vec::new();
    for (lnum, line) in text.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        for pair in words.windows(2).filter(|pair| pair[0] == pair[1]) {
            let col = line.find(&pair.join(" ")).unwrap_or(0);
            marks.push(Mark {
                lnum,
                col,
                message: format!("`{}` is there twice", pair[0]),
            });
        }
    }
    marks
}

const HELP: &str = "\
Marks words that are written twice, in Neovim, while you type.

Examples:
    nvim --listen /tmp/nvim.sock letter.txt
    cargo run --example prose -- /tmp/nvim.sock         # in another terminal";

#[allow(clippy::print_stderr, reason = "for people")]
fn main() -> Result<()> {
    match std::env::args().nth(1).or(std::env::var("NVIM").ok()) {
        Some(socket) if socket != "--help" => lint(&socket)?.wait(),
        _ => {
            eprintln!("{HELP}");
            Ok(())
        }
    }
}
