// SPDX-License-Identifier: GPL-2.0-only

//! The BARs of a PCI device: claiming, mapping and accessing them.
//!
//! [`ClaimedBar`] is a BAR that nobody else uses and that the kernel can access. It works for
//! memory and I/O ports alike, as its cookie comes from `pci_iomap`. [`OwnPages`] states that the
//! pages of a BAR hold nothing else, so that they may be shown to a program; the two together
//! give [`BarPages`], which a page fault handler inserts.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use super::Device;
use crate::{
    bindings,
    io::IoWord,
    mm::fault::IoPages, //
};
use core::ptr::NonNull;
use kernel::{
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// The number of BARs of a function.
pub const NUM_BARS: usize = bindings::PCI_STD_NUM_BARS as usize;

/// Which BAR: 0 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarIndex(u8);

impl BarIndex {
    /// Returns the BAR with this number, if there is one.
    pub fn new(index: u32) -> Option<Self> {
        let index = u8::try_from(index).ok()?;
        (usize::from(index) < NUM_BARS).then_some(Self(index))
    }

    /// Returns all BARs in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0u8..).take(NUM_BARS).map(Self)
    }

    /// Returns the number, below [`NUM_BARS`].
    pub const fn number(self) -> usize {
        self.0 as usize
    }

    fn raw(self) -> c_int {
        self.0.into()
    }
}

/// The expansion ROM among the resources of a device.
const ROM: c_int = bindings::PCI_ROM_RESOURCE as c_int;

/// A range of addresses that a device answers to.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// First address on the bus's memory or I/O port space as the CPU sees it; 0 if unassigned.
    pub start: u64,
    /// Size in bytes; 0 if the device does not have it.
    pub len: u64,
    /// Whether it is memory rather than I/O ports.
    pub is_memory: bool,
}

impl Device {
    fn raw_resource(&self, index: c_int) -> Resource {
        let pdev = self.as_raw();
        // SAFETY: The device is valid and `index` is one of its standard resources.
        unsafe {
            Resource {
                start: bindings::pci_resource_start(pdev, index),
                len: bindings::pci_resource_len(pdev, index),
                is_memory: bindings::vfio_helper_pci_resource_flags(pdev, index)
                    & (bindings::IORESOURCE_MEM as c_ulong)
                    != 0,
            }
        }
    }

    /// Returns the addresses of a BAR.
    pub fn resource(&self, bar: BarIndex) -> Resource {
        self.raw_resource(bar.raw())
    }

    /// Returns the addresses of the expansion ROM's BAR.
    pub fn rom_resource(&self) -> Resource {
        self.raw_resource(ROM)
    }
}

/// A BAR that is reserved for us and mapped for the kernel.
///
/// # Invariants
///
/// The region of BAR `index` of `pdev` is requested, and `io` is its cookie from `pci_iomap`,
/// good for `len` bytes. Both belong to this value.
pub struct ClaimedBar {
    pdev: Device,
    index: BarIndex,
    io: NonNull<c_void>,
    len: usize,
}

// SAFETY: The cookie may be used and given back from any thread.
unsafe impl Send for ClaimedBar {}

// SAFETY: Accesses through the cookie do not touch Rust memory; their order is the device's
// business.
unsafe impl Sync for ClaimedBar {}

impl ClaimedBar {
    /// Reserves and maps BAR `index`.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the device has no such BAR or it cannot be mapped on this machine, `EBUSY` if
    /// somebody else uses it, `ENOMEM` if it cannot be mapped.
    pub fn new(pdev: &Device, index: BarIndex) -> Result<Self> {
        let len = pdev.resource(index).len;
        if pdev.has_unmappable_bars() || len == 0 {
            return Err(ENODEV);
        }
        let mask = 1 << index.raw();
        // SAFETY: The device is valid, and bound to us; the name is a static C string.
        let busy = unsafe {
            bindings::pci_request_selected_regions(pdev.as_raw(), mask, c"vfio".as_char_ptr())
        };
        if busy != 0 {
            return Err(EBUSY);
        }
        // SAFETY: The device is valid and its region was requested above. Zero maps all of it.
        let io = unsafe { bindings::pci_iomap(pdev.as_raw(), index.raw(), 0) };
        let Some(io) = NonNull::new(io.cast::<c_void>()) else {
            // SAFETY: The region was requested above.
            unsafe { bindings::pci_release_selected_regions(pdev.as_raw(), mask) };
            return Err(ENOMEM);
        };
        // INVARIANT: Both were done just above.
        Ok(Self {
            pdev: pdev.clone(),
            index,
            io,
            len: usize::try_from(len).unwrap_or(usize::MAX),
        })
    }

