//! Several handlers for one call.

use std::sync::Arc;

use super::jobs::{self, Part, Read};
use crate::plan::{Column, Contender, Measure, Scale, Unit, Workload};
use crate::system::{AnySystem, Job};
use crate::systems::{Floor, QuickRpc};

pub(super) fn workload(scale: &Scale) -> Workload {
    let counts: Vec<usize> = match scale.quick {
        true => vec![1, 10, 100],
        false => vec![1, 10, 100, 1_000],
    };
    let slice = scale.slice;
    let row = |name: &str, system: fn(usize) -> AnySystem| {
        let counts = counts.clone();
        Contender::new(name, move || {
            // A server for each number.
            let part = Part::new(Job::Notify, &[("", Read::Mean)]);
            let measures = counts.iter().map(|count| {
                let mut only =
                    jobs::contenders(vec![system(*count)], std::slice::from_ref(&part), slice);
                let contender = only.pop().ok_or("a system that cannot notify")?;
                (contender.setup)()
            });
            let mut measures = measures.collect::<crate::Result<Vec<Measure>>>()?;
            Ok(Box::new(move || {
                let values = measures
                    .iter_mut()
                    .map(|measure| Ok(measure()?.pop().flatten()));
                values.collect()
            }) as Measure)
        })
    };
    Workload {
        title: "Growth of the handlers of one call",
        about: "Notifications, as above, with so many handlers each. The floor decodes once and \
                loops; this library decodes again for each, so that no handler sees what another \
                did to its arguments.",
        columns: counts
            .iter()
            .map(|count| Column::new(count.to_string(), Unit::Seconds))
            .collect(),
        contenders: vec![
            row("floor + serde_json", |handlers| {
                Arc::new(Floor::typed().handlers(handlers))
            }),
            row("quickrpc jrpc", |handlers| {
                Arc::new(QuickRpc::jrpc().handlers(handlers))
            }),
            row("quickrpc terse", |handlers| {
                Arc::new(QuickRpc::terse().handlers(handlers))
            }),
        ],
        rounds: None,
    }
}
