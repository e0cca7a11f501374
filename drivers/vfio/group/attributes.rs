// SPDX-License-Identifier: GPL-2.0-only

//! `/sys/class/vfio/$GROUP/`: the policy of a group, as text.
//!
//! Only groups that are no more than that have these files. For administrators and their tools; programs have `VFIO_GROUP_FEATURE_ISOLATION`. What the files
//! hold is in `Documentation/ABI/testing/sysfs-class-vfio`. They are removed with `Groups::list` held,
//! which waits for readers, so that lock is not taken here.

use kernel::{
    prelude::*,
    str::Formatter, //
};
use kernel_ext::{
    chrdev::Attribute,
    pci::Address,
    str::write_text, //
};

use super::{
    isolation::Level,
    Entrance,
    GroupFile, //
};

kernel_ext::node_attributes!(
    pub(crate) static ATTRIBUTES: GroupFile = [Isolation, Strict, Unit]
);

/// `isolation`: how far the unit reaches.
struct Isolation;

impl Attribute<Entrance> for Isolation {
    const NAME: &'static CStr = c"isolation";
    const WRITABLE: bool = true;

    fn show(entrance: &Entrance, text: &mut Formatter<'_>) -> Result {
        match entrance.first().level() {
            Level::Group => write_text(text, fmt!("group\n")),
            Level::Slot => write_text(text, fmt!("slot\n")),
            Level::Bus => write_text(text, fmt!("bus\n")),
            Level::Bridge(at) => write_text(
                text,
                fmt!(
                    "bridge {:04x}:{:02x}:{:02x}.{}\n",
                    at.domain,
                    at.bus,
                    at.devfn >> 3,
                    at.devfn & 7
                ),
            ),
        }
    }

    fn store(entrance: &Entrance, text: &[u8]) -> Result {
        entrance.first().set_level(parse_level(text).ok_or(EINVAL)?)
    }
}

/// `strict`: whether devices without a driver are in the way.
struct Strict;

impl Attribute<Entrance> for Strict {
    const NAME: &'static CStr = c"strict";
    const WRITABLE: bool = true;

    fn show(entrance: &Entrance, text: &mut Formatter<'_>) -> Result {
        write_text(text, fmt!("{}\n", u8::from(entrance.first().is_strict())))
    }

    fn store(entrance: &Entrance, text: &[u8]) -> Result {
        entrance.first().set_strict(match text.trim_ascii() {
            b"0" => false,
            b"1" => true,
            _ => return Err(EINVAL),
        })
    }
}

/// `unit`: the groups of the unit.
struct Unit;

impl Attribute<Entrance> for Unit {
    const NAME: &'static CStr = c"unit";

    fn show(entrance: &Entrance, text: &mut Formatter<'_>) -> Result {
        for (at, iommu) in entrance.first().unit()?.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write_text(text, fmt!("{space}{}", iommu.id()))?;
        }
        write_text(text, fmt!("\n"))
    }
}

/// Returns the level that `text` says, as [`Isolation`] shows it.
fn parse_level(text: &[u8]) -> Option<Level> {
    let text = core::str::from_utf8(text).ok()?.trim();
    match text {
        "group" => Some(Level::Group),
        "slot" => Some(Level::Slot),
        "bus" => Some(Level::Bus),
        _ => {
            let address = text.strip_prefix("bridge ")?;
            parse_address(address.trim_start()).map(Level::Bridge)
        }
    }
}

/// Returns the address that `text` is, "0000:00:1c.0".
fn parse_address(text: &str) -> Option<Address> {
    let (domain, rest) = text.split_once(':')?;
    let (bus, rest) = rest.split_once(':')?;
    let (slot, function) = rest.split_once('.')?;
    let hex = |digits: &str| u32::from_str_radix(digits, 16).ok();
    let slot = u8::try_from(hex(slot)?).ok().filter(|&slot| slot < 32)?;
    let function = u8::try_from(hex(function)?)
        .ok()
        .filter(|&function| function < 8)?;
    Some(Address {
        domain: hex(domain)?,
        bus: u8::try_from(hex(bus)?).ok()?,
        devfn: slot << 3 | function,
    })
}
