// SPDX-License-Identifier: GPL-2.0-only

//! The call for what came later: size of the buffer, flags with a number, then data.

use std::{
    fs::File,
    io,
    os::fd::AsRawFd, //
};
use vfio_uapi::Pod;

/// Bytes of the header of a feature: size of the buffer, and flags.
pub(crate) const HEADER: usize = 8;

/// Gives a feature, named by `flags`, its data.
///
/// # Errors
///
/// Those of the call.
pub(crate) fn set<T: Pod>(file: &File, request: u32, flags: u32, data: &T) -> io::Result<()> {
    let mut buffer = [&[0; HEADER], data.as_bytes()].concat();
    ask(file, request, flags, &mut buffer)
}

/// Makes the call with all of `buffer`.
pub(crate) fn ask(file: &File, request: u32, flags: u32, buffer: &mut [u8]) -> io::Result<()> {
    let size = u32::try_from(buffer.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    let header = [size.to_ne_bytes(), flags.to_ne_bytes()].concat();
    let Some(place) = buffer.get_mut(..HEADER) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    place.copy_from_slice(&header);
    // SAFETY: The first word of the buffer says how long it is, and the kernel writes no further.
    // CAST: The type of a request differs between C libraries; its bits do not.
    match unsafe { libc::ioctl(file.as_raw_fd(), request as _, buffer.as_mut_ptr()) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
