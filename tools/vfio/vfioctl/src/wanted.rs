// SPDX-License-Identifier: GPL-2.0-only

//! Groups, as people name them on a command line.

use crate::address;

/// A group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// By its number, or its node.
    Number(u32),
    /// By a device in it.
    Device(vfio_user::Address),
}

/// Returns what is meant by an argument.
///
/// # Errors
///
/// With a sentence for the person at the terminal, if it makes no sense.
pub(crate) fn parse(text: &str) -> Result<Wanted, String> {
    if let Some(device) = address::parse(text) {
        return Ok(Wanted::Device(device));
    }
    let number = text.strip_prefix("/dev/vfio/").unwrap_or(text);
    number
        .parse()
        .map(Wanted::Number)
        .map_err(|_| "neither a number, nor /dev/vfio/NUMBER, nor a PCI address".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_three_names() {
        assert_eq!(parse("26"), Ok(Wanted::Number(26)));
        assert_eq!(parse("/dev/vfio/26"), Ok(Wanted::Number(26)));
        assert!(matches!(parse("0000:00:12.0"), Ok(Wanted::Device(_))));
        for wrong in [
            "",
            "-1",
            "vfio",
            "/dev/vfio/vfio",
            "/dev/vfio/noiommu-1",
            "12.0",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
