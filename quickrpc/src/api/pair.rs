//! Both sides of an API in one program, for tests.

use crate::base::error::Result;

use super::Builder;
use super::handle::Generated;

/// Both sides of an API, connected in memory and started.
///
/// # Panics
///
/// When the system has no thread or descriptor left.
pub fn pair<A: Generated>() -> (A, A::Inverse) {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let near = A::DESCRIPTION.name;
    let wire = |name: &str| format!("internal:pair-{number}:{name}");
    let made = || -> Result<(A, A::Inverse)> {
        let here = Builder::<A>::__new().transport(wire(near)).build_api()?;
        let there = Builder::<A::Inverse>::__new()
            .transport(wire("inverse"))
            .build_api()?;
        // Its properties are there before anybody is connected.
        let pair = (
            A::from_api(here.clone()),
            A::Inverse::from_api(there.clone()),
        );
        here.start()?;
        there.start()?;
        // As if they had been connected for a while: each change is told from now on.
        here.calls().introduce_everybody();
        there.calls().introduce_everybody();
        Ok(pair)
    };
    match made() {
        Ok(pair) => pair,
        Err(error) => panic!("cannot connect a pair in memory: {error}"),
    }
}
