// SPDX-License-Identifier: GPL-2.0-only

//! Addresses of PCI functions as text, "0000:00:12.0".

use vfio_user::Address;

/// Returns the address that `text` is; [`None`] if it is none.
pub(crate) fn parse(text: &str) -> Option<Address> {
    let (domain, rest) = text.split_once(':')?;
    let (bus, rest) = rest.split_once(':')?;
    let (slot, function) = rest.split_once('.')?;
    let hex = |digits: &str, max: u32| {
        let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16)
            .ok()
            .filter(|&number| plain && number <= max)
    };
    let devfn = (hex(slot, 0x1f)? << 3) | hex(function, 7)?;
    Some(Address {
        domain: hex(domain, u32::MAX)?,
        bus: u8::try_from(hex(bus, 0xff)?).ok()?,
        devfn: u8::try_from(devfn).ok()?,
    })
}

/// Returns the text for an address.
pub(crate) fn text(address: Address) -> String {
    format!(
        "{:04x}:{:02x}:{:02x}.{}",
        address.domain,
        address.bus,
        slot(address),
        function(address)
    )
}

/// Returns the number of the device on its bus, 0 to 31.
pub(crate) fn slot(address: Address) -> u8 {
    address.devfn >> 3
}

/// Returns the number of the function in its device, 0 to 7.
pub(crate) fn function(address: Address) -> u8 {
    address.devfn & 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for there in ["0000:00:12.0", "0001:ff:1f.7", "10000:01:00.0"] {
            assert_eq!(text(parse(there).unwrap()), there);
        }
        for wrong in [
            "",
            "0000:00:20.0",
            "0000:00:1f.8",
            "00:1f.0",
            "0000:+1:1f.0",
            "x:00:00.0",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
