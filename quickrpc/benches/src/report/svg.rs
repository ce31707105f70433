//! A chart for the README: one call in flight and 64, as bars.

use super::units;
use super::{Report, Row, Table};

const WIDTH: f64 = 760.0;
const LABELS: f64 = 190.0;
const NUMBERS: f64 = 150.0;
const BAR: f64 = 18.0;
const STEP: f64 = 26.0;

/// What the chart shows: a table, and which of its columns.
const SHOWN: &[(&str, &str)] = &[("serial", "p50"), ("window", "calls")];

/// An SVG image that reads well on light and dark pages.
pub(crate) fn chart(report: &Report) -> String {
    let (mut body, mut y) = (String::new(), 12.0);
    for (id, column) in SHOWN {
        if let Some(table) = report.tables.iter().find(|table| table.id == *id) {
            panel(&mut body, &mut y, table, column);
        }
    }
    let machine = escape(&report.machine.text());
    y += 10.0;
    body.push_str(&format!(
        "<text class=\"small\" x=\"10\" y=\"{y:.0}\">{machine}; TCP over loopback</text>\n"
    ));
    let height = y + 14.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         width=\"{WIDTH}\" height=\"{height:.0}\" role=\"img\">\n\
         <title>What a call costs</title>\n{STYLE}{body}</svg>\n"
    )
}

const STYLE: &str = "<style>\n\
    text { font: 13px system-ui, sans-serif; fill: #57606a }\n\
    .title { font-weight: 600; font-size: 15px }\n\
    .small { font-size: 11px }\n\
    .label { text-anchor: end }\n\
    .other { fill: #a8b1bb }\n\
    .floor { fill: #d5dae0 }\n\
    .ours { fill: #2f81f7 }\n\
    @media (prefers-color-scheme: dark) {\n\
      text { fill: #b1bac4 }\n\
      .other { fill: #565f69 }\n\
      .floor { fill: #3a4149 }\n\
    }\n\
    </style>\n";

/// From this ratio on, a linear scale would hide all other bars.
const LOGARITHMIC: f64 = 20.0;

/// Bars of the ratios to the floor, in a scale of their own.
fn panel(body: &mut String, y: &mut f64, table: &Table, column: &str) {
    let Some(number) = table.columns.iter().position(|c| c.name == column) else {
        return;
    };
    let bars: Vec<(&Row, f64, String)> = table
        .rows
        .iter()
        .filter_map(|row| {
            let cell = row.cells.get(number)?.as_ref()?;
            let ratio = cell.ratio.as_ref()?.median;
            let value = units::text(cell.unit, cell.value.median);
            Some((row, ratio, format!("{value} · {}", units::ratio(ratio))))
        })
        .collect();
    let longest = bars.iter().map(|(_, ratio, _)| *ratio).fold(1.0, f64::max);
    // A logarithmic bar begins at half the floor's cost.
    let logarithmic = longest > LOGARITHMIC;
    let part = |ratio: f64| match logarithmic {
        true => (ratio.max(0.5) * 2.0).ln() / (longest * 2.0).ln(),
        false => ratio / longest,
    };
    let scale = if logarithmic { " (logarithmic)" } else { "" };
    *y += 14.0;
    body.push_str(&format!(
        "<text class=\"title\" x=\"10\" y=\"{y:.0}\">{}: times the floor's cost, \
         less is better{scale}</text>\n",
        escape(table.title)
    ));
    *y += 10.0;
    for (row, ratio, text) in bars {
        let class = match row.name.split(' ').next() {
            Some("quickrpc") => "ours",
            Some("floor" | "floor,") => "floor",
            _ => "other",
        };
        let length = (WIDTH - LABELS - NUMBERS) * part(ratio);
        let (middle, end) = (*y + 14.0, LABELS + 8.0 + length);
        body.push_str(&format!(
            "<text class=\"label\" x=\"{LABELS}\" y=\"{middle:.0}\">{}</text>\
             <rect class=\"{class}\" x=\"{x}\" y=\"{y:.0}\" width=\"{length:.1}\" \
             height=\"{BAR}\" rx=\"2\"/>\
             <text x=\"{after:.0}\" y=\"{middle:.0}\">{}</text>\n",
            escape(&row.name),
            escape(&text),
            x = LABELS + 8.0,
            after = end + 6.0,
        ));
        *y += STEP;
    }
    *y += 10.0;
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