    fn cookie<W: IoWord>(&self, offset: usize) -> Result<*mut c_void> {
        cookie::<W>(self.io, self.len, offset)
    }

    /// Reads one word of the device at `offset` bytes into the BAR.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the word is not inside the BAR or not aligned.
    pub fn read<W: IoWord>(&self, offset: usize) -> Result<W> {
        // SAFETY: `cookie` made sure that the word is inside the mapping and aligned.
        Ok(unsafe { W::read(self.cookie::<W>(offset)?) })
    }

    /// Writes one word of the device at `offset` bytes into the BAR.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the word is not inside the BAR or not aligned.
    pub fn write<W: IoWord>(&self, offset: usize, value: W) -> Result {
        // SAFETY: `cookie` made sure that the word is inside the mapping and aligned.
        unsafe { value.write(self.cookie::<W>(offset)?) };
        Ok(())
    }

    /// Returns the pages of the BAR, to show them to a program.
    ///
    /// `None` if `own` is about another BAR, or this one is not memory.
    pub fn pages(self: &Arc<Self>, own: &OwnPages) -> Option<BarPages> {
        let resource = self.pdev.resource(self.index);
        if own.index != self.index || own.address != self.pdev.address() || !resource.is_memory {
            return None;
        }
        let first = usize::try_from(resource.start >> PAGE_SHIFT).ok()?;
        let count = self.len.div_ceil(PAGE_SIZE);
        // SAFETY:
        // - The frames are those of a BAR of memory, which is device memory.
        // - They hold nothing else, as `own` states of this BAR of this device.
        // - That stays so while the claim and the reservation behind `own` exist.
        Some(unsafe { IoPages::new(first, count, (self.clone(), own.clone())) })
    }
}

impl Drop for ClaimedBar {
    fn drop(&mut self) {
        let pdev = self.pdev.as_raw();
        // SAFETY: The device is valid; the cookie and the region belong to this value, and nobody
        // accesses them any more.
        unsafe {
            bindings::pci_iounmap(pdev, self.io.as_ptr());
            bindings::pci_release_selected_regions(pdev, 1 << self.index.raw());
        }
    }
}

/// Returns the address of a word at `offset` in a mapping of `len` bytes.
///
/// `EINVAL` if it is not inside or not aligned.
pub(super) fn cookie<W: IoWord>(
    io: NonNull<c_void>,
    len: usize,
    offset: usize,
) -> Result<*mut c_void> {
    let end = offset.checked_add(size_of::<W>()).ok_or(EINVAL)?;
    if end > len || offset % size_of::<W>() != 0 {
        return Err(EINVAL);
    }
    // The cookie of an I/O port is a number, not a pointer into an object: no `add`.
    Ok(io.as_ptr().wrapping_byte_add(offset))
}

/// The pages of a claimed BAR, for a page fault handler.
pub type BarPages = IoPages<(Arc<ClaimedBar>, OwnPages)>;

/// States that the pages of one memory BAR hold nothing but that BAR.
///
/// # Invariants
///
/// BAR `index` of the device at `address` begins on a page, and the rest of its last page belongs
/// to nobody: the BAR is a page or more, or `_rest` reserves what is left.
#[derive(Clone)]
pub struct OwnPages {
    address: usize,
    index: BarIndex,
    _rest: Option<Arc<Reservation>>,
}

impl OwnPages {
    /// Makes sure that the pages of BAR `index` hold nothing else, if that is possible.
    ///
    /// A BAR below the size of a page has to begin on one, and the rest of the page has to be free,
    /// which is then reserved so that no device that is plugged in later gets it.
    pub fn new(pdev: &Device, index: BarIndex) -> Option<Self> {
        let resource = pdev.resource(index);
        if pdev.has_unmappable_bars() || !resource.is_memory || resource.len == 0 {
            return None;
        }
        let page = u64::try_from(PAGE_SIZE).ok()?;
        let rest = if resource.len >= page {
            None
        } else if resource.start % page == 0 {
            Some(Reservation::rest_of_page(pdev, index, page)?)
        } else {
            return None;
        };
        // INVARIANT: A BAR is aligned to its size, a power of two; the small case is handled above.
        Some(Self {
            address: pdev.address(),
            index,
            _rest: rest,
        })
    }
}

/// A range of bus addresses that is reserved so that nobody else gets it.
///
/// # Invariants
///
/// `0` was inserted into the resource tree by `request_resource` and stays at its address.
struct Reservation(Pin<KBox<Opaque<bindings::resource>>>);

