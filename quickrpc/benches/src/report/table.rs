//! Tables as text.

use std::fmt::{self, Display};

use super::units;
use super::{Cell, Report, Row, Table};
use crate::plan::Column;

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "On {}.", self.machine.text())?;
        writeln!(
            f,
            "Medians of the rounds. `1.08×`: that many times the floor's cost in the same round; \
             less is better.\nLast column: half the range of the first column's ratio (of its \
             value, for the floor). \
             `CPU`: what client and server together compute for a call, where both are here."
        )?;
        for table in &self.tables {
            write!(f, "\n{table}")?;
        }
        Ok(())
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({})", self.title, self.id)?;
        for line in wrap(self.about, 96) {
            writeln!(f, "  {line}")?;
        }
        let mut lines = vec![self.heading()];
        lines.extend(
            self.rows
                .iter()
                .filter(|row| row.is_there())
                .map(Row::texts),
        );
        let columns = self.columns.len() * 2 + 2;
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let width = |line: &Vec<String>| line.get(column).map_or(0, |t| t.chars().count());
                lines.iter().map(width).max().unwrap_or(0)
            })
            .collect();
        for line in lines {
            let mut text = String::from(" ");
            for (number, (cell, width)) in line.iter().zip(&widths).enumerate() {
                match number {
                    0 => text.push_str(&format!(" {cell:<width$}")),
                    // A ratio stands close to its value.
                    n if n % 2 == 0 => text.push_str(&format!(" {cell:>width$}")),
                    _ => text.push_str(&format!("   {cell:>width$}")),
                }
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        for row in &self.rows {
            if let Some(why) = &row.missing {
                writeln!(f, "  {}: {why}", row.name)?;
            }
        }
        Ok(())
    }
}

impl Table {
    fn heading(&self) -> Vec<String> {
        let names = self.columns.iter().map(|Column { name, .. }| name.clone());
        let mut heading = vec![String::new()];
        heading.extend(names.flat_map(|name| [name, String::new()]));
        heading.push("±".into());
        heading
    }
}

impl Row {
    /// Whether there is anything to show.
    fn is_there(&self) -> bool {
        self.cells.iter().any(Option::is_some)
    }

    fn texts(&self) -> Vec<String> {
        let mut texts = vec![self.name.clone()];
        for cell in &self.cells {
            match cell {
                Some(cell) => texts.extend(cell.texts()),
                None => texts.extend(["–".into(), String::new()]),
            }
        }
        let first = self.cells.iter().flatten().next();
        texts.push(first.map(Cell::spread).unwrap_or_default());
        texts
    }
}

impl Cell {
    fn texts(&self) -> [String; 2] {
        let ratio = self.ratio.as_ref();
        [
            units::text(self.unit, self.value.median),
            ratio.map(|r| units::ratio(r.median)).unwrap_or_default(),
        ]
    }

    fn spread(&self) -> String {
        // The floor's own ratio has none.
        let ratio = self.ratio.as_ref().filter(|ratio| ratio.spread() > 0.0);
        let spread = ratio.unwrap_or(&self.value).spread();
        format!("{:.0} %", 100.0 * spread)
    }
}

/// Lines of at most this many characters.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
