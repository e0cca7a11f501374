// SPDX-License-Identifier: GPL-2.0-only

//! What a user sees and can do, register by register, over made-up devices.

use super::{
    super::{
        cap::PowerState,
        header::{
            BarKind,
            BarShape, //
        },
        perm::Width::{
            self,
            Byte,
            Dword,
            Word, //
        },
        regs::{
            BAR0,
            DEVICE_ID,
            INTERRUPT_LINE,
            STATUS,
            VENDOR_ID, //
        }, //
    },
    fake::{
        Fake,
        Open,
        Random, //
    },
    *,
};

/// A network card with one of everything that matters: PM, MSI (64 bits, maskable), MSI-X, Express
/// with FLR; AER, ARI, SR-IOV.
fn card() -> Fake {
    Fake::new(4096)
        .dword(VENDOR_ID, 0x10c9_8086)
        .dword(COMMAND, 0x0010_0003)
        .dword(BAR0, 0xfe00_0000)
        .dword(BAR0 + 4, 0x0000_c001)
        .dword(0x3c, 0x0000_010b)
        .caps(&[
            (0x40, 0x01, &[0x23, 0xc8, 0x00, 0x81]),
            (0x50, 0x05, &[0x86, 0x01]),
            (0x70, 0x11, &[0x09, 0x00, 0x03, 0, 0, 0, 0x03, 0x20]),
            (
                0xa0,
                0x10,
                &[0x02, 0x00, 0xc2, 0x8c, 0x00, 0x10, 0x10, 0x28],
            ),
        ])
        .ecaps(&[(0x100, 0x01, &[]), (0x150, 0x0e, &[]), (0x160, 0x10, &[])])
}

fn facts() -> Facts {
    let memory = BarKind::Memory {
        wide: false,
        prefetch: false,
    };
    let mut facts = Facts::default();
    facts.bars[0] = Some(BarShape {
        size: 0x2_0000,
        kind: memory,
    });
    facts.bars[1] = Some(BarShape {
        size: 0x20,
        kind: BarKind::Io,
    });
    facts
}

fn open() -> Open {
    Open::new(card(), facts())
}

#[test]
fn ids_are_read_only_and_the_line_is_a_scratch_pad() {
    let mut open = open();
    open.set(VENDOR_ID, Dword, 0xffff_ffff);
    assert_eq!(open.get(VENDOR_ID, Dword), 0x10c9_8086);
    open.set(INTERRUPT_LINE, Word, 0xff2a);
    assert_eq!(open.get(INTERRUPT_LINE, Word), 0x012a);
    assert_eq!(open.hw.get(INTERRUPT_LINE, Word), 0x010b);
    assert_eq!(open.model.intx_pin(), 1);
}

#[test]
fn bars_answer_sizing_and_never_move() {
    let mut open = open();
    open.set(BAR0, Dword, u32::MAX);
    open.set(BAR0 + 4, Dword, u32::MAX);
    open.set(BAR0 + 8, Dword, u32::MAX);
    assert_eq!(open.get(BAR0, Dword), 0xfffe_0000);
    assert_eq!(open.get(BAR0 + 4, Dword), 0xffff_ffe1);
    assert_eq!(open.get(BAR0 + 8, Dword), 0);
    // Byte by byte, as some firmware does it.
    open.write(BAR0, &[0x12, 0x34, 0x56, 0x78]);
    open.set(BAR0 + 3, Byte, 0x9a);
    assert_eq!(open.get(BAR0, Dword), 0x9a56_0000);
    assert_eq!(open.hw.get(BAR0, Dword), 0xfe00_0000);
    assert_eq!(open.hw.get(BAR0 + 4, Dword), 0xc001);
}

#[test]
fn command_keeps_intx_disable_to_itself() {
    let mut open = open();
    open.set(COMMAND, Word, 0x0406);
    assert_eq!(open.get(COMMAND, Word), 0x0406);
    assert_eq!(open.hw.get(COMMAND, Word), 0x0006);
    assert_eq!(open.model.command(), 0x0402);
    open.set(COMMAND + 1, Byte, 0);
    assert_eq!(open.model.command(), 0x0002);
}

