//! Limits that are given as options of a transport.

use std::fmt::{self, Display};
use std::time::Duration;

use super::options::{OptionText, Scope};
use super::parse::Parsed;
use super::values::DurationText;
use crate::base::expr_error::Wrong;
use crate::base::limits::{DEEPEST, Limits, MOST_SUBSCRIBED};

macro_rules! overrides {
    ($($field:ident: $type:ty = $read:expr, $write:expr;)*) => {
        /// The [`Limits`] that a transport expression sets, each by its name there.
        ///
        /// ```
        /// use quickrpc::{Limits, TransportExpr};
        ///
        /// let expr: TransportExpr = "tcpserv::8888?message_size=64k&connect=1.5s".parse()?;
        /// let mut limits = Limits::default();
        /// expr.options().limits.apply(&mut limits);
        /// assert_eq!(limits.message_size, 65_536);
        /// assert_eq!(limits.connect.as_millis(), 1_500);
        /// # Ok::<(), quickrpc::ExprError>(())
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct LimitOverrides {
            $(#[doc = concat!("Instead of [`Limits::", stringify!($field), "`].")]
            pub $field: Option<$type>,)*
        }

        impl LimitOverrides {
            /// The names of the options.
            pub(super) const NAMES: &'static [&'static str] = &[$(stringify!($field)),*];

            /// Replaces those limits that are set here.
            pub fn apply(&self, limits: &mut Limits) {
                // Without `..`, so that a new limit cannot be forgotten here.
                let Limits { $($field),* } = limits;
                $(if let Some(value) = self.$field {
                    *$field = value;
                })*
            }

            /// Whether none is set.
            pub fn is_empty(&self) -> bool {
                *self == LimitOverrides::default()
            }

            /// Takes all limits that are given in the scope.
            pub(super) fn take(scope: &Scope<'_, '_>) -> Parsed<Self> {
                let read = Readers { $($field: $read),* };
                Ok(LimitOverrides {
                    $($field: scope.take(stringify!($field)).map(read.$field).transpose()?),*
                })
            }

            /// Gives each limit that is set to `write`, as name and text.
            pub(super) fn write(&self, mut write: impl FnMut(&'static str, &dyn Display)) {
                $(if let Some(value) = self.$field {
                    write(stringify!($field), &$write(value));
                })*
            }
        }

        /// Shows only those that are set.
        impl fmt::Debug for LimitOverrides {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut shown = f.debug_struct("LimitOverrides");
                $(if let Some(value) = &self.$field {
                    shown.field(stringify!($field), value);
                })*
                shown.finish()
            }
        }

        /// Gives the closures below their types.
        struct Readers {
            $($field: fn(&OptionText<'_>) -> Result<$type, Wrong>),*
        }
    };
}

overrides! {
    message_size: usize = |o| o.size(), SizeText;
    nesting_depth: usize = |o| o.count(DEEPEST), |n: usize| n;
    batch_entries: usize = |o| o.count(usize::MAX), |n: usize| n;
    id_size: usize = |o| o.size(), SizeText;
    pending_calls: usize = |o| o.count(usize::MAX), |n: usize| n;
    pending_calls_per_peer: usize = |o| o.count(usize::MAX), |n: usize| n;
    peer_queue: usize = |o| o.size(), SizeText;
    waiting_messages: usize = |o| o.count(usize::MAX), |n: usize| n;
    waiting_bytes: usize = |o| o.size(), SizeText;
    buffered_total: usize = |o| o.size(), SizeText;
    rate: Option<u32> = |o| o.count_or_off(), |n: Option<u32>| CountText(n);
    burst: Option<u32> = |o| o.count_or_off(), |n: Option<u32>| CountText(n);
    connections: usize = |o| o.count(usize::MAX), |n: usize| n;
    greeting: Duration = |o| o.duration_above_0(), DurationText;
    connect: Duration = |o| o.duration_above_0(), DurationText;
    stall: Duration = |o| o.duration(), DurationText;
    subscription: usize = |o| o.count(MOST_SUBSCRIBED), |n: usize| n;
    stop: Duration = |o| o.duration_above_0(), DurationText;
}

/// A size as it is written in an option: with the largest unit that is exact.
pub(super) struct SizeText(pub(super) usize);

impl Display for SizeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n % (1 << 20) == 0 && n > 0 => write!(f, "{}M", n >> 20),
            n if n % (1 << 10) == 0 && n > 0 => write!(f, "{}k", n >> 10),
            n => write!(f, "{n}"),
        }
    }
}

/// A number, or `off`.
struct CountText(Option<u32>);

impl Display for CountText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(n) => write!(f, "{n}"),
            None => f.write_str("off"),
        }
    }
}
