// SPDX-License-Identifier: GPL-2.0-only

//! What is known of the machine, and how that differs from what is there now.

use super::change::Change;
use crate::machine::{
    Device,
    Holders,
    Machine,
    Viability, //
};
use std::collections::BTreeMap;
use vfio_user::Uevent;

/// Who has what open: a program's number, and the file.
type Open = (u32, String);

/// What is known.
pub(super) struct Tracker {
    /// The driver of each device.
    devices: BTreeMap<String, Option<String>>,
    groups: BTreeMap<u32, Viability>,
    /// What each program is called that has something open.
    open: BTreeMap<Open, String>,
}

impl Tracker {
    pub(super) fn new(machine: &Machine, holders: &Holders) -> Self {
        let devices = machine.devices.iter();
        Self {
            devices: devices
                .map(|device| (device.name.clone(), device.driver.clone()))
                .collect(),
            groups: machine
                .groups
                .keys()
                .map(|&group| (group, machine.viability(group)))
                .collect(),
            open: open(holders),
        }
    }

    /// Returns what a message tells that was not known.
    pub(super) fn told(&mut self, event: &Uevent) -> Vec<Change> {
        let (Some("pci"), Some(device)) = (event.get("SUBSYSTEM"), event.get("PCI_SLOT_NAME"))
        else {
            return Vec::new();
        };
        let known = self.devices.contains_key(device);
        match event.action.as_str() {
            "add" if !known => self.add(device),
            "remove" if known => self.remove(device),
            "bind" if known => self.drive(device, event.get("DRIVER")),
            "unbind" if known => self.drive(device, None),
            _ => Vec::new(),
        }
    }

    /// Returns what is different now.
    pub(super) fn read(&mut self, machine: &Machine, holders: &Holders) -> Vec<Change> {
        let mut now = Self::new(machine, holders);
        // What is half done is not told: a message follows when it is done.
        for (&group, viability) in &mut now.groups {
            let mut members = machine
                .unit(group)
                .into_iter()
                .flat_map(|of| machine.members(of));
            if members.any(Device::is_changing) {
                if let Some(known) = self.groups.get(&group) {
                    *viability = known.clone();
                }
            }
        }
        let mut changes = Vec::new();
        let gone: Vec<String> = self
            .devices
            .keys()
            .filter(|&name| !now.devices.contains_key(name))
            .cloned()
            .collect();
        for name in gone {
            changes.extend(self.remove(&name));
        }
        for (name, driver) in &now.devices {
            if !self.devices.contains_key(name) {
                changes.extend(self.add(name));
            }
            changes.extend(self.drive(name, driver.as_deref()));
        }
        changes.extend(differences_of_groups(&self.groups, &now.groups));
        self.groups = now.groups;
        changes.extend(differences_of_files(&self.open, &now.open));
        self.open = now.open;
        changes
    }

    fn add(&mut self, device: &str) -> Vec<Change> {
        self.devices.insert(device.to_owned(), None);
        vec![Change::Added {
            device: device.to_owned(),
        }]
    }

    fn remove(&mut self, device: &str) -> Vec<Change> {
        let mut changes = self.drive(device, None);
        self.devices.remove(device);
        changes.push(Change::Removed {
            device: device.to_owned(),
        });
        changes
    }

    /// Gives a device that is known another driver.
    fn drive(&mut self, device: &str, driver: Option<&str>) -> Vec<Change> {
        let Some(known) = self.devices.get_mut(device) else {
            return Vec::new();
        };
        if known.as_deref() == driver {
            return Vec::new();
        }
        let before = std::mem::replace(known, driver.map(str::to_owned));
        let unbound = before.map(|driver| Change::Unbound {
            device: device.to_owned(),
            driver,
        });
        let bound = driver.map(|driver| Change::Bound {
            device: device.to_owned(),
            driver: driver.to_owned(),
        });
        unbound.into_iter().chain(bound).collect()
    }
}

fn differences_of_groups(
    before: &BTreeMap<u32, Viability>,
    now: &BTreeMap<u32, Viability>,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for &group in before.keys().filter(|&group| !now.contains_key(group)) {
        changes.push(Change::GroupRemoved { group });
    }
    for (&group, viability) in now {
        let known = before.get(&group);
        if known.is_none() {
            changes.push(Change::GroupAdded { group });
        }
        if known != Some(viability) && *viability != Viability::Bridges {
            changes.push(Change::Viability {
                group,
                viability: viability.clone(),
            });
        }
    }
    changes
}

fn differences_of_files(
    before: &BTreeMap<Open, String>,
    now: &BTreeMap<Open, String>,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for ((pid, file), command) in before {
        if !now.contains_key(&(*pid, file.clone())) {
            changes.push(Change::Closed {
                file: file.clone(),
                pid: *pid,
                command: command.clone(),
            });
        }
    }
    for ((pid, file), command) in now {
        if !before.contains_key(&(*pid, file.clone())) {
            changes.push(Change::Opened {
                file: file.clone(),
                pid: *pid,
                command: command.clone(),
            });
        }
    }
    changes
}