#[test]
fn status_errors_survive_a_write_of_command_as_a_dword() {
    let mut open = open();
    open.hw.poke(STATUS, Word, 0xf910);
    open.set(COMMAND, Dword, 0xffff_0007);
    assert_eq!(open.hw.get(COMMAND, Dword), 0xf910_0007);
}

#[test]
fn a_reset_behind_our_back_is_found_when_decoding_is_asked_for_again() {
    let mut open = open();
    open.set(COMMAND, Word, 3);
    assert_eq!(open.recoveries, 0);
    for at in [COMMAND, BAR0, BAR0 + 4] {
        open.hw.poke(at, Word, 0);
        open.hw.poke(at + 2, Word, 0);
    }
    open.set(COMMAND, Word, 3);
    assert_eq!(open.recoveries, 1);
    assert_eq!(open.hw.get(BAR0, Dword), 0xfe00_0000);
    assert_eq!(open.hw.get(BAR0 + 4, Dword), 0xc001);
    assert_eq!(open.hw.get(COMMAND, Word), 3);
    // All is well again.
    open.set(COMMAND, Word, 3);
    assert_eq!(open.recoveries, 1);
}

#[test]
fn turning_decoding_off_and_on_is_no_reset() {
    let mut open = open();
    for value in [0, 3, 0, 2, 1, 3] {
        open.set(COMMAND, Word, value);
    }
    assert_eq!(open.recoveries, 0);
}

#[test]
fn a_virtual_function_has_the_ids_and_the_memory_bit_it_should_have() {
    let facts = Facts {
        vf_ids: Some((0x8086, 0x10ca)),
        no_command_memory: true,
        hide_intx: true,
        ..Facts::default()
    };
    let hw = Fake::new(256)
        .dword(VENDOR_ID, u32::MAX)
        .dword(0x3c, 0x0100);
    let mut open = Open::new(hw, facts);
    assert_eq!(open.get(VENDOR_ID, Word), 0x8086);
    assert_eq!(open.get(DEVICE_ID, Word), 0x10ca);
    assert_eq!(open.get(INTERRUPT_LINE, Word), 0);
    assert_eq!(open.get(COMMAND, Word), 2);
    assert_eq!(
        open.get(COMMAND, Byte),
        2,
        "without a virtual bit of its own"
    );
    // The hardware has no such bit, and nothing is to be recovered by that.
    open.set(COMMAND, Word, 0);
    assert_eq!(open.get(COMMAND, Word), 0);
    open.set(COMMAND, Word, 2);
    assert_eq!((open.get(COMMAND, Word), open.recoveries), (2, 0));
}

#[test]
fn power_events_are_hidden_and_states_are_changed_by_others() {
    let mut open = open();
    assert_eq!(open.get(0x42, Word), 0x0023);
    assert_eq!(open.get(0x44, Word), 0x0000);
    open.set(0x44, Word, 0x8103);
    assert_eq!(open.effects, [Effect::SetPower(PowerState::D3hot)]);
    assert_eq!(open.get(0x44, Word) & 0x8100, 0);
    assert_eq!(
        open.hw.get(0x44, Word) & 0x3,
        0,
        "the state is not written here"
    );
    open.set(0x44, Byte, 1);
    assert_eq!(open.effects.last(), Some(&Effect::SetPower(PowerState::D1)));
    open.set(0x45, Byte, 0);
    assert_eq!(open.effects.len(), 2);
}

#[test]
fn msi_is_only_on_while_it_is_set_up() {
    let mut open = open();
    // Address and data are a scratch pad.
    open.set(0x54, Dword, 0xfee0_1000);
    open.set(0x5c, Word, 0x4041);
    assert_eq!(
        (open.get(0x54, Dword), open.get(0x5c, Word)),
        (0xfee0_1000, 0x4041)
    );
    assert_eq!((open.hw.get(0x54, Dword), open.hw.get(0x5c, Word)), (0, 0));
    // Eight vectors are offered; nothing is set up, so neither enable nor the count stays.
    assert_eq!(open.get(0x52, Word), 0x0186);
    open.set(0x52, Word, 0x01b7);
    assert_eq!(open.get(0x52, Word), 0x0186);
    assert_eq!(open.hw.get(0x52, Word), 0x0186);
    // Four are set up: eight become four.
    open.msi = MsiState {
        active: true,
        queue_max: 2,
    };
    open.set(0x52, Word, 0x01b7);
    assert_eq!(open.get(0x52, Word), 0x01a7);
    assert_eq!(open.hw.get(0x52, Word), 0x01a7);
    // Masks are the function's own.
    open.set(0x60, Dword, 0xf);
    assert_eq!(open.hw.get(0x60, Dword), 0xf);
}

