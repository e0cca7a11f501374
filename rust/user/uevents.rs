// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel says of devices that come, go, are bound and unbound.
//!
//! C header: [`include/linux/netlink.h`](srctree/include/uapi/linux/netlink.h)

use std::{
    io,
    os::fd::{
        AsRawFd,
        FromRawFd,
        OwnedFd, //
    },
    time::Duration, //
};

/// The group of netlink to which the kernel sends; another one is udev's.
const FROM_KERNEL: u32 = 1;

/// Bytes for the longest message: the kernel's own buffer has 2 KiB, and the path comes before that.
const LONGEST: usize = 8192;

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message.
    Event(Uevent),
    /// Some were lost, as they were not read fast enough.
    Lost,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uevent {
    /// "add", "remove", "bind", "unbind", "change", "move", "online" or "offline".
    pub action: String,
    /// The path of what it is about, in sysfs without the mount point.
    pub path: String,
    values: Vec<(String, String)>,
}

/// A socket on which they come.
pub struct Uevents(OwnedFd);

impl Uevents {
    /// Listens from now on.
    ///
    /// # Errors
    ///
    /// Those of `socket()` and `bind()`: `EPROTONOSUPPORT` on a kernel without them.
    pub fn open() -> io::Result<Self> {
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: The call takes numbers, and makes a new descriptor.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_KOBJECT_UEVENT) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: The descriptor was just made, so nobody else owns it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        let mut address = no_address();
        address.nl_groups = FROM_KERNEL;
        // Bytes that may wait to be read. A longer queue is good, and no more than that: the answer does
        // not matter.
        let queue: libc::c_int = 1 << 20;
        let (level, name) = (libc::SOL_SOCKET, libc::SO_RCVBUF);
        // CAST: Four.
        let size = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: The call reads `size` bytes, those of an `int`, from the address, which is that of one.
        unsafe { libc::setsockopt(fd, level, name, (&raw const queue).cast(), size) };
        // SAFETY: The call reads as many bytes as it is told from the address, which is that of a
        // structure of this size.
        match unsafe { libc::bind(fd, (&raw const address).cast(), address_size()) } {
            0 => Ok(Self(socket)),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Returns the next message; [`None`] if none comes in that time.
    ///
    /// # Errors
    ///
    /// Those of `poll()` and `recvfrom()`.
    pub fn next(&self, time: Duration) -> io::Result<Option<Received>> {
        let mut ready = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let time = libc::c_int::try_from(time.as_millis()).unwrap_or(libc::c_int::MAX);
        // SAFETY: The call reads and writes one structure at the address, which is that of one.
        match unsafe { libc::poll(&raw mut ready, 1, time) } {
            0 => Ok(None),
            1 => self.receive(),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn receive(&self) -> io::Result<Option<Received>> {
        let mut buffer = [0u8; LONGEST];
        let mut sender = no_address();
        let mut sender_size = address_size();
        // SAFETY:
        // - The call writes to the buffer no more bytes than it is told, which is how many it has.
        // - It writes to `sender` no more bytes than `sender_size` says, which is its size, and to
        //   that the size of the address.
        let size = unsafe {
            libc::recvfrom(
                self.0.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                0,
                (&raw mut sender).cast(),
                &raw mut sender_size,
            )
        };
        let Ok(size) = usize::try_from(size) else {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(libc::ENOBUFS) => Ok(Some(Received::Lost)),
                Some(libc::EAGAIN) => Ok(None),
                _ => Err(error),
            };
        };
        // Programs can send, too. Only the kernel's number is 0.
        if sender.nl_pid != 0 {
            return Ok(None);
        }
        let message = buffer.get(..size).and_then(Uevent::parse);
        Ok(message.map(Received::Event))
    }
}

impl Uevent {
    /// Returns the message that these bytes are: "ACTION@PATH", then "KEY=VALUE", each with a 0 behind;
    /// [`None`] if they are none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut parts = text.split_terminator('\0');
        let (action, path) = parts.next()?.split_once('@')?;
        let pair = |part: &str| {
            let (key, value) = part.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        };
        Some(Self {
            action: action.to_owned(),
            path: path.to_owned(),
            values: parts.filter_map(pair).collect(),
        })
    }

    /// Returns a value, such as that of `SUBSYSTEM`.
    pub fn get(&self, key: &str) -> Option<&str> {
        let mut pairs = self.values.iter();
        let (_, value) = pairs.find(|(name, _)| name == key)?;
        Some(value)
    }
}

/// Returns an address of netlink with nothing in it: the kernel's.
fn no_address() -> libc::sockaddr_nl {
    // SAFETY: The structure consists of integers, for which all zeroes is a value.
    let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
    // CAST: Sixteen.
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address
}

fn address_size() -> libc::socklen_t {
    // CAST: Twelve.
    size_of::<libc::sockaddr_nl>() as libc::socklen_t
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_an_action_a_path_and_values() {
        let bytes = b"bind@/devices/pci0000:00/0000:00:12.0\0ACTION=bind\0SUBSYSTEM=pci\0\
                      DRIVER=vfio-pci\0PCI_SLOT_NAME=0000:00:12.0\0SEQNUM=1234\0";
        let event = Uevent::parse(bytes).unwrap();
        assert_eq!(event.action, "bind");
        assert_eq!(event.path, "/devices/pci0000:00/0000:00:12.0");
        assert_eq!(event.get("DRIVER"), Some("vfio-pci"));
        assert_eq!(event.get("SEQNUM"), Some("1234"));
        assert_eq!(event.get("MODALIAS"), None);
    }

    #[test]
    fn what_is_no_message_is_none() {
        for bytes in [
            &b""[..],
            b"libudev\0\xfe\xed\xca\xfe",
            b"bind\0",
            b"\xff@/\0",
        ] {
            assert_eq!(Uevent::parse(bytes), None);
        }
    }
}
