// SPDX-License-Identifier: GPL-2.0-only

//! What PCI classes are called.
//!
//! See the PCI Code and ID Assignment Specification, chapter 1. It has more of them than machines do;
//! those without a name here show as the class that they belong to.

/// Class and subclass, and the name.
const NAMES: [(u16, &str); 45] = [
    (0x0001, "VGA-compatible device"),
    (0x0100, "SCSI controller"),
    (0x0101, "IDE controller"),
    (0x0104, "RAID controller"),
    (0x0106, "SATA controller"),
    (0x0107, "SAS controller"),
    (0x0108, "NVMe controller"),
    (0x0200, "Ethernet controller"),
    (0x0207, "InfiniBand controller"),
    (0x0280, "network controller"),
    (0x0300, "VGA controller"),
    (0x0302, "3D controller"),
    (0x0380, "display controller"),
    (0x0400, "video device"),
    (0x0401, "audio device"),
    (0x0403, "HD audio device"),
    (0x0480, "multimedia device"),
    (0x0500, "RAM"),
    (0x0580, "memory controller"),
    (0x0600, "host bridge"),
    (0x0601, "ISA bridge"),
    (0x0604, "PCI bridge"),
    (0x0609, "PCI bridge"),
    (0x0680, "bridge"),
    (0x0700, "serial port"),
    (0x0703, "modem"),
    (0x0780, "communication device"),
    (0x0800, "interrupt controller"),
    (0x0801, "DMA controller"),
    (0x0803, "real-time clock"),
    (0x0805, "SD host controller"),
    (0x0806, "IOMMU"),
    (0x0807, "event collector"),
    (0x0880, "system peripheral"),
    (0x0c00, "FireWire controller"),
    (0x0c03, "USB controller"),
    (0x0c04, "Fibre Channel"),
    (0x0c05, "SMBus controller"),
    (0x0c07, "IPMI interface"),
    (0x0d00, "IrDA controller"),
    (0x0d80, "wireless controller"),
    (0x1080, "encryption device"),
    (0x1180, "signal processor"),
    (0x1200, "accelerator"),
    (0x1300, "instrumentation"),
];

/// The names of classes.
const CLASSES: [(u8, &str); 21] = [
    (0x00, "unclassified device"),
    (0x01, "storage controller"),
    (0x02, "network controller"),
    (0x03, "display controller"),
    (0x04, "multimedia device"),
    (0x05, "memory controller"),
    (0x06, "bridge"),
    (0x07, "communication device"),
    (0x08, "system peripheral"),
    (0x09, "input device"),
    (0x0a, "docking station"),
    (0x0b, "processor"),
    (0x0c, "serial bus controller"),
    (0x0d, "wireless controller"),
    (0x0e, "intelligent I/O"),
    (0x0f, "satellite device"),
    (0x10, "encryption device"),
    (0x11, "signal processor"),
    (0x12, "accelerator"),
    (0x13, "instrumentation"),
    (0x40, "coprocessor"),
];

/// Returns what a class with subclass and interface is called, "Ethernet controller"; its number if it
/// has no name.
pub(crate) fn name(class: u32) -> String {
    let [_, base, sub, _] = class.to_be_bytes();
    let whole = u16::from_be_bytes([base, sub]);
    let of_both = NAMES.iter().find(|(number, _)| *number == whole);
    let of_class = CLASSES.iter().find(|(number, _)| *number == base);
    let name = of_both
        .map(|(_, name)| *name)
        .or(of_class.map(|(_, name)| *name));
    name.map_or_else(|| format!("class {whole:04x}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(name(0x02_00_00), "Ethernet controller");
        assert_eq!(name(0x01_08_02), "NVMe controller");
        assert_eq!(name(0x02_42_00), "network controller");
        assert_eq!(name(0x00_ff_00), "unclassified device");
        assert_eq!(name(0xff_00_00), "class ff00");
    }

    #[test]
    fn no_number_is_there_twice() {
        assert!(NAMES.is_sorted_by(|one, next| one.0 < next.0));
        assert!(CLASSES.is_sorted_by(|one, next| one.0 < next.0));
    }
}
