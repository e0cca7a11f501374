// SPDX-License-Identifier: GPL-2.0-only

//! Groups of several on machines that are not there.

use super::*;
use crate::fake::Fake;
use std::{
    cell::RefCell,
    fs, //
};

/// Has a configfs, if `vfio` then with the folder of our modules.
struct Simulated<'a> {
    fake: &'a Fake,
    vfio: bool,
    /// What enabling answers, if that is an error.
    enable: Option<i32>,
    mounted: RefCell<bool>,
}

impl<'a> Simulated<'a> {
    fn new(fake: &'a Fake) -> Self {
        Self {
            fake,
            vfio: true,
            enable: None,
            mounted: RefCell::new(false),
        }
    }
}

impl Kernel for Simulated<'_> {
    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        match self.enable {
            Some(errno) if path.ends_with("enable") => Err(io::Error::from_raw_os_error(errno)),
            _ => fs::write(path, text),
        }
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn load(&self, module: &str) -> io::Result<bool> {
        panic!("{module}")
    }

    fn mount_configfs(&self, place: &Path) -> io::Result<bool> {
        let line = format!("none {} configfs rw 0 0\n", place.display());
        self.fake.write("proc/mounts", &line);
        let folder = if self.vfio {
            place.join("vfio")
        } else {
            place.to_owned()
        };
        fs::create_dir_all(folder)?;
        Ok(!self.mounted.replace(true))
    }
}

fn arguments(groups: &[&str]) -> Arguments {
    Arguments {
        name: "pair".to_owned(),
        groups: groups
            .iter()
            .map(|text| wanted::parse(text).unwrap())
            .collect(),
    }
}

#[test]
fn groups_are_made_and_taken_apart() {
    let fake = Fake::desk();
    let (roots, kernel) = (fake.roots(), Simulated::new(&fake));
    let said = merge(&roots, &kernel, &arguments(&["10", "0000:00:12.0", "9"])).unwrap();
    assert_eq!(said, "/dev/vfio/pair is made of the groups 10 9\n");
    let made = &Machine::read(&roots).unwrap().synthetic[0];
    assert_eq!(
        (made.members.as_slice(), made.enabled),
        (&[10, 9][..], true)
    );

    let failure = merge(&roots, &kernel, &arguments(&["9"])).unwrap_err();
    assert_eq!(failure.to_string(), "there is a group pair already");

    let apart = UnmergeArguments {
        name: "pair".to_owned(),
    };
    unmerge(&roots, &kernel, &apart).unwrap();
    assert!(Machine::read(&roots).unwrap().synthetic.is_empty());
    let failure = unmerge(&roots, &kernel, &apart).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "there is no group pair that was made of others"
    );
}

#[test]
fn what_cannot_be_enabled_does_not_stay() {
    let fake = Fake::desk();
    let kernel = Simulated {
        enable: Some(libc::EBUSY),
        ..Simulated::new(&fake)
    };
    let failure = merge(&fake.roots(), &kernel, &arguments(&["9", "10"])).unwrap_err();
    assert!(
        failure
            .to_string()
            .starts_with("it, or a group of it, is in use"),
        "{failure}"
    );
    assert!(Machine::read(&fake.roots()).unwrap().synthetic.is_empty());
}

#[test]
fn other_modules_make_none() {
    let fake = Fake::desk();
    let kernel = Simulated {
        vfio: false,
        ..Simulated::new(&fake)
    };
    let failure = merge(&fake.roots(), &kernel, &arguments(&["9"])).unwrap_err();
    assert!(
        failure.to_string().contains("make no groups of several"),
        "{failure}"
    );
}

#[test]
fn names_are_not_those_of_other_nodes() {
    for wrong in ["", "12", "vfio", "devices", "noiommu-1", "a/b", ".."] {
        assert!(parse_name(wrong).is_err(), "{wrong}");
    }
    assert_eq!(parse_name("gpu-0"), Ok("gpu-0".to_owned()));
}
