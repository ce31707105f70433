//! Peers behind a broker: the same cases over each, `nats::<case>` and `mqtt::<case>`, and what only one
//! of them has.

/// A test for each case, with a broker that is started so.
macro_rules! cases {
    ($start:expr) => {
        cases! {
            $start =>
            cases::calls_go_to_all_to_one_and_to_any
            cases::nobody_is_known_at_once
            cases::streams_cancelling_and_properties_go_by_a_broker
            cases::codecs_and_security_go_from_end_to_end
            failures::ten_workers_share_the_work_and_one_is_killed
            failures::whoever_is_killed_is_known_in_two_seconds
            failures::a_broker_that_comes_again_brings_everybody_back
            failures::a_slow_worker_is_slow_and_nothing_else
            failures::a_burst_of_notifications_waits_or_is_told
            failures::two_programs_of_one_name_are_told_of_in_both
            returns::whoever_stood_still_is_there_again_with_his_values
            returns::whoever_was_taken_for_gone_is_told_so
            returns::a_broker_that_is_silent_is_told_of_as_such
        }
    };
    ($start:expr => $($file:ident::$case:ident)*) => {
        $(
            #[test]
            fn $case() {
                if let Some(server) = $start {
                    crate::$file::$case(server);
                }
            }
        )*
    };
}

mod by_hand;
mod cases;
mod failures;
mod ghosts;
mod mqtt;
mod nats;
mod parts;
mod relay;
mod returns;
mod values;
