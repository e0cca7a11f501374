// SPDX-License-Identifier: GPL-2.0-only

//! What a picture is made of.

use super::GAP;
use crate::topology::scene::{
    BandTone,
    DriverTone,
    Kind, //
};

/// The size of the font, and what is assumed for the width of a character.
pub(in crate::topology) const FONT: f64 = 13.0;
const ADVANCE: f64 = 0.63;
/// The same for the title.
pub(in crate::topology) const TITLE_FONT: f64 = 18.0;

/// Between a box and what is in it.
pub(in crate::topology) const PAD: f64 = 10.0;

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::topology) struct Rect {
    pub(in crate::topology) x: f64,
    pub(in crate::topology) y: f64,
    pub(in crate::topology) width: f64,
    pub(in crate::topology) height: f64,
}

/// How a shape looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::topology) enum Look {
    /// Only text.
    Plain,
    Item(Kind),
    Driver(DriverTone),
    Band(BandTone),
}

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::topology) enum Weight {
    Title,
    Strong,
    Normal,
    Faint,
}

/// A text that begins at `x`, with its base line at `y`.
#[derive(Clone, Debug)]
pub(in crate::topology) struct Label {
    pub(in crate::topology) x: f64,
    pub(in crate::topology) y: f64,
    pub(in crate::topology) text: String,
    pub(in crate::topology) weight: Weight,
}

/// A box with texts in it.
#[derive(Clone, Debug)]
pub(in crate::topology) struct Shape {
    pub(in crate::topology) rect: Rect,
    pub(in crate::topology) look: Look,
    /// The shape that it is inside.
    pub(in crate::topology) parent: Option<usize>,
    pub(in crate::topology) labels: Vec<Label>,
    /// What is shown when the pointer is on it.
    pub(in crate::topology) note: Option<String>,
}

/// A line between two points.
#[derive(Clone, Copy, Debug)]
pub(in crate::topology) struct Connector {
    pub(in crate::topology) from: (f64, f64),
    pub(in crate::topology) to: (f64, f64),
    pub(in crate::topology) tone: Option<BandTone>,
}

/// All of it. Shapes come after those that they are inside; connectors are behind all shapes but items.
#[derive(Clone, Debug, Default)]
pub(in crate::topology) struct Picture {
    pub(in crate::topology) width: f64,
    pub(in crate::topology) height: f64,
    pub(in crate::topology) shapes: Vec<Shape>,
    pub(in crate::topology) connectors: Vec<Connector>,
}

impl Rect {
    #[cfg(test)]
    pub(in crate::topology) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(in crate::topology) fn bottom(&self) -> f64 {
        self.y + self.height
    }
}

/// Returns how wide a text may be.
pub(in crate::topology) fn width(text: &str, font: f64) -> f64 {
    // CAST: No text has 2^52 characters.
    text.chars().count() as f64 * font * ADVANCE
}

impl Picture {
    /// Adds a text alone, whose top is at `y`.
    pub(in crate::topology) fn plain(&mut self, text: &str, (x, y): (f64, f64), weight: Weight) {
        let font = match weight {
            Weight::Title => TITLE_FONT,
            _ => FONT,
        };
        self.shapes.push(Shape {
            rect: Rect {
                x,
                y,
                width: width(text, font),
                height: font * 1.3,
            },
            look: Look::Plain,
            parent: None,
            labels: vec![Label {
                x,
                y: y + font,
                text: text.to_owned(),
                weight,
            }],
            note: None,
        });
    }

    /// Adds the heading of a column that begins at `y`.
    pub(in crate::topology) fn head(&mut self, text: &str, x: f64, y: f64) {
        self.plain(text, (x, y - FONT * 1.3 - GAP), Weight::Faint);
    }

    /// Adds a box with one text in it.
    pub(in crate::topology) fn boxed(
        &mut self,
        rect: Rect,
        look: Look,
        parent: Option<usize>,
        text: &str,
    ) {
        self.shapes.push(Shape {
            rect,
            look,
            parent,
            labels: vec![Label {
                x: rect.x + PAD,
                y: baseline(rect.y, rect.height),
                text: text.to_owned(),
                weight: Weight::Normal,
            }],
            note: None,
        });
    }
}

/// Returns the base line of a text in the middle of a row.
pub(in crate::topology) fn baseline(y: f64, height: f64) -> f64 {
    y + height / 2.0 + FONT * 0.35
}
