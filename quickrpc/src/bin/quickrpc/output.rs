//! What goes to stdout: plain where it is no terminal, and quietly over where nobody reads it.

use std::io::{self, IsTerminal, Write};

use super::Done;

/// Writes a line.
pub fn line(text: impl AsRef<str>) -> Done {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref().as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Writes text as it is.
pub fn text(text: impl AsRef<str>) -> Done {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref().as_bytes())?;
    Ok(out.flush()?)
}

/// Says something to people beside the output, in one line.
pub fn say(text: impl AsRef<str>) {
    // Who closed stderr wants to hear nothing.
    let _ = writeln!(io::stderr().lock(), "{}", plain(text.as_ref()));
}

/// Words of others as people are shown them: they stay in their line, and nothing in them tells a terminal
/// what to do.
pub fn plain(text: &str) -> String {
    plain_but(text, &[])
}

/// The same with some of what has an effect.
pub fn plain_but(text: &str, kept: &[char]) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() && !kept.contains(&c) {
            true => plain.extend(c.escape_default()),
            false => plain.push(c),
        }
    }
    plain
}

/// A word in bold, or as it is.
pub fn bold(text: &str) -> String {
    styled("1", text)
}

/// A word that is less important.
pub fn dim(text: &str) -> String {
    styled("2", text)
}

fn styled(style: &str, text: &str) -> String {
    match io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        true => format!("\x1b[{style}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_have_no_effect() {
        let forged = "no\nhint: \u{1b}[2J\u{9b}1m\r\u{e4}";
        assert_eq!(plain(forged), "no\\nhint: \\u{1b}[2J\\u{9b}1m\\r\u{e4}");
        assert_eq!(plain_but("a\n\tb\u{7}", &['\n', '\t']), "a\n\tb\\u{7}");
    }
}
