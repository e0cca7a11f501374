// SPDX-License-Identifier: GPL-2.0-only

//! Registers that few devices have, or that few programs write: none of QEMU's devices shows all of
//! this, so it is only tried over made-up ones.

use super::{
    super::{
        header::BarShape,
        perm::Width::{
            Byte,
            Dword,
            Word, //
        },
        regs::{
            ASLS,
            BAR0,
            COMMAND_INTX_DISABLE,
            HEADER_SIZE,
            ROM, //
        }, //
    },
    fake::{
        Fake,
        Open, //
    },
    *,
};

fn bare(hw: Fake) -> Open {
    Open::new(hw, Facts::default())
}

/// A device with two BARs and a ROM, all in use.
fn with_bars() -> (Fake, Facts) {
    let kind = header::BarKind::Memory {
        wide: false,
        prefetch: false,
    };
    let mut facts = Facts::default();
    facts.bars[0] = Some(BarShape { size: 0x1000, kind });
    facts.bars[1] = Some(BarShape { size: 0x2000, kind });
    facts.rom = Some(0x4_0000);
    let hw = Fake::new(256)
        .dword(COMMAND, 0x0000_0003)
        .dword(BAR0, 0xfe00_0000)
        .dword(BAR0 + 4, 0xfe00_2000)
        .dword(ROM, 0xfe04_0001);
    (hw, facts)
}

#[test]
fn of_the_header_only_command_and_three_bytes_reach_the_hardware() {
    let mut open = bare(Fake::new(256).dword(0x0c, 0x1122_3344));
    open.write(0, &[0xff; HEADER_SIZE as usize]);
    let mut want = [0; HEADER_SIZE as usize];
    want[4] = 0xff;
    // All of COMMAND but the bit that disables INTx.
    want[5] = 0xfb;
    // Cache line size and latency timer, not the header's type, built-in self test.
    want[0x0c..0x10].copy_from_slice(&[0xff, 0xff, 0x22, 0xff]);
    assert_eq!(open.hw.bytes()[..want.len()], want);
}

#[test]
fn a_rom_answers_sizing_keeps_its_enable_bit_and_stays_where_it_is() {
    let (hw, facts) = with_bars();
    let mut open = Open::new(hw, facts);
    assert_eq!(open.get(ROM, Dword), 0xfe04_0001);
    open.set(ROM, Dword, 0xffff_fffe);
    assert_eq!(open.get(ROM, Dword), 0xfffc_0000);
    open.set(ROM, Byte, 0x01);
    assert_eq!(open.get(ROM, Dword), 0xfffc_0001);
    assert_eq!(open.hw.get(ROM, Dword), 0xfe04_0001);
    // Without a ROM there is nothing to see, whatever the register says.
    let mut open = bare(Fake::new(256).dword(ROM, 0xfe04_0001));
    open.set(ROM, Dword, u32::MAX);
    assert_eq!(open.get(ROM, Dword), 0);
}

#[test]
fn one_lost_bar_brings_all_of_them_back() {
    let (hw, facts) = with_bars();
    let mut open = Open::new(hw, facts);
    open.hw.poke(BAR0 + 4, Dword, 0);
    open.hw.poke(ROM, Dword, 0);
    // Reading does not look, and nor does a write of anything else.
    open.set(BAR0, Dword, 0);
    assert_eq!((open.get(COMMAND, Word), open.recoveries), (3, 0));
    // A write of COMMAND does, even one that turns decoding off.
    open.set(COMMAND, Word, 0);
    assert_eq!(open.recoveries, 1);
    assert_eq!(open.hw.get(BAR0 + 4, Dword), 0xfe00_2000);
    assert_eq!(open.hw.get(ROM, Dword), 0xfe04_0001);
    // The upper byte alone is no such write.
    open.hw.poke(BAR0, Dword, 0);
    open.set(COMMAND + 1, Byte, 0);
    assert_eq!(open.recoveries, 1);
}

#[test]
fn a_pin_that_the_host_has_silenced_looks_enabled() {
    let (hw, mut facts) = with_bars();
    facts.silenced = true;
    let mut open = Open::new(hw.dword(COMMAND, 0x0000_0403), facts);
    assert_eq!(open.get(COMMAND, Word), 3);
    // The bits are two: neither write reaches the hardware's.
    let disabled = u32::from(COMMAND_INTX_DISABLE);
    open.set(COMMAND, Word, disabled | 2);
    assert_eq!(open.get(COMMAND, Word), disabled | 2);
    open.set(COMMAND + 1, Byte, 0);
    assert_eq!(open.get(COMMAND, Word), 2);
    assert_eq!(open.hw.get(COMMAND, Word), disabled | 2);
}

