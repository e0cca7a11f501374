// SPDX-License-Identifier: GPL-2.0-only

//! Isolation on machines that are not there.

use super::*;
use crate::fake::Fake;
use std::{
    fs,
    path::Path, //
};

/// Takes what the kernel takes.
struct Simulated {
    /// What writing to `strict` answers, if that is an error.
    strict: Option<i32>,
}

impl Kernel for Simulated {
    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        let errno = match path.file_name().unwrap().to_str().unwrap() {
            "strict" => self.strict,
            "isolation" if text == "bridge 0000:00:1c.0" => Some(libc::EINVAL),
            "isolation" => None,
            other => panic!("{other} is not to be written"),
        };
        match errno {
            Some(errno) => Err(io::Error::from_raw_os_error(errno)),
            None => fs::write(path, text),
        }
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        panic!("{}", path.display())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        panic!("{}", path.display())
    }

    fn load(&self, module: &str) -> io::Result<bool> {
        panic!("{module}")
    }

    fn mount_configfs(&self, place: &Path) -> io::Result<bool> {
        panic!("{}", place.display())
    }
}

fn with_levels() -> Fake {
    let fake = Fake::desk();
    fake.write("sys/class/vfio/9/isolation", "group\n");
    fake.write("sys/class/vfio/9/strict", "1\n");
    fake.write("sys/class/vfio/9/unit", "9\n");
    fake
}

fn arguments(group: &str, level: Option<Level>) -> Arguments {
    Arguments {
        group: wanted::parse(group).unwrap(),
        level,
        bridge: None,
        strict: None,
        json: false,
    }
}

fn failure(fake: &Fake, kernel: &Simulated, arguments: &Arguments) -> String {
    let failure = run(&fake.roots(), kernel, arguments).unwrap_err();
    failure.to_string()
}

const WILLING: Simulated = Simulated { strict: None };

#[test]
fn it_is_shown_and_set() {
    let fake = with_levels();
    let shown = run(&fake.roots(), &WILLING, &arguments("9", None)).unwrap();
    let expected =
        "group 9: viable\n    isolation: group\n    strict: on\n    handed out together: 9\n";
    assert_eq!(shown, expected);
    let arguments = Arguments {
        strict: Some(Switch::Off),
        json: true,
        ..arguments("9", Some(Level::Slot))
    };
    let shown = run(&fake.roots(), &WILLING, &arguments).unwrap();
    let value: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let expected = serde_json::json!({
        "group": 9,
        "isolation": "slot",
        "strict": false,
        "unit": [9],
        "viable": true,
        "state": "viable",
    });
    assert_eq!(value, expected);
}

#[test]
fn both_are_set_or_none() {
    let fake = with_levels();
    let kernel = Simulated {
        strict: Some(libc::EBUSY),
    };
    let arguments = Arguments {
        strict: Some(Switch::Off),
        ..arguments("9", Some(Level::Bus))
    };
    let said = failure(&fake, &kernel, &arguments);
    assert!(said.contains("a program uses the group"), "{said}");
    let now = fs::read_to_string(fake.path("sys/class/vfio/9/isolation")).unwrap();
    assert_eq!(now.trim(), "group");
}

#[test]
fn bridges_have_to_be_above() {
    let fake = with_levels();
    let bridge = address::parse("0000:00:1c.0");
    let arguments = Arguments {
        bridge,
        ..arguments("9", Some(Level::Bridge))
    };
    let said = failure(&fake, &WILLING, &arguments);
    assert!(said.contains("not above all devices"), "{said}");
    let arguments = Arguments {
        bridge: None,
        ..arguments
    };
    assert_eq!(
        failure(&fake, &WILLING, &arguments),
        "which bridge? --bridge says it"
    );
}

#[test]
fn other_modules_have_no_levels() {
    let fake = Fake::desk();
    let said = failure(&fake, &WILLING, &arguments("9", None));
    assert!(
        said.starts_with("the VFIO modules that are loaded have no levels"),
        "{said}"
    );
    let said = failure(&fake, &WILLING, &arguments("12", None));
    assert!(said.contains("\"vfioctl bind 12\" does that"), "{said}");
}
