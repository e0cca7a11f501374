// SPDX-License-Identifier: GPL-2.0-only

//! Binding on machines that are not there.

use super::*;
use crate::fake::{
    Fake,
    Pci, //
};
use std::{
    cell::RefCell,
    fs,
    path::Path, //
};

/// Does what the kernel does with what is written.
struct Simulated<'a> {
    fake: &'a Fake,
    /// The device that VFIO drivers do not take.
    refused: &'a str,
    /// What the host's drivers take.
    natives: Vec<(&'a str, &'a str)>,
    loaded: RefCell<Vec<String>>,
}

impl<'a> Simulated<'a> {
    fn new(fake: &'a Fake) -> Self {
        let natives = vec![("0000:01:02.0", "e1000e"), ("0000:00:1f.2", "ahci")];
        Self {
            fake,
            refused: "",
            natives,
            loaded: RefCell::default(),
        }
    }

    fn probe(&self, device: &str) {
        let preference = preference(self.fake, device);
        let native = self.natives.iter().find(|(name, _)| *name == device);
        match preference.as_str() {
            "" => self
                .fake
                .bind(device, native.map_or("", |(_, driver)| driver)),
            driver if device != self.refused => self.fake.bind(device, driver),
            _ => {}
        }
    }
}

impl Kernel for Simulated<'_> {
    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        match path.file_name().unwrap().to_str().unwrap() {
            "driver_override" => fs::write(path, text)?,
            "unbind" => self.fake.bind(text, ""),
            "drivers_probe" => self.probe(text),
            "bind" => {
                let driver = path.parent().unwrap().file_name().unwrap();
                self.fake.bind(text, driver.to_str().unwrap());
            }
            other => panic!("{other} is not to be written"),
        }
        Ok(())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        panic!("{} is not to be made", path.display())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        panic!("{} is not to be removed", path.display())
    }

    fn mount_configfs(&self, place: &Path) -> io::Result<bool> {
        panic!("{} is not to be mounted", place.display())
    }

    fn load(&self, module: &str) -> io::Result<bool> {
        let folder = format!("sys/bus/pci/drivers/{module}");
        fs::create_dir_all(self.fake.path(&folder)).unwrap();
        self.loaded.borrow_mut().push(module.to_owned());
        Ok(true)
    }
}

fn preference(fake: &Fake, device: &str) -> String {
    let path = fake.path(&format!("sys/bus/pci/devices/{device}/driver_override"));
    let text = fs::read_to_string(path).unwrap();
    text.trim().replace("(null)", "")
}

fn driver(fake: &Fake, device: &str) -> Option<String> {
    let machine = Machine::read(&fake.roots()).unwrap();
    machine.device(device).unwrap().driver.clone()
}

fn arguments(groups: &[&str]) -> Arguments {
    Arguments {
        groups: groups
            .iter()
            .map(|text| wanted::parse(text).unwrap())
            .collect(),
        yes: true,
        dry_run: false,
        force: false,
    }
}

fn plan(fake: &Fake, group: &str, direction: Direction<'_>) -> Result<Plan, Failure> {
    let roots = fake.roots();
    let machine = Machine::read(&roots).unwrap();
    let holders = Holders::read(&roots, &machine);
    Plan::make(
        &roots,
        &machine,
        &holders,
        &arguments(&[group]).groups,
        direction,
    )
}

const TO_VFIO: Direction<'_> = Direction::ToVfio(None);

#[test]
fn a_group_goes_as_a_whole_and_comes_back() {
    let fake = Fake::desk();
    let (roots, kernel) = (fake.roots(), Simulated::new(&fake));
    fake.bind("0000:01:01.0", "");
    change(&roots, &kernel, &arguments(&["0000:01:02.0"]), TO_VFIO).unwrap();
    for device in ["0000:01:01.0", "0000:01:02.0"] {
        assert_eq!(driver(&fake, device).as_deref(), Some("vfio-pci"));
        assert_eq!(preference(&fake, device), "vfio-pci");
    }
    assert_eq!(driver(&fake, "0000:00:15.0"), None);
    change(&roots, &kernel, &arguments(&["10"]), Direction::ToHost).unwrap();
    assert_eq!(driver(&fake, "0000:01:01.0"), None);
    assert_eq!(driver(&fake, "0000:01:02.0").as_deref(), Some("e1000e"));
    assert_eq!(preference(&fake, "0000:01:02.0"), "");
}

#[test]
fn when_one_fails_all_go_back() {
    let fake = Fake::desk();
    fake.bind("0000:01:01.0", "e1000e");
    let kernel = Simulated {
        refused: "0000:01:02.0",
        ..Simulated::new(&fake)
    };
    let failure = change(&fake.roots(), &kernel, &arguments(&["10"]), TO_VFIO).unwrap_err();
    let said = "vfio-pci did not take 0000:01:02.0; the kernel's log says why";
    assert_eq!(failure.to_string(), said);
    for device in ["0000:01:01.0", "0000:01:02.0"] {
        assert_eq!(driver(&fake, device).as_deref(), Some("e1000e"));
        assert_eq!(preference(&fake, device), "");
    }
}

#[test]
fn a_driver_that_is_not_there_is_loaded() {
    let fake = Fake::desk();
    let kernel = Simulated::new(&fake);
    let direction = Direction::ToVfio(Some("vfio-special"));
    change(&fake.roots(), &kernel, &arguments(&["10"]), direction).unwrap();
    assert_eq!(*kernel.loaded.borrow(), ["vfio-special"]);
    assert_eq!(
        driver(&fake, "0000:01:01.0").as_deref(),
        Some("vfio-special")
    );
}

