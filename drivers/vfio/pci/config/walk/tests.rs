// SPDX-License-Identifier: GPL-2.0-only

//! Lists as devices have them, and as they should not have them.

use super::*;
use crate::config::model::fake::{
    Fake,
    Open,
    Random, //
};

/// An Express endpoint as `EXP_FLAGS` tells it.
const EXPRESS: (u8, u8, &[u8]) = (0xa0, 0x10, &[0x02, 0x00]);

fn open(fake: Fake) -> Open {
    Open::new(fake, Facts::default())
}

#[test]
fn hidden_capabilities_are_unlinked() {
    // Subsystem id, PM, enhanced allocation, null, MSI-X.
    let open = open(Fake::new(256).caps(&[
        (0x40, 0x0d, &[]),
        (0x48, 0x01, &[]),
        (0x50, 0x14, &[]),
        (0x58, 0x00, &[]),
        (0x60, 0x11, &[]),
    ]));
    assert_eq!(open.caps(), [(0x01, 0x48), (0x11, 0x60)]);
    assert_eq!(open.get(STATUS, Width::Word), 0x10);
    assert!(open.oddities.is_empty());
}

#[test]
fn a_list_of_hidden_capabilities_is_no_list() {
    let open = open(Fake::new(256).caps(&[(0x40, 0x0d, &[]), (0x48, 0xff, &[])]));
    assert_eq!(open.caps(), []);
    assert_eq!(open.get(STATUS, Width::Word), 0);
}

#[test]
fn a_device_without_a_list_has_none() {
    let open = open(
        Fake::new(256)
            .with(CAPABILITY_LIST, &[0x40])
            .with(0x40, &[1, 0]),
    );
    assert_eq!(open.layout.chunk(0x40, 4).unwrap().owner, Owner::Unassigned);
}

#[test]
fn a_hidden_first_extended_capability_leaves_an_anchor() {
    // PASID, AER, L1 substates, serial number.
    let fake = Fake::new(4096).caps(&[EXPRESS]).ecaps(&[
        (0x100, 0x1b, &[0xff; 12]),
        (0x140, 0x01, &[]),
        (0x180, 0x1e, &[]),
        (0x1c0, 0x03, &[]),
    ]);
    let open = open(fake);
    assert_eq!(open.ecaps(), [(0, 0x100), (0x01, 0x140), (0x03, 0x1c0)]);
    assert_eq!(open.get(0x100, Width::Dword), 0x1400_0000);
    // Byte for byte as well, and from the middle.
    assert_eq!(open.read(0x101, 3), [0, 0, 0x14]);
}

#[test]
fn only_hidden_extended_capabilities_read_as_nothing() {
    let fake = Fake::new(4096)
        .caps(&[EXPRESS])
        .ecaps(&[(0x100, 0x0102, &[]), (0x140, 0x2e, &[])]);
    assert_eq!(open(fake).get(0x100, Width::Dword), 0);
}

#[test]
fn the_extended_list_needs_a_capability_that_implies_it() {
    let fake = |cap| Fake::new(4096).caps(&[cap]).ecaps(&[(0x100, 0x03, &[])]);
    let owner = |cap| open(fake(cap)).layout.chunk(0x100, 4).unwrap().owner;
    assert_eq!(owner((0x40, 0x11, &[])), Owner::Unassigned);
    assert_eq!(owner(EXPRESS), Owner::ReadOnlyExtended);
    // PCI-X version 0 and 2.
    assert_eq!(owner((0x40, 0x07, &[0, 0x00])), Owner::Unassigned);
    assert_eq!(owner((0x40, 0x07, &[0, 0x20])), Owner::ReadOnlyExtended);
}

#[test]
fn lengths_are_cut_at_the_end() {
    let fake = Fake::new(4096)
        .caps(&[EXPRESS, (0xf8, 0x09, &[0xff])])
        .ecaps(&[(0x100, 0x03, &[]), (0xff8, 0x0b, &[0, 0, 0xf0, 0xff])]);
    let open = open(fake);
    assert_eq!(open.oddities, [Oddity::Cut(0xf8), Oddity::Cut(0xff8)]);
    assert_eq!(open.layout.chunk(0xff, 1).unwrap().owner, Owner::Vendor);
    assert_eq!(
        open.layout.chunk(0x100, 1).unwrap().owner,
        Owner::ReadOnlyExtended
    );
    assert_eq!(
        open.layout.chunk(0xfff, 1).unwrap().owner,
        Owner::VendorExtended
    );
}

