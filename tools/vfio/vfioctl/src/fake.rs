// SPDX-License-Identifier: GPL-2.0-only

//! Machines for tests: folders that look like sysfs, procfs and `/dev`.

use crate::roots::Roots;
use std::{
    env,
    fs,
    os::unix::fs::symlink,
    path::{
        Path,
        PathBuf, //
    },
    process,
    sync::atomic::{
        AtomicUsize,
        Ordering, //
    }, //
};

/// A machine. Its folders go when it is dropped.
pub(crate) struct Fake {
    root: PathBuf,
}

/// A PCI device to add.
pub(crate) struct Pci<'a> {
    /// Where it is: "pci0000:00/0000:00:15.0/0000:01:01.0".
    pub(crate) way: &'a str,
    /// Vendor, device and class: "8086:10d3 020000".
    pub(crate) id: &'a str,
    /// The buses behind a bridge: "1 1".
    pub(crate) buses: &'a str,
    pub(crate) driver: &'a str,
    pub(crate) group: Option<u32>,
}

impl Fake {
    /// Returns a machine with nothing in it.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = env::temp_dir().join(format!("vfioctl-test-{}-{count}", process::id()));
        let fake = Self { root };
        for folder in [
            "sys/bus/pci/devices",
            "sys/bus/pci/drivers",
            "sys/kernel/iommu_groups",
            "sys/class/vfio",
            "proc",
            "dev",
        ] {
            fs::create_dir_all(fake.root.join(folder)).unwrap();
        }
        fake
    }

    /// Returns a machine with an IOMMU and our modules: a device alone, which a program has open; two
    /// behind a bridge, of which the host has one; what the host needs.
    pub(crate) fn desk() -> Self {
        let fake = Self::new();
        for (way, id, buses, driver, group) in [
            ("pci0000:00/0000:00:00.0", "8086:29c0 060000", "", "", 0),
            (
                "pci0000:00/0000:00:12.0",
                "1234:11e8 00ff00",
                "",
                "vfio-pci",
                9,
            ),
            ("pci0000:00/0000:00:15.0", "1b36:0001 060400", "1 1", "", 10),
            (
                "pci0000:00/0000:00:15.0/0000:01:01.0",
                "1234:11e8 00ff00",
                "",
                "vfio-pci",
                10,
            ),
            (
                "pci0000:00/0000:00:15.0/0000:01:02.0",
                "8086:10d3 020000",
                "",
                "e1000e",
                10,
            ),
            (
                "pci0000:00/0000:00:1c.0",
                "8086:3420 060400",
                "2 2",
                "pcieport",
                11,
            ),
            (
                "pci0000:00/0000:00:1f.2",
                "8086:2922 010601",
                "",
                "ahci",
                12,
            ),
        ] {
            let group = Some(group);
            fake.pci(&Pci {
                way,
                id,
                buses,
                driver,
                group,
            });
        }
        fake.write("sys/module/vfio/parameters/strict_viability", "Y\n");
        fake.program(
            812,
            "qemu-system-x86",
            &["/dev/vfio/vfio", "/dev/vfio/9"],
            "0000:00:12.0",
        );
        fake.program(1, "systemd", &["/dev/null"], "");
        fake
    }

    pub(crate) fn roots(&self) -> Roots {
        Roots::below(&self.root)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Makes a link that replaces what was there.
    pub(crate) fn link(&self, name: &str, target: &Path) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        symlink(target, path).unwrap();
    }

    /// Adds a device.
    pub(crate) fn pci(&self, pci: &Pci<'_>) {
        let name = pci.way.rsplit('/').next().unwrap();
        let place = format!("sys/devices/{}", pci.way);
        let (vendor, rest) = pci.id.split_once(':').unwrap();
        let (device, class) = rest.split_once(' ').unwrap();
        for (file, text) in [("vendor", vendor), ("device", device), ("class", class)] {
            self.write(&format!("{place}/{file}"), &format!("0x{text}\n"));
        }
        self.write(&format!("{place}/driver_override"), "(null)\n");
        if let Some((first, last)) = pci.buses.split_once(' ') {
            self.write(&format!("{place}/secondary_bus_number"), first);
            self.write(&format!("{place}/subordinate_bus_number"), last);
        }
        self.link(&format!("sys/bus/pci/devices/{name}"), &self.path(&place));
        if let Some(group) = pci.group {
            let folder = format!("sys/kernel/iommu_groups/{group}");
            self.link(&format!("{folder}/devices/{name}"), &self.path(&place));
            self.link(&format!("{place}/iommu_group"), &self.path(&folder));
            self.link(
                &format!("{place}/iommu"),
                &self.path("sys/class/iommu/dmar0"),
            );
        }
        self.bind(name, pci.driver);
    }

    /// Gives a device another driver; "" for none.
    pub(crate) fn bind(&self, name: &str, driver: &str) {
        let place = format!("sys/bus/pci/devices/{name}");
        let _ = fs::remove_file(self.path(&place).join("driver"));
        let _ = fs::remove_dir_all(self.path(&place).join("vfio-dev"));
        if !driver.is_empty() {
            let folder = self.path(&format!("sys/bus/pci/drivers/{driver}"));
            fs::create_dir_all(&folder).unwrap();
            self.link(&format!("{place}/driver"), &folder);
        }
        if driver.starts_with("vfio") {
            // The number is as good as any that no other device has.
            let number = name.replace([':', '.'], "");
            let entry = format!("{place}/vfio-dev/vfio{number}");
            fs::create_dir_all(self.path(&entry)).unwrap();
        }
        self.publish();
    }

    /// Makes the groups of VFIO those that have a device.
    fn publish(&self) {
        let groups = self.path("sys/kernel/iommu_groups");
        for group in fs::read_dir(groups).unwrap() {
            let group = group.unwrap();
            let devices = fs::read_dir(group.path().join("devices"));
            let bound = devices
                .into_iter()
                .flatten()
                .any(|device| device.unwrap().path().join("vfio-dev").exists());
            let entry = self.path("sys/class/vfio").join(group.file_name());
            match bound {
                true => fs::create_dir_all(entry).unwrap(),
                false => drop(fs::remove_dir_all(entry)),
            }
        }
    }

    /// Adds a program that has nodes open, and a device unless that is "".
    pub(crate) fn program(&self, pid: u32, command: &str, nodes: &[&str], device: &str) {
        self.write(&format!("proc/{pid}/comm"), &format!("{command}\n"));
        for (fd, node) in nodes.iter().enumerate() {
            let target = self.path(node.trim_start_matches('/'));
            self.link(&format!("proc/{pid}/fd/{fd}"), &target);
        }
        if !device.is_empty() {
            self.link(
                &format!("proc/{pid}/fd/40"),
                Path::new("anon_inode:[vfio-device]"),
            );
            let info = format!("pos:\t0\nvfio-device-syspath: /sys/devices/pci0000:00/{device}\n");
            self.write(&format!("proc/{pid}/fdinfo/40"), &info);
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}
