// SPDX-License-Identifier: GPL-2.0-only

//! What is printed of machines that are not there.

use super::*;
use crate::fake::Fake;

fn list(fake: &Fake, groups: &[&str], json: bool) -> String {
    let groups = groups
        .iter()
        .map(|text| wanted::parse(text).unwrap())
        .collect();
    run(&fake.roots(), &Arguments { groups, json }).unwrap()
}

#[test]
fn all_groups() {
    let expected = "\
group 0: not viable: 0000:00:00.0 has no driver
    0000:00:00.0  8086:29c0  host bridge          -
group 9: viable
    0000:00:12.0  1234:11e8  unclassified device  vfio-pci
    open in 812 (qemu-system-x86): /dev/vfio/9, 0000:00:12.0
group 10: not viable: 0000:01:02.0 is bound to e1000e
    0000:00:15.0  1b36:0001  PCI bridge           -
    0000:01:01.0  1234:11e8  unclassified device  vfio-pci
    0000:01:02.0  8086:10d3  Ethernet controller  e1000e
group 11: only bridges, which stay with the host
    0000:00:1c.0  8086:3420  PCI bridge           pcieport
group 12: not viable: 0000:00:1f.2 is bound to ahci
    0000:00:1f.2  8086:2922  SATA controller      ahci
Every device of a group must be bound to VFIO (vfio.strict_viability is on).
";
    assert_eq!(list(&Fake::desk(), &[], false), expected);
}

#[test]
fn some_groups_with_all_that_can_be_said() {
    let fake = Fake::desk();
    fake.write("sys/class/vfio/10/unit", "10 9\n");
    fake.write("sys/class/vfio/10/isolation", "slot\n");
    fake.write("sys/class/vfio/10/strict", "0\n");
    let expected = "\
group 10: not viable: 0000:01:02.0 is bound to e1000e
    0000:00:15.0  1b36:0001  PCI bridge           -
    0000:01:01.0  1234:11e8  unclassified device  vfio-pci
    0000:01:02.0  8086:10d3  Ethernet controller  e1000e
    handed out with: 9
    isolation: slot
    strict: off
Every device of a group must be bound to VFIO (vfio.strict_viability is on).
";
    assert_eq!(list(&fake, &["10", "0000:01:01.0"], false), expected);
}

#[test]
fn without_an_iommu() {
    let fake = Fake::new();
    assert_eq!(
        list(&fake, &[], false),
        "There are neither groups nor PCI devices.\n"
    );
    fake.pci(&crate::fake::Pci {
        way: "pci0000:00/0000:00:02.0",
        id: "8086:10d3 020000",
        buses: "",
        driver: "e1000e",
        group: None,
    });
    let expected = "\
in no group:
    0000:00:02.0  8086:10d3  Ethernet controller  e1000e
VFIO is not loaded; C VFIO's rule: devices without a driver do not block.
There are no groups: no IOMMU is on. \"vfioctl doctor\" says what to do.
";
    assert_eq!(list(&fake, &[], false), expected);
}

#[test]
fn json_keeps_its_names() {
    let text = list(&Fake::desk(), &["9"], true);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!({
        "modules": "rust",
        "strict": true,
        "groups": [{
            "group": 9,
            "name": "9",
            "node": "/dev/vfio/9",
            "viable": true,
            "bound": true,
            "state": "viable",
            "blockers": [],
            "devices": [{
                "device": "0000:00:12.0",
                "vendor": "1234",
                "id": "11e8",
                "class": "00ff00",
                "class_name": "unclassified device",
                "driver": "vfio-pci",
                "vfio": "vfio000000120",
                "bridge": false,
                "group": 9,
                "iommu": "dmar0",
            }],
            "holders": [{
                "pid": 812,
                "command": "qemu-system-x86",
                "files": ["/dev/vfio/9", "0000:00:12.0"],
            }],
            "isolation": null,
            "strict": null,
            "unit": [9],
        }],
        "ungrouped": [],
        "synthetic": [],
        "hidden_processes": 0,
    });
    assert_eq!(value, expected);
}