#[test]
fn the_address_of_an_opregion_is_the_users_own() {
    let opregion = Facts {
        has_opregion: true,
        ..Facts::default()
    };
    let mut open = Open::new(Fake::new(256).dword(ASLS, 0x7f00_0000), opregion);
    assert_eq!(open.get(ASLS, Dword), 0x7f00_0000);
    open.set(ASLS, Dword, 0x1234_5678);
    open.set(ASLS + 1, Byte, 0);
    assert_eq!(open.get(ASLS, Dword), 0x1234_0078);
    assert_eq!(open.hw.get(ASLS, Dword), 0x7f00_0000);

    // Of a device without one, the register is like any other that belongs to no capability.
    let mut open = Open::new(Fake::new(256), Facts::default());
    open.set(ASLS, Dword, 0x1234_5678);
    assert_eq!(open.hw.get(ASLS, Dword), 0x1234_5678);

    // A capability has more right to the place.
    let hw = Fake::new(256).caps(&[(0xf8, 0x01, &[])]).dword(0xfc, 1);
    let mut open = Open::new(hw, opregion);
    open.set(ASLS, Dword, 0);
    assert_eq!(open.hw.get(ASLS, Dword), open.get(ASLS, Dword));
}

#[test]
fn bars_of_a_virtual_function_are_left_to_the_physical_one() {
    let (hw, mut facts) = with_bars();
    facts.vf_ids = Some((0x8086, 0x10ca));
    facts.no_command_memory = true;
    let mut open = Open::new(hw, facts);
    open.hw.poke(BAR0, Dword, 0);
    open.set(COMMAND, Word, 3);
    assert_eq!((open.recoveries, open.hw.get(BAR0, Dword)), (0, 0));
}

#[test]
fn pci_x_opens_its_command_and_the_error_correction_of_later_versions() {
    // Version 0 ends at eight bytes: what follows is nobody's.
    let mut open = bare(Fake::new(256).caps(&[(0x40, 0x07, &[0, 0x00])]));
    open.write(0x40, &[0xff; 24]);
    assert_eq!(open.hw.get(0x40, Dword), 0xffff_0007);
    assert_eq!(open.hw.get(0x44, Dword), 0, "status");
    assert_eq!(open.hw.get(0x48, Dword), u32::MAX, "a gap");

    let mut open = bare(Fake::new(256).caps(&[(0x40, 0x07, &[0, 0x10])]));
    open.write(0x40, &[0xff; 24]);
    assert_eq!(open.hw.get(0x40, Dword), 0xffff_0007);
    assert_eq!(open.hw.get(0x44, Dword), 0, "status");
    assert_eq!(open.hw.get(0x48, Dword), u32::MAX, "error correction");
    assert_eq!(open.hw.get(0x4c, Dword), 0, "where the error was");
}

#[test]
fn graphics_ports_links_and_disks_are_read_only() {
    // AGP, HyperTransport, SATA.
    for (id, len) in [(0x02, 12), (0x08, 28), (0x12, 8)] {
        let mut open = bare(Fake::new(256).caps(&[(0x40, id, &[])]));
        let before = open.hw.bytes();
        open.write(0x40, &vec![0xff; len]);
        assert_eq!(open.hw.bytes(), before, "{id:#x}");
        open.write(0x40 + len as u16, &[0xff]);
        assert_ne!(open.hw.bytes(), before, "{id:#x} ends there");
    }
}

#[test]
fn a_vpd_write_in_one_piece_takes_the_data_of_before() {
    let mut open = bare(Fake::new(256).caps(&[(0x40, 0x03, &[])]));
    open.set(0x44, Dword, 0x1111_1111);
    // Address, flag and data at once: the flag comes first on its way.
    open.write(0x42, &[0x08, 0x80, 0x22, 0x22, 0x22, 0x22]);
    let [Effect::Vpd(access)] = open.effects[..] else {
        panic!("{:?}", open.effects);
    };
    assert_eq!((access.addr, access.data), (0x08, Some(0x1111_1111)));
    assert_eq!(open.get(0x44, Dword), 0x2222_2222);
    // A transfer that failed leaves the flag, and its user waits.
    assert_eq!(open.get(0x42, Word), 0x8008);
    // Address alone, and data alone, start none.
    open.set(0x44, Dword, 0);
    open.set(0x42, Byte, 0);
    assert_eq!(open.effects.len(), 1);
}

#[test]
fn power_budgeting_opens_one_byte() {
    let express: (u8, u8, &[u8]) = (0x40, 0x10, &[0x02, 0x00]);
    let hw = Fake::new(4096)
        .caps(&[express])
        .ecaps(&[(0x100, 0x04, &[])]);
    let mut open = bare(hw);
    open.write(0x100, &[0xff; 16]);
    let at = |at| open.hw.get(at, Dword);
    assert_eq!([at(0x104), at(0x108), at(0x10c)], [0, 0xff, 0]);
}