fn open(holders: &Holders) -> BTreeMap<Open, String> {
    let files = holders.holders.iter().flat_map(|holder| {
        let of = |file| ((holder.pid, file), holder.command.clone());
        holder.files().into_iter().map(of)
    });
    files.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{
        Fake,
        Pci, //
    };
    use std::fs;

    fn look(fake: &Fake) -> (Machine, Holders) {
        let machine = Machine::read(&fake.roots()).unwrap();
        let holders = Holders::read(&fake.roots(), &machine);
        (machine, holders)
    }

    fn tracker(fake: &Fake) -> Tracker {
        let (machine, holders) = look(fake);
        Tracker::new(&machine, &holders)
    }

    fn read(tracker: &mut Tracker, fake: &Fake) -> Vec<String> {
        let (machine, holders) = look(fake);
        let changes = tracker.read(&machine, &holders);
        changes.iter().map(Change::to_string).collect()
    }

    fn told(tracker: &mut Tracker, action: &str, driver: &str) -> Vec<String> {
        let message = format!(
            "{action}@/x\0SUBSYSTEM=pci\0PCI_SLOT_NAME=0000:01:02.0\0DRIVER={driver}\0SEQNUM=7\0"
        );
        let event = Uevent::parse(message.as_bytes()).unwrap();
        tracker.told(&event).iter().map(Change::to_string).collect()
    }

    #[test]
    fn another_driver_is_two_changes_and_a_third_of_the_group() {
        let fake = Fake::desk();
        let mut tracker = tracker(&fake);
        assert!(read(&mut tracker, &fake).is_empty());
        fake.bind("0000:01:02.0", "vfio-pci");
        let expected = [
            "0000:01:02.0 unbound from e1000e",
            "0000:01:02.0 bound to vfio-pci",
            "group 10 is viable",
        ];
        assert_eq!(read(&mut tracker, &fake), expected);
        assert!(read(&mut tracker, &fake).is_empty());
        fake.bind("0000:01:02.0", "");
        let expected = [
            "0000:01:02.0 unbound from vfio-pci",
            "group 10 is not viable: 0000:01:02.0 has no driver",
        ];
        assert_eq!(read(&mut tracker, &fake), expected);
    }

    #[test]
    fn what_was_too_fast_to_be_seen_is_told() {
        let fake = Fake::desk();
        let mut tracker = tracker(&fake);
        assert_eq!(
            told(&mut tracker, "unbind", ""),
            ["0000:01:02.0 unbound from e1000e"]
        );
        assert_eq!(
            told(&mut tracker, "bind", "e1000e"),
            ["0000:01:02.0 bound to e1000e"]
        );
        assert!(told(&mut tracker, "bind", "e1000e").is_empty());
        assert!(told(&mut tracker, "add", "").is_empty());
        assert!(read(&mut tracker, &fake).is_empty());
    }

    #[test]
    fn what_is_half_done_is_not_told() {
        let fake = Fake::desk();
        let mut tracker = tracker(&fake);
        let entry = fake.path("sys/bus/pci/devices/0000:01:02.0/vfio-dev");
        fake.bind("0000:01:02.0", "vfio-pci");
        fs::remove_dir_all(&entry).unwrap();
        let driver = [
            "0000:01:02.0 unbound from e1000e",
            "0000:01:02.0 bound to vfio-pci",
        ];
        assert_eq!(read(&mut tracker, &fake), driver);
        fs::create_dir_all(entry.join("vfio7")).unwrap();
        assert_eq!(read(&mut tracker, &fake), ["group 10 is viable"]);
        fs::remove_file(fake.path("sys/bus/pci/devices/0000:01:02.0/driver")).unwrap();
        assert_eq!(
            read(&mut tracker, &fake),
            ["0000:01:02.0 unbound from vfio-pci"]
        );
        fs::remove_dir_all(&entry).unwrap();
        let group = ["group 10 is not viable: 0000:01:02.0 has no driver"];
        assert_eq!(read(&mut tracker, &fake), group);
    }

    #[test]
    fn devices_and_groups_come_and_go() {
        let fake = Fake::desk();
        let mut tracker = tracker(&fake);
        fake.pci(&Pci {
            way: "pci0000:00/0000:00:1c.0/0000:02:00.0",
            id: "8086:10d3 020000",
            buses: "",
            driver: "e1000e",
            group: Some(30),
        });
        let expected = [
            "0000:02:00.0 added",
            "0000:02:00.0 bound to e1000e",
            "group 30 added",
            "group 30 is not viable: 0000:02:00.0 is bound to e1000e",
        ];
        assert_eq!(read(&mut tracker, &fake), expected);
        fs::remove_file(fake.path("sys/bus/pci/devices/0000:02:00.0")).unwrap();
        fs::remove_dir_all(fake.path("sys/kernel/iommu_groups/30")).unwrap();
        let expected = [
            "0000:02:00.0 unbound from e1000e",
            "0000:02:00.0 removed",
            "group 30 removed",
        ];
        assert_eq!(read(&mut tracker, &fake), expected);
    }

    #[test]
    fn programs_open_and_close() {
        let fake = Fake::desk();
        let mut tracker = tracker(&fake);
        fs::remove_dir_all(fake.path("proc/812")).unwrap();
        fake.program(900, "dpdk-testpmd", &["/dev/vfio/10"], "");
        let expected = [
            "/dev/vfio/9 closed by 812 (qemu-system-x86)",
            "0000:00:12.0 closed by 812 (qemu-system-x86)",
            "/dev/vfio/10 opened by 900 (dpdk-testpmd)",
        ];
        assert_eq!(read(&mut tracker, &fake), expected);
    }

    #[test]
    fn programs_read_words() {
        let viability = Viability::Viable { bound: true };
        let change = Change::Viability {
            group: 9,
            viability,
        };
        let value = serde_json::to_value(change.report(1.5)).unwrap();
        let expected =
            serde_json::json!({"time": 1.5, "change": "viable", "group": 9, "state": "viable"});
        assert_eq!(value, expected);
    }
}
