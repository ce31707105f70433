//! How often memory is allocated for a call.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::plan::{Column, Contender, Measure, Scale, Unit, Workload};
use crate::systems;

const PROGRAM: &str = "quickrpc-bench-allocations";

pub(super) fn workload(scale: &Scale) -> Workload {
    let systems = systems::all(scale).into_iter();
    // An option of a transport changes nothing here.
    let countable =
        systems.filter(|system| system.is_native() && systems::named(&system.name()).is_some());
    Workload {
        title: "Allocations for a call",
        about: "In the steady state, client and server each in a process of its own with an \
                allocator that counts; allocations and reallocations, whatever their size. The \
                floor has none.",
        columns: ["client", "server", "client, 64", "server, 64"]
            .map(|name| Column::new(name, Unit::Count))
            .to_vec(),
        contenders: countable
            .map(|system| {
                let name = system.name();
                Contender::new(name.clone(), move || {
                    let program = program()?;
                    Ok(Box::new(move || counts(&program, &name)) as Measure)
                })
            })
            .collect(),
        // It is the same each time.
        rounds: Some(1),
    }
}

fn counts(program: &Path, name: &str) -> Result<Vec<Option<f64>>> {
    let output = Command::new(program)
        .args(["--child", "call", name])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().into());
    }
    let text = String::from_utf8(output.stdout)?;
    let numbers = text.split_whitespace().map(|word| Ok(Some(word.parse()?)));
    numbers.collect()
}

/// The twin of this program that counts, beside this one; built when it is first needed, so
/// that one command does everything.
fn program() -> Result<PathBuf> {
    let here = env::current_exe()?;
    let program = here.with_file_name(PROGRAM);
    let profile: &[&str] = match cfg!(debug_assertions) {
        true => &[],
        false => &["--release"],
    };
    let features: &[&str] = match cfg!(feature = "peers") {
        true => &[],
        false => &["--no-default-features"],
    };
    let target = here
        .parent()
        .and_then(Path::parent)
        .ok_or("no target directory")?;
    let built = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--bin", PROGRAM])
        .args([
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .arg("--target-dir")
        .arg(target)
        .args(profile)
        .args(features)
        .status()?;
    match built.success() {
        true => Ok(program),
        false => Err("the program that counts could not be built".into()),
    }
}
