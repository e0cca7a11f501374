// SPDX-License-Identifier: GPL-2.0-only

//! What holds for every picture.

use super::*;
use crate::topology::scene::{
    Band,
    BandTone,
    Driver,
    DriverTone, //
};
use proptest::{
    collection::vec,
    option,
    prelude::*, //
};

/// Texts as machines have them, and longer ones.
fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9:._-]{0,24}"
}

fn driver() -> impl Strategy<Value = Driver> {
    let tone = prop_oneof![
        Just(DriverTone::Vfio),
        Just(DriverTone::Host),
        Just(DriverTone::Bridge),
        Just(DriverTone::None),
    ];
    (text(), tone).prop_map(|(name, tone)| Driver { name, tone })
}

fn item(kind: Kind, children: Vec<Item>, groups: usize) -> impl Strategy<Value = Item> {
    (
        [text(), text(), text(), text()],
        option::of(driver()),
        option::of(0..groups),
    )
        .prop_map(move |(cells, driver, group)| Item {
            kind,
            cells,
            driver,
            group,
            children: children.clone(),
        })
}

fn items(groups: usize) -> impl Strategy<Value = Vec<Item>> {
    let leaf = item(Kind::Device, Vec::new(), groups);
    let bridges = leaf.prop_recursive(5, 40, 6, move |inner| {
        vec(inner, 0..6).prop_flat_map(move |children| item(Kind::Bridge, children, groups))
    });
    let hosts = vec(bridges, 0..8).prop_map(|children| Item {
        kind: Kind::HostBridge,
        cells: [
            "host bridge 0000:00".into(),
            "".into(),
            "".into(),
            "".into(),
        ],
        driver: None,
        group: None,
        children,
    });
    vec(hosts, 0..3)
}

fn band(tone: BandTone) -> impl Strategy<Value = Band> {
    (
        text(),
        text(),
        vec("[ -~]{0,60}", 0..4),
        vec(0..6usize, 0..4),
    )
        .prop_map(move |(label, state, notes, groups)| Band {
            label,
            state,
            notes,
            tone,
            groups,
        })
}

fn scene() -> impl Strategy<Value = Scene> {
    (
        text(),
        items(6),
        vec(band(BandTone::Viable), 6),
        vec(band(BandTone::Unit), 0..4),
    )
        .prop_map(|(title, items, groups, units)| Scene {
            title,
            items,
            groups,
            units,
        })
}

fn is_inside(inner: &Rect, outer: &Rect) -> bool {
    inner.x >= outer.x
        && inner.y >= outer.y
        && inner.right() <= outer.right()
        && inner.bottom() <= outer.bottom()
}

fn overlap(one: &Rect, other: &Rect) -> bool {
    one.x < other.right()
        && other.x < one.right()
        && one.y < other.bottom()
        && other.y < one.bottom()
}

/// Returns the place that a text takes.
fn extent(label: &Label) -> Rect {
    let font = match label.weight {
        Weight::Title => TITLE_FONT,
        _ => FONT,
    };
    Rect {
        x: label.x,
        y: label.y - 0.8 * font,
        width: width(&label.text, font),
        height: font,
    }
}

proptest! {
    // Making a scene takes long.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn boxes_with_the_same_parent_do_not_overlap(scene in scene()) {
        let picture = arrange(&scene);
        for (number, shape) in picture.shapes.iter().enumerate() {
            for other in &picture.shapes[number + 1..] {
                if shape.parent == other.parent {
                    prop_assert!(!overlap(&shape.rect, &other.rect), "{shape:?} and {other:?}");
                }
            }
        }
    }

    #[test]
    fn children_are_inside_their_parents(scene in scene()) {
        let picture = arrange(&scene);
        let page = Rect { x: 0.0, y: 0.0, width: picture.width, height: picture.height };
        for (number, shape) in picture.shapes.iter().enumerate() {
            let outer = match shape.parent {
                Some(parent) => {
                    prop_assert!(parent < number);
                    &picture.shapes[parent].rect
                }
                None => &page,
            };
            prop_assert!(is_inside(&shape.rect, outer), "{shape:?} in {outer:?}");
        }
    }

    #[test]
    fn texts_are_inside_their_boxes_and_apart(scene in scene()) {
        let picture = arrange(&scene);
        for (number, shape) in picture.shapes.iter().enumerate() {
            let mut others: Vec<Rect> = picture.shapes.iter()
                .filter(|child| child.parent == Some(number))
                .map(|child| child.rect)
                .collect();
            for label in &shape.labels {
                let place = extent(label);
                prop_assert!(is_inside(&place, &shape.rect), "{label:?} in {shape:?}");
                for other in &others {
                    prop_assert!(!overlap(&place, other), "{label:?} and {other:?}");
                }
                others.push(place);
            }
        }
    }

    #[test]
    fn every_device_and_group_is_there(scene in scene()) {
        let picture = arrange(&scene);
        let (mut items, mut used) = (0, std::collections::BTreeSet::new());
        for_each(&scene.items, 0, &mut |item, _| {
            items += 1;
            used.extend(item.group);
        });
        let is_item = |shape: &&Shape| matches!(shape.look, Look::Item(_)) && shape.note.is_none();
        // The legend has three of them.
        prop_assert_eq!(picture.shapes.iter().filter(is_item).count(), items + 3);
        for group in used {
            let note = bands::all(&scene.groups[group]);
            prop_assert!(picture.shapes.iter().any(|shape| shape.note.as_ref() == Some(&note)));
        }
    }
}
