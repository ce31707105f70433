//! Programs of others that tests need, installed below the build directory on first use.

use std::env;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{self, Command, Stdio};

/// What was found, or `None`, with a message that nobody overlooks, where it cannot be.
///
/// # Panics
///
/// Where it cannot be and `CI` is `true`: there it must.
pub(crate) fn required<T>(what: &str, found: &'static Result<T, String>) -> Option<&'static T> {
    let reason = match found {
        Ok(found) => return Some(found),
        Err(reason) => reason,
    };
    let required = env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!required, "{what} is required: {reason}");
    // Straight to the descriptor, since the test runner hides what a passing test prints.
    let message = format!("\n*** SKIPPED, NO {}: {reason}\n\n", what.to_uppercase());
    let _ = std::io::stderr().write_all(message.as_bytes());
    None
}

/// Makes a folder, unless it was made from the same recipe before.
///
/// It is made under another name and renamed when complete, so that two test programs at
/// once never see half an installation.
///
/// # Errors
///
/// In words, if it cannot be made.
pub(crate) fn make(
    home: &Path,
    recipe: &str,
    fill: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<(), String> {
    let is_made = || fs::read_to_string(home.join(RECIPE)).is_ok_and(|made| made == recipe);
    if is_made() {
        return Ok(());
    }
    let text = |error: std::io::Error| error.to_string();
    // Behind the whole name: a part of it may be a number with a point.
    let mut fresh = home.to_owned().into_os_string();
    fresh.push(format!(".{}", process::id()));
    let fresh = Path::new(&fresh);
    fs::create_dir_all(fresh).map_err(text)?;
    fill(fresh)?;
    fs::write(fresh.join(RECIPE), recipe).map_err(text)?;
    if home.exists() && !is_made() {
        fs::remove_dir_all(home).map_err(text)?;
    }
    match fs::rename(fresh, home) {
        Ok(()) => Ok(()),
        // Somebody else was faster.
        Err(_) if is_made() => fs::remove_dir_all(fresh).map_err(text),
        Err(error) => Err(format!("{}: {error}", home.display())),
    }
}

const RECIPE: &str = "recipe";

/// Runs a program to its end.
///
/// # Errors
///
/// With what it says on standard error, if it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {} {}", output.status, text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_are_made_at_the_same_time_are_apart() {
        let folder = env::temp_dir().join(format!("quickrpc-installed-{}", process::id()));
        let (old, new) = (folder.join("package-0.5"), folder.join("package-0.6"));
        let made = make(&old, "old", |fresh| {
            fs::write(fresh.join("version"), "0.5").unwrap();
            make(&new, "new", |fresh| {
                fs::write(fresh.join("version"), "0.6").map_err(|error| error.to_string())
            })
        });
        assert_eq!(made, Ok(()));
        for (home, version) in [(&old, "0.5"), (&new, "0.6")] {
            assert_eq!(fs::read_to_string(home.join("version")).unwrap(), version);
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
