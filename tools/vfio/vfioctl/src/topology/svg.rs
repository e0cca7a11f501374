// SPDX-License-Identifier: GPL-2.0-only

//! The picture as SVG.
//!
//! Colours are on a background of the picture's own, so it looks the same in a dark viewer. What a colour
//! says is also there as a word.

use super::{
    layout::{
        Connector,
        Label,
        Look,
        Picture,
        Weight,
        FONT,
        TITLE_FONT, //
    },
    scene::{
        BandTone,
        DriverTone,
        Kind, //
    }, //
};
use std::fmt::Write;

const PAGE: &str = "#fbfcfe";
const INK: &str = "#1f2937";
const FAINT: &str = "#5b6678";
const FONTS: &str = "DejaVu Sans Mono, Liberation Mono, Menlo, Consolas, monospace";

/// Fill, border and text of a box, and whether its border is broken.
struct Colours {
    fill: &'static str,
    border: &'static str,
    ink: &'static str,
    broken: bool,
}

/// Returns the source of a picture.
pub(super) fn draw(picture: &Picture) -> String {
    let (width, height) = (picture.width.ceil(), picture.height.ceil());
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"{FONTS}\" font-size=\"{FONT}\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{PAGE}\"/>\n"
    );
    let is_item = |index: &usize| matches!(picture.shapes[*index].look, Look::Item(_));
    let outer = (0..picture.shapes.len()).filter(|&index| picture.shapes[index].parent.is_none());
    let (items, others): (Vec<usize>, Vec<usize>) = outer.partition(is_item);
    for item in items {
        draw_shape(picture, item, &mut out);
    }
    for connector in &picture.connectors {
        draw_connector(connector, &mut out);
    }
    for other in others {
        draw_shape(picture, other, &mut out);
    }
    out.push_str("</svg>\n");
    out
}

/// Draws a shape and what is in it.
fn draw_shape(picture: &Picture, index: usize, out: &mut String) {
    let shape = &picture.shapes[index];
    let colours = colours(shape.look);
    out.push_str("<g>");
    // Writing to a string cannot fail.
    if let Some(note) = &shape.note {
        let _ = write!(out, "<title>{}</title>", escape(note));
    }
    if let Some(Colours {
        fill,
        border,
        broken,
        ..
    }) = &colours
    {
        let rect = shape.rect;
        let radius = match shape.look {
            Look::Driver(_) => rect.height / 2.0,
            _ => 5.0,
        };
        let dashes = if *broken {
            " stroke-dasharray=\"4 3\""
        } else {
            ""
        };
        let _ = write!(
            out,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{radius:.1}\" \
             fill=\"{fill}\" stroke=\"{border}\"{dashes}/>",
            rect.x, rect.y, rect.width, rect.height
        );
    }
    for label in &shape.labels {
        let ink = colours.as_ref().map_or(INK, |colours| colours.ink);
        draw_label(label, ink, out);
    }
    for child in index + 1..picture.shapes.len() {
        if picture.shapes[child].parent == Some(index) {
            draw_shape(picture, child, out);
        }
    }
    out.push_str("</g>\n");
}

fn draw_label(label: &Label, ink: &str, out: &mut String) {
    let style = match label.weight {
        Weight::Title => format!(" font-size=\"{TITLE_FONT}\" font-weight=\"bold\" fill=\"{INK}\""),
        Weight::Strong => format!(" font-weight=\"bold\" fill=\"{ink}\""),
        Weight::Normal => format!(" fill=\"{ink}\""),
        Weight::Faint => format!(" fill=\"{FAINT}\""),
    };
    let text = escape(&label.text);
    let (x, y) = (label.x, label.y);
    let _ = write!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\"{style} xml:space=\"preserve\">{text}</text>"
    );
}

fn draw_connector(connector: &Connector, out: &mut String) {
    let (colour, style) = match connector.tone {
        Some(tone) => (band(tone).border, "stroke-width=\"3\""),
        None => (
            "#9aa7b8",
            "stroke-dasharray=\"1 4\" stroke-linecap=\"round\"",
        ),
    };
    let ((x1, y1), (x2, y2)) = (connector.from, connector.to);
    let _ = writeln!(
        out,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" {style}/>"
    );
}

fn colours(look: Look) -> Option<Colours> {
    let (fill, border, ink, broken) = match look {
        Look::Plain => return None,
        Look::Item(Kind::HostBridge) => ("#e3e9f2", "#8a99ae", INK, false),
        Look::Item(Kind::Bridge) => ("#eff3f9", "#a5b3c6", INK, false),
        Look::Item(Kind::Device) => ("#ffffff", "#c3cddb", INK, false),
        Look::Driver(DriverTone::Vfio) => ("#cdf0da", "#2e9e5b", "#14532d", false),
        Look::Driver(DriverTone::Host) => ("#dbe7ff", "#5b82d6", "#1e3a8a", false),
        Look::Driver(DriverTone::Bridge) => ("#e5e9ef", "#9ca8b8", "#374151", false),
        Look::Driver(DriverTone::None) => ("#fffaf0", "#b98a2f", "#73510c", true),
        Look::Band(tone) => return Some(band(tone)),
    };
    Some(Colours {
        fill,
        border,
        ink,
        broken,
    })
}

fn band(tone: BandTone) -> Colours {
    let (fill, border, ink, broken) = match tone {
        BandTone::Viable => ("#cdf0da", "#2e9e5b", "#14532d", false),
        BandTone::Blocked => ("#fde1dc", "#cf4f38", "#7f1d1d", false),
        BandTone::Host => ("#e6ecf6", "#7d90ad", INK, false),
        BandTone::Bridges => ("#f4f6f9", "#b4bfce", FAINT, true),
        BandTone::Unit => ("#ebe3fb", "#8457d6", "#43217c", false),
    };
    Colours {
        fill,
        border,
        ink,
        broken,
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML has no other control characters.
            character if character.is_control() => escaped.push('?'),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fake::Fake,
        machine::Machine,
        topology::{
            layout,
            scene,
            tree::Tree, //
        }, //
    };

    #[test]
    fn a_machine_as_svg() {
        let fake = Fake::desk();
        fake.write("sys/class/vfio/9/unit", "9 12\n");
        let machine = Machine::read(&fake.roots()).unwrap();
        let scene = scene::make("<desk>".into(), &machine, &Tree::of(&machine));
        let svg = draw(&layout::arrange(&scene));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<g>").count(), svg.matches("</g>").count());
        for text in [
            ">&lt;desk&gt;<",
            ">0000:01:02.0<",
            ">e1000e<",
            ">group 10<",
            "<title>group 10  not viable: 0000:01:02.0 is bound to e1000e</title>",
            "<title>unit  9 12</title>",
        ] {
            assert!(svg.contains(text), "{text} is not in {svg}");
        }
    }
}
