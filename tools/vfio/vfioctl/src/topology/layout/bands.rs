// SPDX-License-Identifier: GPL-2.0-only

//! Groups and units: boxes beside the rows that they span.

use super::{
    picture::{
        baseline,
        width,
        Connector,
        Label,
        Look,
        Picture,
        Rect,
        Weight,
        FONT,
        PAD, //
    },
    Row,
    COLUMN,
    GAP,
    ROW, //
};
use crate::topology::scene::{
    Band,
    Scene, //
};
use std::ops::RangeInclusive;

/// The most characters of a note that widen the boxes.
const NOTE: usize = 40;
/// Between notes.
const LINE: f64 = 20.0;

/// Rows that follow each other.
type Run = RangeInclusive<usize>;

/// Adds the groups from `x` on, and returns where they end.
pub(super) fn groups(scene: &Scene, rows: &[Row], x: f64, top: f64, picture: &mut Picture) -> f64 {
    let runs: Vec<Vec<Run>> = (0..scene.groups.len())
        .map(|group| runs(rows, &|of| of == group))
        .collect();
    if runs.iter().all(Vec::is_empty) {
        return x;
    }
    picture.head("IOMMU groups", x, top);
    let (placed, right) = columns(&scene.groups, &runs, x, "IOMMU groups");
    for (group, &x) in placed.iter().enumerate() {
        for (row, _) in rows
            .iter()
            .zip(0..)
            .filter(|(row, _)| row.group == Some(group))
        {
            let y = row.y + ROW / 2.0;
            picture.connectors.push(Connector {
                from: (row.right, y),
                to: (x.0, y),
                tone: None,
            });
        }
        add(&scene.groups[group], &runs[group], rows, x, picture);
    }
    right
}

/// Adds the units from `x` on, if there are any, and returns where the picture ends.
pub(super) fn units(scene: &Scene, rows: &[Row], x: f64, top: f64, picture: &mut Picture) -> f64 {
    let runs: Vec<Vec<Run>> = scene
        .units
        .iter()
        .map(|unit| runs(rows, &|of| unit.groups.contains(&of)))
        .collect();
    if runs.iter().all(Vec::is_empty) {
        return x - super::GUTTER;
    }
    let head = "handed out together";
    picture.head(head, x, top);
    let (placed, right) = columns(&scene.units, &runs, x, head);
    for ((unit, runs), &x) in scene.units.iter().zip(&runs).zip(&placed) {
        add(unit, runs, rows, x, picture);
    }
    right
}

/// Returns the runs of rows whose group `is_its`.
fn runs(rows: &[Row], is_its: &dyn Fn(usize) -> bool) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        if !row.group.is_some_and(is_its) {
            continue;
        }
        match runs.last_mut() {
            Some(run) if *run.end() + 1 == number => *run = *run.start()..=number,
            _ => runs.push(number..=number),
        }
    }
    runs
}

/// Returns where each band begins and how wide it is, in lanes such that no two share rows in a lane;
/// and where the last lane ends.
fn columns(bands: &[Band], runs: &[Vec<Run>], x: f64, head: &str) -> (Vec<(f64, f64)>, f64) {
    let needed = |band: &Band| {
        let line = width(&heading(band), FONT);
        let notes = band.notes.iter().map(|note| {
            let note: String = note.chars().take(NOTE).collect();
            width(&note, FONT)
        });
        notes.fold(line, f64::max) + 2.0 * PAD
    };
    let widths = bands.iter().zip(runs).filter(|(_, runs)| !runs.is_empty());
    let width = widths
        .map(|(band, _)| needed(band))
        .fold(width(head, FONT), f64::max);
    let mut order: Vec<usize> = (0..bands.len()).collect();
    order.sort_by_key(|&band| runs[band].first().map(|run| *run.start()));
    // The last row that each lane has.
    let mut lanes: Vec<usize> = Vec::new();
    let mut placed = vec![(x, width); bands.len()];
    for band in order {
        let (Some(first), Some(last)) = (runs[band].first(), runs[band].last()) else {
            continue;
        };
        let free = lanes.iter().position(|end| end < first.start());
        let lane = free.unwrap_or(lanes.len());
        match lanes.get_mut(lane) {
            Some(end) => *end = *last.end(),
            None => lanes.push(*last.end()),
        }
        // CAST: There are fewer lanes than groups.
        placed[band].0 = x + lane as f64 * (width + COLUMN);
    }
    // CAST: As above.
    let right = x + lanes.len() as f64 * (width + COLUMN) - COLUMN;
    (placed, right)
}

/// Returns all there is to say of a band.
pub(super) fn all(band: &Band) -> String {
    let notes = band.notes.join("; ");
    match band.notes.is_empty() {
        true => heading(band),
        false => format!("{}: {notes}", heading(band)),
    }
}

fn heading(band: &Band) -> String {
    match band.state.is_empty() {
        true => band.label.clone(),
        false => format!("{}  {}", band.label, band.state),
    }
}

/// Adds a band: a box for each run, and a line where rows of others are in between.
fn add(band: &Band, runs: &[Run], rows: &[Row], (x, width): (f64, f64), picture: &mut Picture) {
    let middle = x + width / 2.0;
    let mut before = None;
    for (number, run) in runs.iter().enumerate() {
        let y = rows[*run.start()].y;
        let rect = Rect {
            x,
            y,
            width,
            height: rows[*run.end()].y + ROW - y,
        };
        if let Some(before) = before.replace(rect.bottom()) {
            picture.connectors.push(Connector {
                from: (middle, before),
                to: (middle, y),
                tone: Some(band.tone),
            });
        }
        picture.boxed(rect, Look::Band(band.tone), None, "");
        if let Some(shape) = picture.shapes.last_mut() {
            shape.note = Some(all(band));
            shape.labels = match number {
                0 => labels(band, rect),
                _ => vec![label(&band.label, (rect.x, rect.y), Weight::Strong)],
            };
        }
    }
}

/// Returns the texts of the first box: in one line, and below it what else fits.
fn labels(band: &Band, rect: Rect) -> Vec<Label> {
    let mut labels = vec![label(&band.label, (rect.x, rect.y), Weight::Strong)];
    if !band.state.is_empty() {
        let x = rect.x + width(&format!("{}  ", band.label), FONT);
        labels.push(label(&band.state, (x, rect.y), Weight::Normal));
    }
    // CAST: Rounding down is meant.
    let room = ((rect.height - ROW) / LINE) as usize;
    let hidden = band.notes.len() > room;
    for (number, note) in band.notes.iter().take(room).enumerate() {
        let note = match hidden && number + 1 == room {
            true => format!("{note} …"),
            false => note.clone(),
        };
        // CAST: There are few lines.
        let y = rect.y + ROW - GAP + number as f64 * LINE;
        let text = fit(&note, rect.width - 2.0 * PAD);
        labels.push(label(&text, (rect.x, y), Weight::Faint));
    }
    labels
}

fn label(text: &str, (x, y): (f64, f64), weight: Weight) -> Label {
    Label {
        x: x + PAD,
        y: baseline(y, ROW),
        text: text.to_owned(),
        weight,
    }
}

/// Returns as much of a text as fits, with dots for the rest.
fn fit(text: &str, room: f64) -> String {
    if width(text, FONT) <= room {
        return text.to_owned();
    }
    let mut kept = text.to_owned();
    while kept.pop().is_some() {
        let cut = format!("{kept}…");
        if width(&cut, FONT) <= room {
            return cut;
        }
    }
    kept
}
