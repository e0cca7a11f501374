// SPDX-License-Identifier: GPL-2.0-only

//! What is read from machines that are not there.

use super::*;
use crate::fake::Fake;

fn read(fake: &Fake) -> Machine {
    Machine::read(&fake.roots()).unwrap()
}

fn why(fake: &Fake, group: u32) -> String {
    read(fake).viability(group).to_string()
}

#[test]
fn bridges_lead_to_devices() {
    let machine = read(&Fake::desk());
    let device = machine.device("0000:01:02.0").unwrap();
    assert_eq!(device.host_bridge.unwrap().bus, 0);
    let bridges: Vec<String> = device.bridges.iter().map(|&at| address::text(at)).collect();
    assert_eq!(bridges, ["0000:00:15.0"]);
    assert!(machine.device("0000:00:15.0").unwrap().is_bridge());
}

#[test]
fn a_host_driver_blocks_and_a_bridge_never() {
    let fake = Fake::desk();
    assert_eq!(why(&fake, 9), "viable");
    assert_eq!(
        why(&fake, 10),
        "not viable: 0000:01:02.0 is bound to e1000e"
    );
    assert_eq!(why(&fake, 11), "only bridges, which stay with the host");
    fake.bind("0000:01:02.0", "vfio-pci");
    assert_eq!(why(&fake, 10), "viable");
}

#[test]
fn a_device_without_driver_blocks_where_the_rule_is_strict() {
    let fake = Fake::desk();
    fake.bind("0000:01:02.0", "");
    assert_eq!(why(&fake, 10), "not viable: 0000:01:02.0 has no driver");
    fake.write("sys/class/vfio/10/strict", "0\n");
    assert_eq!(why(&fake, 10), "viable");
    fake.write("sys/class/vfio/10/strict", "1\n");
    fake.write("sys/module/vfio/parameters/strict_viability", "N\n");
    assert_eq!(why(&fake, 10), "not viable: 0000:01:02.0 has no driver");
    assert_eq!(why(&fake, 0), "viable, but not bound to VFIO yet");
}

#[test]
fn c_accepts_a_stub() {
    let fake = Fake::desk();
    fake.bind("0000:01:02.0", "pci-stub");
    assert_eq!(
        why(&fake, 10),
        "not viable: 0000:01:02.0 is bound to pci-stub"
    );
    std::fs::remove_dir_all(fake.path("sys/module/vfio/parameters")).unwrap();
    assert_eq!(read(&fake).modules, Modules::C);
    assert_eq!(why(&fake, 10), "viable");
}

#[test]
fn a_unit_is_as_viable_as_all_its_groups() {
    let fake = Fake::desk();
    fake.write("sys/class/vfio/9/unit", "9 10\n");
    assert_eq!(why(&fake, 9), "not viable: 0000:01:02.0 is bound to e1000e");
    let viability = read(&fake).viability(9);
    assert_eq!(viability.blockers()[0].group, 10);
}

#[test]
fn groups_are_found_by_their_devices() {
    let machine = read(&Fake::desk());
    let find = |text| machine.find(crate::wanted::parse(text).unwrap());
    assert_eq!(find("0000:01:01.0").unwrap(), 10);
    assert_eq!(find("/dev/vfio/9").unwrap(), 9);
    let said = find("99").unwrap_err().to_string();
    assert_eq!(said, "there is no IOMMU group 99");
    let said = find("0000:ff:1f.7").unwrap_err().to_string();
    assert_eq!(said, "the device 0000:ff:1f.7 is not there");
}

#[test]
fn programs_hold_groups_and_devices() {
    let fake = Fake::desk();
    let machine = read(&fake);
    let holders = Holders::read(&fake.roots(), &machine);
    assert_eq!(holders.hidden, 0);
    let of_9 = holders.of_group(&machine, 9);
    assert_eq!(of_9.len(), 1);
    assert_eq!(
        (of_9[0].pid, of_9[0].command.as_str()),
        (812, "qemu-system-x86")
    );
    assert_eq!(of_9[0].files(), ["/dev/vfio/9", "0000:00:12.0"]);
    assert!(holders.of_group(&machine, 10).is_empty());
}

#[test]
fn device_nodes_are_devices() {
    let fake = Fake::desk();
    let node = "/dev/vfio/devices/vfio000001010";
    fake.program(900, "dpdk", &[node], "");
    let machine = read(&fake);
    assert_eq!(
        machine.device("0000:01:01.0").unwrap().vfio.as_deref(),
        Some("vfio000001010")
    );
    let holders = Holders::read(&fake.roots(), &machine);
    assert_eq!(holders.of_group(&machine, 10)[0].files(), ["0000:01:01.0"]);
}

#[test]
fn synthetic_groups_are_in_configfs() {
    let fake = Fake::desk();
    assert!(read(&fake).synthetic.is_empty());
    let mount = fake.path("config");
    fake.write(
        "proc/mounts",
        &format!("none {} configfs rw 0 0\n", mount.display()),
    );
    fake.write("config/vfio/pair/members", "9 10\n");
    fake.write("config/vfio/pair/enable", "1\n");
    let group = Synthetic {
        name: "pair".into(),
        members: vec![9, 10],
        enabled: true,
    };
    assert_eq!(read(&fake).synthetic, [group]);
}