#[test]
fn a_driver_that_is_not_vfio_is_refused() {
    let fake = Fake::desk();
    let kernel = Simulated::new(&fake);
    let direction = Direction::ToVfio(Some("ahci"));
    let failure = change(&fake.roots(), &kernel, &arguments(&["10"]), direction).unwrap_err();
    assert_eq!(failure.to_string(), "ahci is no VFIO driver");
    assert_eq!(driver(&fake, "0000:01:01.0").as_deref(), Some("vfio-pci"));
}

#[test]
fn a_dry_run_changes_nothing() {
    let fake = Fake::desk();
    let arguments = Arguments {
        dry_run: true,
        ..arguments(&["10"])
    };
    change(&fake.roots(), &Simulated::new(&fake), &arguments, TO_VFIO).unwrap();
    assert_eq!(driver(&fake, "0000:01:02.0").as_deref(), Some("e1000e"));
}

#[test]
fn plans_say_what_happens() {
    let fake = Fake::desk();
    let place = "sys/devices/pci0000:00/0000:00:15.0/0000:01:02.0/net/eth0";
    fake.write(&format!("{place}/flags"), "0x1003\n");
    fake.link("sys/class/net/eth0", &fake.path(place));
    let plan = plan(&fake, "10", TO_VFIO).unwrap();
    let expected = "\
group 10:
    0000:01:01.0 stays with vfio-pci
    0000:01:02.0 goes from e1000e to vfio-pci
        network interface eth0, which is up
";
    assert_eq!(plan.to_string(), expected);
    assert_eq!(plan.question(), "Give 1 device to vfio-pci?");
    plan.refuse_harm().unwrap();
}

#[test]
fn mounted_disks_are_refused() {
    let fake = Fake::desk();
    let place = "sys/devices/pci0000:00/0000:00:1f.2/ata1/block/sda";
    fake.write(&format!("{place}/dev"), "8:0\n");
    fake.write(&format!("{place}/sda2/dev"), "8:2\n");
    fake.write(&format!("{place}/sda2/partition"), "2\n");
    fake.write(&format!("{place}/sda2/holders/dm-0/x"), "");
    fake.link("sys/class/block/sda", &fake.path(place));
    fake.link("sys/class/block/sda2", &fake.path(&format!("{place}/sda2")));
    fake.write("sys/devices/virtual/block/dm-0/dev", "254:0\n");
    fake.link(
        "sys/class/block/dm-0",
        &fake.path("sys/devices/virtual/block/dm-0"),
    );
    let made = plan(&fake, "12", TO_VFIO).unwrap();
    assert!(
        made.to_string().contains("disk sda, not mounted\n"),
        "{made}"
    );
    made.refuse_harm().unwrap();

    fake.write(
        "proc/self/mountinfo",
        "22 1 254:0 / / rw - ext4 /dev/mapper/root rw\n",
    );
    let failure = plan(&fake, "12", TO_VFIO)
        .unwrap()
        .refuse_harm()
        .unwrap_err();
    let said =
        "0000:00:1f.2 is needed: disk dm-0 is mounted on /; nothing was done (--force goes ahead)";
    assert_eq!(failure.to_string(), said);

    fake.write("proc/self/mountinfo", "");
    fake.write("proc/swaps", "Filename Type\n/dev/sda2 partition 1 0 -2\n");
    let failure = plan(&fake, "12", TO_VFIO)
        .unwrap()
        .refuse_harm()
        .unwrap_err();
    assert!(
        failure.to_string().contains("disk sda2 has swap"),
        "{failure}"
    );
}

#[test]
fn namespaces_of_a_subsystem_belong_to_its_controller() {
    let fake = Fake::desk();
    fake.pci(&Pci {
        way: "pci0000:00/0000:00:10.0",
        id: "1b36:0010 010802",
        buses: "",
        driver: "nvme",
        group: Some(20),
    });
    let controller = fake.path("sys/devices/pci0000:00/0000:00:10.0/nvme/nvme0");
    fs::create_dir_all(&controller).unwrap();
    let subsystem = "sys/devices/virtual/nvme-subsystem/nvme-subsys0";
    fake.link(&format!("{subsystem}/nvme0"), &controller);
    fake.write(&format!("{subsystem}/nvme0n1/dev"), "259:0\n");
    fake.link(
        "sys/class/nvme-subsystem/nvme-subsys0",
        &fake.path(subsystem),
    );
    fake.link(
        "sys/class/block/nvme0n1",
        &fake.path(&format!("{subsystem}/nvme0n1")),
    );
    fake.write(
        "proc/self/mountinfo",
        "22 1 0:35 / /data rw - btrfs /dev/nvme0n1 rw\n",
    );
    let made = plan(&fake, "20", TO_VFIO).unwrap();
    assert!(
        made.to_string()
            .contains("disk nvme0n1 is mounted on /data"),
        "{made}"
    );
}

#[test]
fn what_a_program_has_open_is_not_taken_from_it() {
    let fake = Fake::desk();
    let failure = plan(&fake, "9", Direction::ToHost)
        .unwrap()
        .refuse_harm()
        .unwrap_err();
    assert!(
        failure.to_string().contains("812 (qemu-system-x86) has it"),
        "{failure}"
    );
}

#[test]
fn bridges_stay() {
    let failure = plan(&Fake::desk(), "11", TO_VFIO).unwrap_err();
    let said = "group 11 has only bridges, which stay with the host";
    assert_eq!(failure.to_string(), said);
}
