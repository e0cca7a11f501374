// SPDX-License-Identifier: GPL-2.0-only

//! The argument of `VFIO_DEVICE_SET_IRQS`, checked and copied.
//!
//! The ioctl carries `struct vfio_irq_set`: which interrupts, what to do with them, and for each a
//! byte, a descriptor, or nothing. [`IrqSet::parse`] turns it into a value that is in range for the
//! device, with as many entries of data as it has interrupts; a device works on nothing else.
//!
//! C counterpart: [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c),
//! `vfio_set_irqs_validate_and_prepare`.

mod header;

use header::{
    Header,
    Payload, //
};
use kernel::prelude::*;
use kernel_ext::uaccess::UserArg;
use vfio_uapi::vfio_irq_set;

pub use header::Action;

/// A request that is valid for the device it was made to.
pub struct IrqSet {
    /// The kind of interrupt; below the number of indexes.
    pub index: u32,

    /// The first interrupt; `start + count` is at most what the index has.
    pub start: u32,

    /// The number of interrupts, which may be 0.
    pub count: u32,

    /// What to do; `None` if the flags name no action or several (`ENOTTY`).
    pub action: Option<Action>,

    /// One entry for each interrupt, if the type has any.
    pub data: IrqData,
}

/// The data of a request.
pub enum IrqData {
    /// The action applies to every interrupt of the range.
    None,

    /// The action applies where the entry is true.
    Bools(KVec<bool>),

    /// The action uses these event file descriptors; negative means none.
    Fds(KVec<i32>),
}

impl IrqSet {
    /// Copies and checks the request at `arg`.
    ///
    /// `indexes` is how many indexes the device has; `available` tells how many interrupts there
    /// are at one, and is asked with any number.
    ///
    /// # Errors
    ///
    /// `EFAULT` for the fixed part; `EINVAL` as [`Header::check`] finds; `EFAULT` or `ENOMEM` for
    /// the data.
    pub fn parse(arg: UserArg, indexes: u32, available: impl FnOnce(u32) -> u32) -> Result<Self> {
        let raw: vfio_irq_set = arg.read_head(header::HEADER_SIZE)?;
        let header = Header {
            argsz: raw.argsz,
            flags: raw.flags,
            index: raw.index,
            start: raw.start,
            count: raw.count,
        };
        let checked = header
            .check(indexes, available(raw.index))
            .map_err(|_| EINVAL)?;
        let mut data = arg.at(header::HEADER_SIZE).reader(checked.bytes);
        // CAST: Widening; at most what the index has.
        let count = header.count as usize;
        let data = match checked.payload {
            Payload::None => IrqData::None,
            Payload::Bool => {
                let mut bools = KVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?;
                for _ in 0..count {
                    bools.push(data.read::<u8>()? != 0, GFP_KERNEL_ACCOUNT)?;
                }
                IrqData::Bools(bools)
            }
            Payload::Eventfd => {
                let mut fds = KVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?;
                for _ in 0..count {
                    fds.push(data.read::<i32>()?, GFP_KERNEL_ACCOUNT)?;
                }
                IrqData::Fds(fds)
            }
        };
        Ok(Self {
            index: header.index,
            start: header.start,
            count: header.count,
            action: checked.action,
            data,
        })
    }
}

/// The constants of the host-testable part are the header's.
const _: () = {
    assert!(header::HEADER_SIZE == core::mem::offset_of!(vfio_irq_set, data));
    assert!(header::DATA_NONE == vfio_uapi::VFIO_IRQ_SET_DATA_NONE);
    assert!(header::DATA_BOOL == vfio_uapi::VFIO_IRQ_SET_DATA_BOOL);
    assert!(header::DATA_EVENTFD == vfio_uapi::VFIO_IRQ_SET_DATA_EVENTFD);
    assert!(header::ACTION_MASK == vfio_uapi::VFIO_IRQ_SET_ACTION_MASK);
    assert!(header::ACTION_UNMASK == vfio_uapi::VFIO_IRQ_SET_ACTION_UNMASK);
    assert!(header::ACTION_TRIGGER == vfio_uapi::VFIO_IRQ_SET_ACTION_TRIGGER);
};
