// SPDX-License-Identifier: GPL-2.0-only

//! What the boxes of the picture mean.

use super::{
    picture::{
        width,
        Look,
        Picture,
        Rect,
        Weight,
        FONT,
        PAD, //
    },
    GAP,
    ROW, //
};
use crate::topology::scene::{
    BandTone,
    DriverTone,
    Kind,
    Scene, //
};

/// The least width that it takes: that of its longest entry.
pub(super) const LEAST: f64 = 420.0;

/// Adds it at a point, in lines of at most `room`, and returns where it ends.
pub(super) fn add(scene: &Scene, at: (f64, f64), room: f64, picture: &mut Picture) -> f64 {
    let mut entries = vec![
        (Look::Item(Kind::HostBridge), "host bridge"),
        (Look::Item(Kind::Bridge), "bridge, with what is behind it"),
        (Look::Item(Kind::Device), "device"),
        (Look::Driver(DriverTone::Vfio), "VFIO driver"),
        (Look::Driver(DriverTone::Host), "driver of the host"),
        (Look::Driver(DriverTone::None), "no driver"),
        (Look::Driver(DriverTone::Bridge), "driver of a bridge"),
        (Look::Band(BandTone::Viable), "group that can be handed out"),
        (
            Look::Band(BandTone::Blocked),
            "bound in part: something is in the way",
        ),
        (Look::Band(BandTone::Host), "group of the host"),
        (Look::Band(BandTone::Bridges), "only bridges"),
    ];
    if !scene.units.is_empty() {
        entries.push((Look::Band(BandTone::Unit), "groups handed out together"));
    }
    let (left, mut y) = at;
    let mut x = left;
    for (look, text) in entries {
        let needed = ROW + GAP + width(text, FONT);
        if x > left && x + needed > left + room {
            x = left;
            y += ROW;
        }
        let swatch = Rect {
            x,
            y: y + GAP,
            width: ROW,
            height: ROW - 2.0 * GAP,
        };
        picture.boxed(swatch, look, None, "");
        if let Some(shape) = picture.shapes.last_mut() {
            shape.labels.clear();
        }
        let at = (x + ROW + GAP, y + GAP);
        picture.plain(text, at, Weight::Normal);
        x += needed + 2.0 * PAD;
    }
    y + ROW
}
