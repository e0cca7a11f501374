// SPDX-License-Identifier: GPL-2.0-only

//! Where everything is in the picture.
//!
//! On the left each device has a row, in a box that is inside those of the bridges above it. To the right
//! each group is a box beside the rows of its devices; if others are in between, it is several boxes with
//! a line between them, in a lane that no other group uses there. Units are the same for groups.
//!
//! Widths follow from the texts, in a font of one width, of which more is assumed than fonts take. So no
//! text leaves its box. All measures are in pixels.

mod bands;
mod legend;
mod picture;

#[cfg(test)]
mod tests;

pub(super) use picture::{
    Connector,
    Label,
    Look,
    Picture,
    Shape,
    Weight,
    FONT,
    TITLE_FONT, //
};

use super::scene::{
    Item,
    Kind,
    Scene, //
};
use picture::{
    baseline,
    width,
    Rect,
    PAD, //
};

const MARGIN: f64 = 24.0;
const ROW: f64 = 30.0;
const GAP: f64 = 6.0;
const INDENT: f64 = 20.0;
/// Between columns of text.
const COLUMN: f64 = 18.0;
/// Between the devices, the groups and the units.
const GUTTER: f64 = 36.0;

/// A row of the left side.
struct Row {
    y: f64,
    /// Where its box ends.
    right: f64,
    group: Option<usize>,
}

/// Where columns begin.
struct Columns {
    cells: [f64; 4],
    driver: (f64, f64),
    right: f64,
}

/// Returns the picture of a scene.
pub(super) fn arrange(scene: &Scene) -> Picture {
    let mut picture = Picture::default();
    let columns = Columns::of(&scene.items);
    let heads = MARGIN + TITLE_FONT + GAP + ROW;
    let mut rows = Vec::new();
    let mut y = heads;
    for item in &scene.items {
        y = place(item, (0, y), None, &columns, &mut picture, &mut rows) + PAD;
    }
    picture.head("devices, in their bridges", MARGIN, heads);
    let right = bands::groups(scene, &rows, columns.right + GUTTER, heads, &mut picture);
    let right = bands::units(scene, &rows, right + GUTTER, heads, &mut picture);
    let title = width(&scene.title, TITLE_FONT);
    let inner = (right - MARGIN).max(title).max(legend::LEAST);
    picture.plain(&scene.title, (MARGIN, MARGIN), Weight::Title);
    let bottom = legend::add(scene, (MARGIN, y + PAD), inner, &mut picture);
    picture.width = MARGIN + inner + MARGIN;
    picture.height = bottom + MARGIN;
    picture
}

impl Columns {
    fn of(items: &[Item]) -> Self {
        let mut widest = [0.0f64; 4];
        // The first column ends where the deepest address does; a heading may take all columns.
        let (mut first_end, mut driver, mut heading, mut deepest) =
            (0.0f64, 0.0f64, 0.0f64, 0usize);
        for_each(items, 0, &mut |item, depth| {
            deepest = deepest.max(depth);
            let end = left(depth) + PAD + width(&item.cells[0], FONT);
            match item.kind {
                Kind::HostBridge => heading = heading.max(end),
                _ => first_end = first_end.max(end),
            }
            for (widest, cell) in widest.iter_mut().zip(&item.cells).skip(1) {
                *widest = widest.max(width(cell, FONT));
            }
            if let Some(item) = &item.driver {
                driver = driver.max(width(&item.name, FONT) + 2.0 * PAD);
            }
        });
        let mut cells = [0.0; 4];
        let mut x = first_end;
        for (cell, widest) in cells.iter_mut().zip(widest).skip(1) {
            x += COLUMN;
            *cell = x;
            x += widest;
        }
        let start = x + COLUMN;
        // Each box inside another ends a bit before it.
        // CAST: Buses are nested a few hundred deep at most.
        let right = (start + driver).max(heading) + (deepest + 1) as f64 * PAD;
        Self {
            cells,
            driver: (start, driver),
            right,
        }
    }
}

/// Calls `call` for all items, with how deep they are.
fn for_each<'a>(items: &'a [Item], depth: usize, call: &mut dyn FnMut(&'a Item, usize)) {
    for item in items {
        call(item, depth);
        for_each(&item.children, depth + 1, call);
    }
}

/// Returns where boxes begin that are that deep.
fn left(depth: usize) -> f64 {
    // CAST: As above.
    MARGIN + depth as f64 * INDENT
}

/// Places an item and what is in it, and returns where it ends.
fn place(
    item: &Item,
    (depth, y): (usize, f64),
    parent: Option<usize>,
    columns: &Columns,
    picture: &mut Picture,
    rows: &mut Vec<Row>,
) -> f64 {
    // CAST: As above.
    let right = columns.right - depth as f64 * PAD;
    let index = picture.shapes.len();
    let x = left(depth);
    let cells = item.cells.iter().enumerate();
    let labels = cells
        .filter(|(_, text)| !text.is_empty())
        .map(|(column, text)| Label {
            x: if column == 0 {
                x + PAD
            } else {
                columns.cells[column]
            },
            y: baseline(y, ROW),
            text: text.clone(),
            weight: match column {
                0 => Weight::Strong,
                1 => Weight::Normal,
                _ => Weight::Faint,
            },
        })
        .collect();
    picture.shapes.push(Shape {
        rect: Rect {
            x,
            y,
            width: right - x,
            height: ROW,
        },
        look: Look::Item(item.kind),
        parent,
        labels,
        note: None,
    });
    rows.push(Row {
        y,
        right,
        group: item.group,
    });
    if let Some(driver) = &item.driver {
        let (x, width) = columns.driver;
        let rect = Rect {
            x,
            y: y + 5.0,
            width,
            height: ROW - 10.0,
        };
        picture.boxed(rect, Look::Driver(driver.tone), Some(index), &driver.name);
    }
    let mut end = y + ROW;
    for child in &item.children {
        end = place(
            child,
            (depth + 1, end + GAP),
            Some(index),
            columns,
            picture,
            rows,
        );
    }
    if !item.children.is_empty() {
        end += PAD;
    }
    picture.shapes[index].rect.height = end - y;
    end
}
