// SPDX-License-Identifier: GPL-2.0-only

//! Ids that a driver gets at run time, and how an administrator writes them.
//!
//! This file knows nothing of the kernel, so that its tests run anywhere.
//!
//! C counterpart: `vfio_pci_fill_ids` in
//! [`drivers/vfio/pci/vfio_pci.c`](srctree/drivers/vfio/pci/vfio_pci.c)

/// Matches any value of a field of an id.
pub(super) const ANY: u32 = u32::MAX;

/// An id that is added to a driver at run time, in the form of `new_id` and `ids=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DynamicId {
    /// Vendor, 16 bits or all ones for any.
    pub vendor: u32,
    /// Device, 16 bits or all ones for any.
    pub device: u32,
    /// Subsystem vendor, 16 bits or all ones for any.
    pub subvendor: u32,
    /// Subsystem device, 16 bits or all ones for any.
    pub subdevice: u32,
    /// Class code, 24 bits.
    pub class: u32,
    /// The bits of `class` that have to agree; zero ignores the class.
    pub class_mask: u32,
}

impl DynamicId {
    /// Parses `vendor:device[:subvendor[:subdevice[:class[:class_mask]]]]`, all hexadecimal.
    ///
    /// Missing fields match anything. Like `sscanf`, it stops at the first field it cannot read;
    /// `None` if that is one of the first two.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut fields = [ANY, ANY, ANY, ANY, 0, 0];
        let mut read = 0;
        let parts = text.split(|&byte| byte == b':');
        for (field, part) in fields.iter_mut().zip(parts) {
            let Some((value, whole)) = hex(part) else {
                break;
            };
            *field = value;
            read += 1;
            if !whole {
                break;
            }
        }
        let [vendor, device, subvendor, subdevice, class, class_mask] = fields;
        (read >= 2).then_some(Self {
            vendor,
            device,
            subvendor,
            subdevice,
            class,
            class_mask,
        })
    }
}

/// Reads a hexadecimal number with or without `0x` at the start of `text`.
///
/// Also returns whether that was all of `text`. `None` if there is no digit; digits that do not
/// fit push the first ones out.
fn hex(text: &[u8]) -> Option<(u32, bool)> {
    let text = text.trim_ascii_start();
    let text = match text {
        [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(u8::is_ascii_hexdigit) => rest,
        _ => text,
    };
    let mut value: Option<u32> = None;
    for (at, &byte) in text.iter().enumerate() {
        let Some(digit) = char::from(byte).to_digit(16) else {
            return value.map(|value| (value, at == text.len()));
        };
        value = Some(value.unwrap_or(0).wrapping_shl(4) | digit);
    }
    value.map(|value| (value, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<DynamicId> {
        DynamicId::parse(text.as_bytes())
    }

    #[test]
    fn missing_fields_match_anything() {
        let id = parse("8086:10c9").unwrap();
        assert_eq!((id.vendor, id.device), (0x8086, 0x10c9));
        assert_eq!((id.subvendor, id.subdevice), (ANY, ANY));
        assert_eq!((id.class, id.class_mask), (0, 0));
    }

    #[test]
    fn all_fields() {
        let id = parse("0x8086:0X10c9:1:2:3:4:5").unwrap();
        assert_eq!((id.subvendor, id.subdevice), (1, 2));
        assert_eq!((id.class, id.class_mask), (3, 4));
    }

    #[test]
    fn reading_stops_at_what_is_no_number() {
        assert_eq!(parse("8086:10c9z:5").unwrap().subvendor, ANY);
        assert_eq!(parse("8086:10c9::5").unwrap().subdevice, ANY);
        assert_eq!(parse(" 8086: 10c9").unwrap().device, 0x10c9);
    }

    #[test]
    fn two_fields_are_the_least() {
        for text in ["", "8086", "8086:", ":10c9", "x:1", "8086 10c9", "0x:1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
