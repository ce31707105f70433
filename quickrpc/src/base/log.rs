//! The log. Whoever writes it down is code of others, and may panic (as one that prints to a
//! closed pipe does): that ends nothing but the entry. So everything in this crate logs by
//! these macros, and not by those of `tracing`.
//!
//! What a peer can cause again and again is logged by the macros that end in `_often`, which take
//! what kind of thing it is and who causes it, and perhaps the words in which it differs from others
//! of its kind: the first of a while has its level, and those that follow are at level debug, and
//! counted (`base/often.rs`).

use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

use super::foreign;
use super::often::{Level, Often, Origin, Untold, WITHIN, Words};
use super::sync::lock;

/// Logs; a panic in it is lost, since there is no other place to tell of it.
pub(crate) fn guarded(log: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(log)) {
        foreign::discard(panic);
    }
}

macro_rules! levels {
    ($d:tt $($inner:ident $name:ident)*) => {
        $(macro_rules! $inner {
            ($d($d entry:tt)*) => {
                $crate::base::log::guarded(|| ::tracing::$name!($d($d entry)*))
            };
        }
        pub(crate) use $inner as $name;)*
    };
}

levels! { $ log_error error log_warn warn log_info info log_debug debug log_trace trace }

macro_rules! often_levels {
    ($d:tt $($inner:ident $name:ident $first:ident $level:ident)*) => {
        $(macro_rules! $inner {
            ($kind:expr, $origin:expr; $d($d entry:tt)*) => {
                $crate::base::log::$name!($kind, $origin, &""; $d($d entry)*)
            };
            ($kind:expr, $origin:expr, $words:expr; $d($d entry:tt)*) => {
                match $crate::base::log::is_first($crate::base::often::Level::$level, $kind, $origin, $words) {
                    true => $crate::base::log::$first!($d($d entry)*),
                    false => $crate::base::log::debug!($d($d entry)*),
                }
            };
        }
        pub(crate) use $inner as $name;)*
    };
}

often_levels! {
    $ log_error_often error_often error Error
    log_warn_often warn_often warn Warn
    log_info_often info_often info Info
}

/// What is told lately; the log is one for all APIs of a program. A leaf in the lock order.
static OFTEN: Mutex<Often> = Mutex::new(Often::new());

/// Whether something is told at its own level, since it was not lately.
pub(crate) fn is_first(
    level: Level,
    kind: &'static str,
    origin: &Origin,
    words: &dyn fmt::Display,
) -> bool {
    let mut known = Words::of(&"");
    guarded(|| known = Words::of(words));
    let (first, over) = lock(&OFTEN).happens(level, kind, origin, known, Instant::now());
    over.iter().for_each(tell);
    first
}

/// Tells how often something was not told so far: nothing may happen any more with which that
/// would be told.
pub(crate) fn tell_counts() {
    let untold = lock(&OFTEN).so_far();
    untold.iter().for_each(tell);
}

fn tell(untold: &Untold) {
    let Untold {
        kind, origin, more, ..
    } = untold;
    macro_rules! say {
        ($level:ident) => {
            $level!(more, from = %origin, "{kind}: {more} more within {WITHIN:?}")
        };
    }
    match untold.level {
        Level::Error => say!(log_error),
        Level::Warn => say!(log_warn),
        Level::Info => say!(log_info),
    }
}

/// Something with words of others in it, for an entry of the log: of some length, and in one line.
pub(crate) struct Shown<T>(pub(crate) T);

/// So many bytes of it are shown.
const SHOWN: usize = 1000;

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Line {
            out: f,
            left: SHOWN,
        };
        match write!(line, "{}", self.0) {
            Err(_) if line.left == 0 => f.write_str("…"),
            written => written,
        }
    }
}

/// Ends with an error when it is full, so that nobody writes on for nothing.
struct Line<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    left: usize,
}

impl fmt::Write for Line<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            let Some(left) = self.left.checked_sub(c.len_utf8()) else {
                self.left = 0;
                return Err(fmt::Error);
            };
            self.left = left;
            match c.is_control() {
                true => write!(self.out, "{}", c.escape_default())?,
                false => self.out.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{SHOWN, Shown};

    #[test]
    fn words_of_others_are_one_line_of_some_length() {
        assert_eq!(
            Shown("a\nb\u{1b}[2J\u{e4}").to_string(),
            "a\\nb\\u{1b}[2J\u{e4}"
        );
        let long = "\u{e4}".repeat(SHOWN);
        let shown = Shown(&long).to_string();
        assert_eq!(shown.chars().count(), SHOWN / 2 + 1);
        assert!(shown.ends_with('\u{2026}'));
        let fits = "x".repeat(SHOWN);
        assert_eq!(Shown(&fits).to_string(), fits);
    }

    #[test]
    fn everything_logs_by_way_of_this_file() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![root];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                // One writes, one listens, and one has spans.
                let others = ["base/log.rs", "base/eavesdrop.rs", "base/spans.rs"];
                if others.iter().any(|one| path.ends_with(one)) {
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap_or_default();
                let direct = text
                    .lines()
                    .find(|line| line.contains("tracing::") && !line.trim().starts_with("//"));
                assert_eq!(direct, None, "{}", path.display());
            }
        }
    }
}