#[test]
fn msi_x_and_virtual_function_controls_are_read_only() {
    let mut open = open();
    let before = open.hw.bytes();
    open.write(0x70, &[0xff; 12]);
    open.write(0x160, &[0xff; 0x40]);
    open.write(0x100, &[0xff; 4]);
    assert_eq!(open.hw.bytes(), before);
    assert_eq!(open.get(0x72, Word), 0x0009);
}

#[test]
fn a_function_level_reset_happens_once_and_never_shows() {
    let mut open = open();
    open.set(0xa8, Word, 0xa810);
    assert_eq!(
        open.effects,
        [Effect::Function {
            reset: true,
            read_request: None
        }]
    );
    assert_eq!(open.get(0xa8, Word), 0x2810);
    assert_eq!(open.hw.get(0xa8, Word) & 0x8000, 0);
    // In the upper byte alone too.
    open.set(0xa9, Byte, 0xa8);
    assert_eq!(open.effects.len(), 2);

    // Without the ability there is no reset.
    open.hw.poke(0xa4, Dword, 0);
    open.set(0xa8, Word, 0xa810);
    assert_eq!(open.effects.len(), 2);
    assert_eq!(open.get(0xa8, Word), 0x2810);
}

#[test]
fn payload_is_for_show_and_read_requests_are_passed_on() {
    let mut open = open();
    let hardware = open.hw.get(0xa8, Word);
    open.set(0xa8, Word, 0x50b0);
    assert_eq!(open.get(0xa8, Word), 0x50b0);
    assert_eq!(open.hw.get(0xa8, Word), 0x0010 | hardware & 0xf0e0);
    assert_eq!(
        open.effects,
        [Effect::Function {
            reset: false,
            read_request: Some(4096)
        }]
    );
    // Phantom functions stay off.
    open.set(0xa8, Word, 0xffff & !0x8000);
    assert_eq!(open.get(0xa8, Word) & 0x0200, 0);
    // Forwarding to functions above seven is the host's choice.
    open.set(0xa0 + 0x28, Word, 0xffff);
    assert_eq!(open.hw.get(0xa0 + 0x28, Word), 0xffdf);
    // Status beside control is untouched.
    open.hw.poke(0xaa, Word, 0x000f);
    open.set(0xa8, Dword, 0xffff_2810);
    assert_eq!(open.hw.get(0xaa, Word), 0x000f);
}

#[test]
fn advanced_features_reset_needs_both_abilities() {
    for (able, effects) in [(0x03, 1), (0x02, 0), (0x01, 0)] {
        let hw = Fake::new(256).caps(&[(0x40, 0x13, &[6, able])]);
        let mut open = Open::new(hw, Facts::default());
        open.set(0x44, Byte, 0xff);
        assert_eq!(open.effects.len(), effects);
        assert_eq!((open.get(0x44, Byte), open.hw.get(0x44, Byte)), (0, 0));
    }
}

