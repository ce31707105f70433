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

/// Says something to people beside the output.
pub fn say(text: impl AsRef<str>) {
    // Who closed stderr wants to hear nothing.
    let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
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
