// SPDX-License-Identifier: GPL-2.0-only

//! What holds for every set of permissions and every device.

use proptest::{
    collection::vec,
    prelude::*, //
};

use super::{
    header::Facts,
    map::Owner,
    model::fake::{
        Fake,
        Open, //
    },
    msi::MsiState,
    perm::{
        self,
        Masks,
        Width, //
    },
};

fn width() -> impl Strategy<Value = Width> {
    prop_oneof![Just(Width::Byte), Just(Width::Word), Just(Width::Dword)]
}

/// Permissions come in runs of ones.
fn mask() -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(0),
        Just(u32::MAX),
        any::<u32>(),
        (0u32..32).prop_map(|n| u32::MAX << n)
    ]
}

/// A configuration space whose lists are likely to lead somewhere.
fn device() -> impl Strategy<Value = Fake> {
    let cap = (0u8..0x16, any::<u8>(), any::<u16>());
    let ecap = (0u16..0x34, 0u16..0x400, any::<[u8; 12]>());
    (any::<bool>(), vec(cap, 48), vec(ecap, 240), any::<u8>()).prop_map(
        |(big, caps, ecaps, first)| {
            let mut fake = Fake::new(if big { 4096 } else { 256 })
                .with(0x06, &[0x10])
                .with(0x34, &[first | 0x40]);
            for (at, (id, next, body)) in (0x40..).step_by(4).zip(caps) {
                let [low, high] = body.to_le_bytes();
                fake = fake.with(at, &[id, next, low, high]);
            }
            let ecaps = ecaps.into_iter().take(if big { 240 } else { 0 });
            for (at, (id, next, body)) in (0x100..).step_by(16).zip(ecaps) {
                let header = u32::from(id) | 1 << 16 | u32::from(next) << 22;
                fake = fake.dword(at, header).with(at + 4, &body);
            }
            fake
        },
    )
}

proptest! {
    #[test]
    fn a_write_changes_exactly_the_writable_bits(
        width in width(), virt in mask(), write in mask(),
        real in any::<u32>(), copy in any::<u32>(), value in any::<u32>(),
    ) {
        let hw = Fake::new(256).dword(0, real);
        let masks = Masks { virt: virt & width.mask(), write: write & width.mask() };
        let copy = copy & width.mask();
        let after = perm::write(&hw, 0, width, masks, copy, value).unwrap();
        let (hard, soft) = (masks.write & !masks.virt, masks.write & masks.virt);
        let now = hw.get(0, Width::Dword);
        prop_assert_eq!(now, real & !hard | value & hard);
        prop_assert_eq!(after, copy & !soft | value & soft);
        let seen = perm::read(&hw, 0, width, masks, after).unwrap();
        prop_assert_eq!(seen, (now & !masks.virt | after & masks.virt) & width.mask());
    }

    #[test]
    fn every_device_gets_lists_that_end(fake in device()) {
        let open = Open::new(fake, Facts::default());
        prop_assert!(open.caps().len() <= 48);
        prop_assert!(open.caps().iter().all(|&(id, _)| id != 0 && id < 0x14));
        if open.layout.size() > 256 && open.layout.chunk(0x100, 1).unwrap().owner != Owner::Unassigned {
            let ecaps = open.ecaps();
            prop_assert!(ecaps.len() <= 240);
            prop_assert!(ecaps.iter().skip(1).all(|&(id, _)| id != 0 && id != 0x1b));
        }
    }

    #[test]
    fn no_write_reaches_a_protected_bit(
        fake in device(),
        writes in vec((0u16..0x200, vec(any::<u8>(), 1..9)), 1..60),
        active in any::<bool>(), queue_max in 0u8..6,
    ) {
        let mut open = Open::new(fake, Facts::default());
        open.msi = MsiState { active, queue_max };
        let size = open.layout.size() as u16;
        let fresh = open.hw.bytes();
        for (at, bytes) in writes {
            if usize::from(at) + bytes.len() <= usize::from(size) {
                open.write(at, &bytes);
            }
        }
        let now = open.hw.bytes();
        for at in 0..size {
            let chunk = open.layout.chunk(at, 1).unwrap();
            let masks = chunk.masks();
            let mut writable = (masks.write & !masks.virt) as u8;
            if matches!(chunk.owner, Owner::Msi(_)) && chunk.offset == 2 {
                // Enable and count, by way of the model.
                writable = 0x71;
            }
            let changed = now[usize::from(at)] ^ fresh[usize::from(at)];
            prop_assert_eq!(changed & !writable, 0, "{:#x}: {:?}", at, chunk);
        }
        prop_assert_eq!(&now[0x10..0x28], &fresh[0x10..0x28]);
    }
}