#[test]
fn vpd_goes_through_the_copy() {
    let hw = Fake::new(256).caps(&[(0x40, 0x03, &[])]);
    let mut open = Open::new(hw, Facts::default());
    let last = |open: &Open| match open.effects.last() {
        Some(&Effect::Vpd(access)) => access,
        other => panic!("{other:?}"),
    };
    // A read: the flag is cleared by the user and set when done.
    open.set(0x42, Word, 0x0010);
    let access = last(&open);
    assert_eq!((access.addr, access.data), (0x10, None));
    assert_eq!(open.get(0x42, Word), 0x0010);
    open.model.finish_vpd(access, 0x1234_5678);
    assert_eq!(
        (open.get(0x42, Word), open.get(0x44, Dword)),
        (0x8010, 0x1234_5678)
    );
    // A write: the other way round, and the low byte alone starts nothing.
    open.set(0x44, Dword, 0xdead_beef);
    open.set(0x42, Byte, 0x20);
    assert_eq!(open.effects.len(), 1);
    open.set(0x43, Byte, 0x80);
    let access = last(&open);
    assert_eq!((access.addr, access.data), (0x20, Some(0xdead_beef)));
    open.model.finish_vpd(access, 0xdead_beef);
    assert_eq!(open.get(0x42, Word), 0x0020);
    assert_eq!(open.hw.get(0x42, Word), 0);
}

#[test]
fn gaps_and_vendor_capabilities_are_raw() {
    let hw = Fake::new(256)
        .caps(&[(0x40, 0x09, &[0x10, 0xaa])])
        .with(0x80, &[0x55]);
    let mut open = Open::new(hw, Facts::default());
    open.write(0x80, &[1, 2, 3, 4]);
    assert_eq!(open.hw.get(0x80, Dword), 0x0403_0201);
    open.write(0x40, &[0xff; 16]);
    assert_eq!(open.hw.get(0x40, Dword), 0xffff_0009);
    assert_eq!(open.hw.get(0x4c, Dword), u32::MAX);
}

#[test]
fn error_registers_open_only_what_software_handles() {
    let mut open = open();
    open.write(0x104, &[0xff; 0x28]);
    assert_eq!(open.hw.get(0x104, Dword), 0x03ff_f031);
    assert_eq!(open.hw.get(0x10c, Dword), 0x03ff_f031);
    assert_eq!(open.hw.get(0x110, Dword), 0x0000_f1c1);
    assert_eq!(open.hw.get(0x118, Dword), 0x0000_0140);
    assert_eq!(open.hw.get(0x11c, Dword), 0, "the header log");
}

#[test]
fn odd_reads_are_the_same_bytes_as_whole_ones() {
    let open = open();
    let whole = open.read(0, 4096);
    for at in 0..0x200u16 {
        for len in 1..9usize {
            let from = usize::from(at);
            assert_eq!(
                open.read(at, len),
                whole[from..from + len],
                "{len} at {at:#x}"
            );
        }
    }
}

/// Whatever is written, only bits that the permissions open change in the hardware. MSI control is
/// the one register that is also written from the copy, and BARs are only ever written back.
#[test]
fn random_writes_change_nothing_that_is_protected() {
    let mut random = Random(0xda3e_39cb_94b9_5bdb);
    for round in 0..300 {
        let mut open = open();
        open.msi = MsiState {
            active: round % 2 == 0,
            queue_max: (round % 4) as u8,
        };
        let fresh = open.hw.bytes();
        for _ in 0..200 {
            let end = random.one(&[0x100, 0x200]);
            let at = random.below(end) as u16;
            let len = random.below(12);
            let bytes: Vec<u8> = (0..len).map(|_| random.byte()).collect();
            open.write(at, &bytes);
        }
        let now = open.hw.bytes();
        for at in 0..4096u16 {
            let chunk = open.layout.chunk(at, 1).unwrap();
            let masks = chunk.masks();
            let open_bits = (masks.write & !masks.virt) as u8;
            let index = usize::from(at);
            let changed = now[index] ^ fresh[index];
            match (chunk.owner, chunk.offset) {
                (Owner::Msi(_), 2) => assert_eq!(changed & !0x71, 0, "MSI control"),
                _ => assert_eq!(changed & !open_bits, 0, "hardware at {at:#x}"),
            }
        }
        assert_eq!(now[0x10..0x28], fresh[0x10..0x28], "BARs");
        assert_eq!(
            now[0x52] & 1,
            u8::from(open.msi.active) & now[0x52] & 1,
            "MSI enable"
        );
        assert_eq!(open.get(0xa8, Width::Word) & 0x8000, 0, "reset bit");
    }
}
