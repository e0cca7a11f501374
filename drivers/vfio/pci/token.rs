// SPDX-License-Identifier: GPL-2.0-only

//! The argument of `VFIO_GROUP_GET_DEVICE_FD` for PCI devices.
//!
//! It is the device's address, and behind it, set off by blanks, options. There is one option:
//! `vf_token=UUID` proves that the user of a virtual function and the user of its physical function
//! know each other.
//!
//! This file knows nothing of the kernel, so that its tests run anywhere.
//!
//! C counterpart: `vfio_pci_core_match` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use core::fmt;

/// The name of the option.
const OPTION: &[u8] = b"vf_token=";

/// The length of a UUID in text.
const TEXT_LEN: usize = 36;

/// A shared secret of the users of a physical function and its virtual functions.
#[derive(Clone, Copy)]
pub(crate) struct Token(pub(crate) [u8; 16]);

impl PartialEq for Token {
    /// Takes the same time wherever the first difference is, so that guessing learns nothing.
    fn eq(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(0, |found, (ours, theirs)| found | (ours ^ theirs)) == 0
    }
}

impl Eq for Token {}

/// Says that there is one, and not which: a secret does not belong into a log.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What a request means to one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Another device is meant.
    Other,

    /// This device is meant, with this token.
    This(Option<Token>),

    /// This device is meant, but an option is unknown, given twice or malformed.
    Invalid,
}

impl Request {
    /// Reads `text`, for the device called `name`.
    pub(crate) fn parse(name: &[u8], text: &[u8]) -> Self {
        let mut rest = match text.strip_prefix(name) {
            None => return Self::Other,
            Some([]) => return Self::This(None),
            Some(rest @ [b' ', ..]) => rest,
            Some(_) => return Self::Other,
        };
        let mut token = None;
        while let Some((&first, behind)) = rest.split_first() {
            if first == b' ' {
                rest = behind;
                continue;
            }
            let Some((found, behind)) = option(rest).filter(|_| token.is_none()) else {
                return Self::Invalid;
            };
            token = Some(found);
            rest = behind;
        }
        Self::This(token)
    }
}

/// Reads one `vf_token=UUID`; also returns what follows.
fn option(text: &[u8]) -> Option<(Token, &[u8])> {
    let text = text.strip_prefix(OPTION)?;
    Some((uuid(text.get(..TEXT_LEN)?)?, text.get(TEXT_LEN..)?))
}

/// Reads a UUID.
fn uuid(text: &[u8]) -> Option<Token> {
    let mut nibbles = [0u8; 32];
    let mut slots = nibbles.iter_mut();
    for (at, &byte) in text.iter().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return None;
            }
        } else {
            *slots.next()? = u8::try_from(char::from(byte).to_digit(16)?).ok()?;
        }
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(nibbles.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |byte, nibble| byte << 4 | nibble);
    }
    Some(Token(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &[u8] = b"0000:00:03.0";
    const UUID: &str = "bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3";

    fn parse(options: &str) -> Request {
        Request::parse(NAME, [NAME, options.as_bytes()].concat().as_slice())
    }

    #[test]
    fn names() {
        assert_eq!(parse(""), Request::This(None));
        assert_eq!(parse(" "), Request::This(None));
        assert_eq!(parse("0"), Request::Other);
        assert_eq!(Request::parse(NAME, b"0000:00:03.1"), Request::Other);
        assert_eq!(Request::parse(NAME, b"0000:00:03"), Request::Other);
        assert_eq!(Request::parse(NAME, b""), Request::Other);
    }

    #[test]
    fn tokens() {
        let Request::This(Some(Token(bytes))) = parse(&format!("  vf_token={UUID} ")) else {
            panic!();
        };
        assert_eq!(bytes[..4], [0xbd, 0x8d, 0x9d, 0x2b]);
        assert_eq!(bytes[15], 0xf3);
    }

    #[test]
    fn not_printed() {
        assert_eq!(format!("{:?}", Token([7; 16])), "Token(..)");
    }

    #[test]
    fn refusals() {
        assert_eq!(parse(" vf_token="), Request::Invalid);
        assert_eq!(parse(" vf_token=1"), Request::Invalid);
        assert_eq!(parse(" other"), Request::Invalid);
        let twice = format!(" vf_token={UUID} vf_token={UUID}");
        assert_eq!(parse(&twice), Request::Invalid);
        let stray = format!(" vf_token={UUID}x");
        assert_eq!(parse(&stray), Request::Invalid);
        let bad = UUID.replace('-', "_");
        assert_eq!(parse(&format!(" vf_token={bad}")), Request::Invalid);
    }
}