#[test]
fn a_cut_capability_is_read_only() {
    // Advanced features would have its control register in the extended space, and VPD its data.
    for id in [0x01, 0x03, 0x05, 0x10, 0x13] {
        let fake = Fake::new(4096)
            .caps(&[(0x40, 0x10, &[2, 0]), (0xfc, id, &[0x80, 0xff])])
            .ecaps(&[(0x100, 0x01, &[])]);
        let mut open = open(fake);
        let before = open.hw.bytes();
        open.write(0xfc, &[0xff; 8]);
        assert_eq!(open.hw.bytes(), before, "{id:#x}");
        assert_eq!(open.get(0x100, Width::Dword), 0x0001_0001, "{id:#x}");
        assert!(open.effects.is_empty());
    }
}

#[test]
fn lists_that_bite_their_tail_end() {
    let fake = Fake::new(256)
        .caps(&[(0x40, 0x01, &[]), (0x48, 0x11, &[])])
        .with(0x49, &[0x40]);
    let open = open(fake);
    assert_eq!(open.caps(), [(0x01, 0x40), (0x11, 0x48)]);
    assert_eq!(open.oddities, [Oddity::BadPointer(0x40)]);

    let fake = Fake::new(4096)
        .caps(&[EXPRESS])
        .ecaps(&[(0x100, 0x01, &[]), (0x140, 0x03, &[])])
        .dword(0x140, 0x1001_0003);
    let open = self::open(fake);
    assert_eq!(open.ecaps(), [(0x01, 0x100), (0x03, 0x140)]);
}

#[test]
fn pointers_into_the_header_end_a_list() {
    let fake = Fake::new(256)
        .caps(&[(0x40, 0x01, &[])])
        .with(0x41, &[0x10]);
    let open = open(fake);
    assert_eq!(open.caps(), [(0x01, 0x40)]);
    assert_eq!(open.layout.chunk(0x10, 4).unwrap().owner, Owner::Header);
}

#[test]
fn a_dead_device_has_no_capabilities() {
    for size in [256, 4096] {
        let open = open(Fake::new(size).with(0, &vec![0xff; size]));
        assert_eq!(open.caps(), []);
    }
}

#[test]
fn overlaps_are_told_and_the_later_one_wins_but_for_headers() {
    let fake = Fake::new(256).caps(&[(0x40, 0x11, &[]), (0x44, 0x01, &[])]);
    let open = open(fake);
    assert_eq!(open.oddities, [Oddity::Overlap(0x44)]);
    assert_eq!(open.layout.chunk(0x44, 4).unwrap().owner, Owner::Pm);

    // PM comes second, lies before MSI-X and reaches into it.
    let fake = Fake::new(256).caps(&[(0x44, 0x11, &[7, 0]), (0x40, 0x01, &[])]);
    let open = self::open(fake);
    assert_eq!(open.caps(), [(0x11, 0x44), (0x01, 0x40)]);
    assert_eq!(open.layout.chunk(0x46, 2).unwrap().owner, Owner::Pm);
}

#[test]
fn lengths_of_extended_capabilities() {
    let len = |id: u16, body: &[u8]| {
        let fake = Fake::new(4096).with(0x104, body);
        let regs = Registers {
            hw: &fake,
            size: 4096,
        };
        ecap::describe(&regs, id, 0x100)
            .unwrap()
            .map(|(_, len)| len)
    };
    // Virtual channels: one, and eight with 32, 64 and 128 phases.
    assert_eq!(len(0x02, &[0, 0, 0, 0, 0]), Some(28));
    assert_eq!(len(0x08, &[7, 0, 0, 0, 0x2]), Some(112 + 16));
    assert_eq!(len(0x09, &[7, 0, 0, 0, 0x4]), Some(112 + 32));
    assert_eq!(len(0x09, &[0, 0, 0, 0, 0x8]), Some(32 + 64));
    // Access control: none, 33 ports, 256 ports.
    assert_eq!(len(0x0d, &[0x1f, 0xff]), Some(8));
    assert_eq!(len(0x0d, &[0x20, 33]), Some(16));
    assert_eq!(len(0x0d, &[0x20, 0]), Some(40));
    // Resizable BARs: three. Power allocation: seven substates.
    assert_eq!(len(0x15, &[0, 0, 0, 0, 3 << 5]), Some(28));
    assert_eq!(len(0x16, &[6]), Some(23));
    // Hints: table elsewhere, and 16 entries here.
    assert_eq!(len(0x17, &[0, 4, 15, 0]), Some(12));
    assert_eq!(len(0x17, &[0, 2, 15, 0]), Some(44));
    // Vendor specific of length 0x7c, and of none.
    assert_eq!(len(0x23, &[0, 0, 0xc0, 0x07]), Some(0x7c));
    assert_eq!(len(0x0b, &[0xff, 0xff, 0x0f, 0x00]), None);
    // Serial number, virtual functions; then things that stay with the host.
    assert_eq!(len(0x03, &[]), Some(12));
    assert_eq!(len(0x10, &[]), Some(0x40));
    for hidden in [
        0x00, 0x05, 0x06, 0x07, 0x0a, 0x0c, 0x11, 0x14, 0x19, 0x1a, 0x1b, 0x1d, 0x1e, 0x2e,
    ] {
        assert_eq!(len(hidden, &[0xff; 16]), None, "{hidden:#x}");
    }
}

