//! The log. Whoever writes it down is code of others, and may panic (as one that prints to a
//! closed pipe does): that ends nothing but the entry. So everything in this crate logs by
//! these macros, and not by those of `tracing`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::foreign;

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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

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
                if path.ends_with("base/log.rs") {
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