// SAFETY: The resource is only touched by the kernel's resource code, under its own lock.
unsafe impl Send for Reservation {}

// SAFETY: As above.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Reserves what a BAR smaller than a page leaves of its page.
    fn rest_of_page(pdev: &Device, index: BarIndex, page: u64) -> Option<Arc<Self>> {
        // SAFETY: The device is valid and has all standard BARs; a BAR that is assigned has a
        // parent in the resource tree, or none, which is checked below.
        let (start, end, flags, parent) = unsafe {
            let bar = bindings::vfio_helper_pci_resource_n(pdev.as_raw(), index.raw());
            ((*bar).start, (*bar).end, (*bar).flags, (*bar).parent)
        };
        if parent.is_null() {
            return None;
        }
        let rest = KBox::pin(Opaque::<bindings::resource>::zeroed(), GFP_KERNEL).ok()?;
        // SAFETY: `rest` is zeroed memory that nothing else refers to yet. The name is static.
        unsafe {
            (*rest.get()).name = c"vfio sub-page reserved".as_char_ptr();
            (*rest.get()).start = end.checked_add(1)?;
            (*rest.get()).end = start.checked_add(page)?.checked_sub(1)?;
            (*rest.get()).flags = flags;
        }
        // SAFETY: `parent` is in the resource tree while the BAR is, and `rest` is complete and
        // pinned.
        if unsafe { bindings::request_resource(parent, rest.get()) } != 0 {
            return None;
        }
        // INVARIANT: Inserted just above. Should the allocation fail, it is dropped, which removes
        // it again.
        Arc::new(Self(rest), GFP_KERNEL).ok()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the resource is in the tree.
        unsafe { bindings::release_resource(self.0.get()) };
    }
}

/// The expansion ROM of a device, mapped for reading.
///
/// # Invariants
///
/// `io` maps `len` bytes of the ROM's image, and belongs to this value.
pub struct Rom {
    pdev: Device,
    io: NonNull<c_void>,
    len: usize,
    shadow: bool,
}

impl Rom {
    /// Maps the ROM behind the device's ROM BAR, or the copy that the firmware made of it.
    ///
    /// A ROM behind a BAR only answers, and can only be found valid, while memory decoding is on.
    /// `None` if there is no valid ROM or memory is short.
    pub fn map(pdev: &Device) -> Option<Self> {
        let shadow = pdev.rom_resource().start == 0;
        let (io, len) = if shadow {
            // SAFETY: The device is valid; both fields are set when it is found.
            let (start, len) = unsafe { ((*pdev.as_raw()).rom, (*pdev.as_raw()).romlen) };
            if start == 0 || len == 0 {
                return None;
            }
            // SAFETY: The firmware's copy is memory that is set aside for it.
            (unsafe { bindings::ioremap(start, len) }, len)
        } else {
            let mut len = 0;
            // SAFETY: The device is valid, and bound to us; `len` is valid for writes.
            let io = unsafe { bindings::pci_map_rom(pdev.as_raw(), &mut len) };
            (io, len)
        };
        // INVARIANT: Mapped just above.
        Some(Self {
            pdev: pdev.clone(),
            io: NonNull::new(io.cast::<c_void>())?,
            len,
            shadow,
        })
    }

    /// Returns the size of the firmware's copy of the ROM in bytes, if there is one.
    pub fn shadow_len(pdev: &Device) -> Option<usize> {
        // SAFETY: The device is valid; both fields are set when it is found.
        let (start, len) = unsafe { ((*pdev.as_raw()).rom, (*pdev.as_raw()).romlen) };
        (start != 0 && len != 0).then_some(len)
    }

    /// Returns the size of the image in bytes, which may be less than the BAR's.
    pub fn image_len(&self) -> usize {
        self.len
    }

    /// Reads one word at `offset` bytes into the ROM.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the word is not inside the image or not aligned.
    pub fn read<W: IoWord>(&self, offset: usize) -> Result<W> {
        let address = cookie::<W>(self.io, self.len, offset)?;
        // SAFETY: `cookie` made sure that the word is inside the mapping and aligned.
        Ok(unsafe { W::read(address) })
    }
}

impl Drop for Rom {
    fn drop(&mut self) {
        let io = self.io.as_ptr();
        if self.shadow {
            // SAFETY: By the type invariant this is a mapping from `ioremap`.
            unsafe { bindings::iounmap(io) };
        } else {
            // SAFETY: By the type invariant this is a mapping from `pci_map_rom`.
            unsafe { bindings::pci_unmap_rom(self.pdev.as_raw(), io) };
        }
    }
}