#[test]
fn lengths_of_standard_capabilities() {
    let len = |id: u8, body: &[u8]| {
        let fake = Fake::new(256).with(0x40, &[id]).with(0x42, body);
        let head = cap::Head::from_dword(fake.get(0x40, Width::Dword));
        let regs = Registers {
            hw: &fake,
            size: 256,
        };
        cap::describe(&regs, head, 0x40)
            .unwrap()
            .map(|(_, len)| len)
    };
    let flags = |flags: u16| len(0x05, &flags.to_le_bytes());
    assert_eq!(
        [flags(0), flags(0x80), flags(0x100), flags(0x180)],
        [Some(10), Some(14), Some(20), Some(24)]
    );
    let express = |flags: u8| len(0x10, &[flags, 0]);
    assert_eq!(
        [express(0x01), express(0x02), express(0x91), express(0x92)],
        [Some(0x14), Some(0x34), Some(0x0c), Some(0x2c)]
    );
    assert_eq!(
        [len(0x07, &[0, 0]), len(0x07, &[0, 0x10])],
        [Some(8), Some(24)]
    );
    assert_eq!(
        [len(0x08, &[0, 0x00]), len(0x08, &[0, 0x20])],
        [Some(28), Some(24)]
    );
    assert_eq!(
        [len(0x12, &[0, 0, 0xf]), len(0x12, &[0, 0, 0x4])],
        [Some(16), Some(8)]
    );
    assert_eq!([len(0x09, &[0x14]), len(0x09, &[0])], [Some(0x14), None]);
    assert_eq!(
        [len(0x13, &[]), len(0x11, &[]), len(0x02, &[])],
        [Some(6), Some(12), Some(12)]
    );
}

/// Makes a device that is wrong in every way that a device can be, but likely enough of the right
/// shape to get far.
fn broken(random: &mut Random) -> Fake {
    let size = random.one(&[256, 4096]);
    let mut bytes: Vec<u8> = (0..size).map(|_| random.byte()).collect();
    bytes[usize::from(STATUS)] = 0x10;
    bytes[usize::from(CAPABILITY_LIST)] = 0x40 + 4 * random.below(48) as u8;
    for at in (0x40..0x100).step_by(4) {
        if random.below(3) > 0 {
            bytes[at] = random.below(0x16) as u8;
            bytes[at + 1] = 4 * random.below(64) as u8 | random.one(&[0, 0, 0, 1]);
        }
    }
    for at in (0x100..size).step_by(4) {
        if random.below(3) > 0 {
            let any = random.next() % 4096 & !3;
            let next = random.one(&[0, any, 0x100, 0xffc]);
            let header = random.next() % 0x34 | 1 << 16 | next << 20;
            bytes[at..at + 4].copy_from_slice(&header.to_le_bytes());
        }
    }
    Fake::new(size).with(0, &bytes)
}

#[test]
fn no_device_can_break_the_walk() {
    let mut random = Random(0x853c_49e6_748f_ea9b);
    for _ in 0..3_000 {
        let mut open = open(broken(&mut random));
        let size = open.layout.size() as u16;
        // Every byte has an owner whose start is not behind it, and both lists end.
        for at in 0..size {
            let chunk = open.layout.chunk(at, 4).unwrap();
            assert!(chunk.offset <= at && chunk.width.bytes() + at <= size);
        }
        assert!(open.caps().len() <= 48);
        if size > CONVENTIONAL_SIZE
            && open.layout.chunk(0x100, 1).unwrap().owner != Owner::Unassigned
        {
            let ecaps = open.ecaps();
            assert!(ecaps.len() <= 960);
            assert!(ecaps
                .iter()
                .all(|&(id, at)| id != 0x1b || open.layout.begins_at(at)));
        }
        // The fake panics when a register outside is touched.
        for _ in 0..40 {
            let at = random.below(usize::from(size));
            let len = random.below(9).min(usize::from(size) - at);
            let bytes: Vec<u8> = (0..len).map(|_| random.byte()).collect();
            open.write(at as u16, &bytes);
            open.read(at as u16, len);
        }
    }
}
