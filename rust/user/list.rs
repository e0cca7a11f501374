// SPDX-License-Identifier: GPL-2.0-only

//! Features whose answer ends with a list.
//!
//! The kernel says how much room it takes, and how long an entry is, which a later kernel may have
//! made longer.

use crate::feature::{
    ask,
    HEADER, //
};
use std::{
    fs::File,
    io, //
};
use vfio_uapi::Pod;

/// An answer: a fixed part, which says how many entries follow it, and those.
pub(crate) struct ListAnswer<H, E> {
    pub(crate) fixed: H,
    pub(crate) entries: Vec<E>,
}

impl<H: Pod, E: Pod> ListAnswer<H, E> {
    /// Asks for a feature with the given `flags`; `counts` returns the number of entries and the size
    /// of one in bytes.
    ///
    /// # Errors
    ///
    /// Those of the call; `InvalidData` for an answer that makes no sense.
    pub(crate) fn get(
        file: &File,
        request: u32,
        flags: u32,
        counts: fn(&H) -> (u32, u32),
    ) -> io::Result<Self> {
        let mut size = HEADER + size_of::<H>();
        loop {
            let mut buffer = vec![0u8; size];
            match ask(file, request, flags, &mut buffer) {
                Ok(()) => {
                    return Self::parse(&buffer, counts).ok_or(io::ErrorKind::InvalidData.into())
                }
                Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => {
                    let needed = u32_at(&buffer, 0).map_or(0, |needed| needed as usize);
                    if needed <= size {
                        return Err(error);
                    }
                    size = needed;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn parse(buffer: &[u8], counts: fn(&H) -> (u32, u32)) -> Option<Self> {
        let data = buffer.get(HEADER..)?;
        let fixed: H = read(data)?;
        let (count, entry_size) = counts(&fixed);
        if (entry_size as usize) < size_of::<E>() {
            return None;
        }
        let list = data.get(size_of::<H>()..)?;
        let entries = list.chunks_exact(entry_size as usize).take(count as usize);
        let entries = entries.map(read).collect::<Option<Vec<E>>>()?;
        (entries.len() == count as usize).then_some(Self { fixed, entries })
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// Reads a value from the beginning of `bytes`; [`None`] if they are too few.
fn read<T: Pod>(bytes: &[u8]) -> Option<T> {
    let mut value = T::zeroed();
    let to = value.as_bytes_mut();
    to.copy_from_slice(bytes.get(..to.len())?);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(fixed: &[u32; 2]) -> (u32, u32) {
        (fixed[0], fixed[1])
    }

    fn answer(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    #[test]
    fn entries_may_be_longer_than_known() {
        let bytes = answer(&[0, 0, 2, 12, 1, 2, 99, 3, 4, 99]);
        let answer = ListAnswer::<[u32; 2], [u32; 2]>::parse(&bytes, counts).unwrap();
        assert_eq!(answer.fixed, [2, 12]);
        assert_eq!(answer.entries, [[1, 2], [3, 4]]);
    }

    #[test]
    fn what_is_too_short_is_refused() {
        for words in [&[0, 0, 2, 8, 1, 2, 3][..], &[0, 0, 1, 4, 1], &[0, 0, 1]] {
            assert!(ListAnswer::<[u32; 2], [u32; 2]>::parse(&answer(words), counts).is_none());
        }
    }
}
