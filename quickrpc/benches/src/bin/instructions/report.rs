//! Numbers, as a table, as a file, and against those of another file.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::Result;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    commit: String,
    build: String,
    versions: String,
    figures: Vec<Figure>,
}

/// One number: of each exchange, or of what `job` says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) unit: String,
    pub(crate) codec: String,
    pub(crate) job: String,
    pub(crate) side: String,
    pub(crate) value: f64,
    /// Of what it consists, if that is more than one thing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) detail: String,
}

impl Figure {
    /// What it is a number of.
    fn key(&self) -> [&str; 4] {
        [&self.unit, &self.codec, &self.job, &self.side]
    }

    /// In percent; of what is a count of few, the difference.
    fn change(&self, before: &Figure) -> String {
        match self.unit.as_str() {
            "instructions" | "bytes" if before.value != 0.0 => {
                format!("{:+.2} %", (self.value / before.value - 1.0) * 100.0)
            }
            "wake-ups in 5 s" => format!("{:+.0}", self.value - before.value),
            _ => format!("{:+.3}", self.value - before.value),
        }
    }

    /// What is less than this is a disturbance, and not one thing more for each batch.
    fn slack(&self) -> f64 {
        match self.unit.as_str() {
            "instructions" => 5.0,
            "bytes" => 16.0,
            "allocations" => 0.01,
            "system calls" => 0.015,
            _ => 0.0,
        }
    }

    fn shown(&self) -> String {
        let digits = match self.unit.as_str() {
            "allocations" | "system calls" => 3,
            _ => 0,
        };
        // The little that is less than nothing is shown without its sign.
        let text = format!("{:.digits$}", self.value);
        match text.trim_start_matches(['-', '0', '.']).is_empty() {
            true => text.trim_start_matches('-').to_owned(),
            false => text,
        }
    }
}

impl Report {
    pub(crate) fn new(commit: &str, build: &str, versions: String) -> Self {
        Report {
            commit: commit.to_owned(),
            build: build.to_owned(),
            versions,
            figures: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub(crate) fn from_json(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }

    pub(crate) fn to_json(&self) -> Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    fn find(&self, key: [&str; 4]) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.key() == key)
    }

    /// Units below each other, client and server side by side.
    pub(crate) fn table(&self, before: Option<&Report>) -> String {
        let mut text = format!(
            "commit {}, {}\n{}\n",
            self.commit, self.build, self.versions
        );
        if let Some(before) = before {
            let Report { commit, build, .. } = before;
            let _ = writeln!(text, "change against commit {commit}, {build}");
            if !self.is_comparable(before) {
                let _ = writeln!(
                    text,
                    "BUILT OR MEASURED BY OTHER MEANS: {}",
                    before.versions
                );
            }
        }
        let mut unit = "";
        let mut done: Vec<[&str; 3]> = Vec::new();
        for figure in &self.figures {
            let row = [&*figure.unit, &*figure.codec, &*figure.job];
            if done.contains(&row) {
                continue;
            }
            done.push(row);
            if unit != figure.unit {
                unit = &figure.unit;
                let _ = writeln!(text, "\n{unit:<28}{:>20}{:>20}", "client", "server");
            }
            let name = format!("{}, {}", figure.codec, figure.job);
            let _ = write!(text, "  {name:<26}");
            let sides = ["client", "server"].map(|side| self.find([row[0], row[1], row[2], side]));
            for figure in sides {
                let cell = figure
                    .map(|figure| cell(figure, before))
                    .unwrap_or_default();
                let _ = write!(text, "{cell:>20}");
            }
            let details = sides
                .into_iter()
                .flatten()
                .filter(|side| !side.detail.is_empty());
            let details: Vec<_> = details.map(|side| &*side.detail).collect();
            if !details.is_empty() {
                let _ = write!(text, "   {}", details.join(" | "));
            }
            text.push('\n');
        }
        text
    }

    /// Whether both were built and measured by the same means.
    pub(crate) fn is_comparable(&self, before: &Report) -> bool {
        (&before.build, &before.versions) == (&self.build, &self.versions)
    }

    /// What has grown by more than so many percent.
    pub(crate) fn worse(&self, before: &Report, tolerance: f64) -> Vec<String> {
        let mut worse = Vec::new();
        for figure in &self.figures {
            let Some(old) = before.find(figure.key()) else {
                continue;
            };
            let bearable = old.value * (1.0 + tolerance / 100.0) + figure.slack();
            if figure.value > bearable {
                let name = figure.key().join(", ");
                worse.push(format!("{name}: {} → {}", old.shown(), figure.shown()));
            }
        }
        worse
    }
}

fn cell(figure: &Figure, before: Option<&Report>) -> String {
    let shown = figure.shown();
    let old = before.and_then(|before| before.find(figure.key()));
    match old {
        Some(old) => format!("{shown} {}", figure.change(old)),
        None => shown,
    }
}
