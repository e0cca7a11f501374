// SPDX-License-Identifier: GPL-2.0-only

//! What the platform knows of an IOMMU group: its windows, and how to make one.
//!
//! The two platforms, bare machines (powernv) and partitions (pSeries), differ in what windows there
//! can be and how they are programmed; they offer the same calls for it.
//!
//! C header: `struct iommu_table_group` in
//! [`arch/powerpc/include/asm/iommu.h`](srctree/arch/powerpc/include/asm/iommu.h)

use super::{
    table::Table,
    window::{
        PageShift,
        WINDOWS, //
    }, //
};
use crate::{
    bindings,
    iommu::Group, //
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// What windows a group can have.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// The bus address of the window below 4 GiB that each group can have.
    pub start: u32,
    /// The size of that window in bytes; 0 if there can be none.
    pub size: u32,
    /// Page sizes of windows: bit `n` stands for `1 << n` bytes.
    pub page_sizes: u64,
    /// How many windows can be made while the machine runs.
    pub dynamic_windows: u32,
    /// How many levels a table can have.
    pub levels: u32,
}

/// The platform's side of an IOMMU group. Two of them are equal if they mean the same group.
///
/// # Invariants
///
/// `raw` is what the platform keeps for `group`, which is live while the group has devices.
pub struct TableGroup {
    group: Group,
    raw: NonNull<vfio_bindings::iommu_table_group>,
}

// SAFETY: The platform's functions take locks of their own, and may be called from any thread.
unsafe impl Send for TableGroup {}
// SAFETY: As above.
unsafe impl Sync for TableGroup {}

impl TableGroup {
    /// Returns the platform's side of `group`; [`None`] if no TCE table stands between the group and
    /// memory.
    ///
    /// The caller has a device of the group, as long as the result lives.
    pub fn of(group: &Group) -> Option<Self> {
        // SAFETY: The group is live.
        let raw = unsafe { bindings::iommu_group_get_iommudata(group.as_raw()) };
        // INVARIANT: On these platforms the groups of devices with an IOMMU are made by
        // `iommu_register_group`, which sets the data to the table group. Other groups have no data.
        NonNull::new(raw.cast()).map(|raw| Self {
            group: group.clone(),
            raw,
        })
    }

    /// Returns the IOMMU group.
    pub fn group(&self) -> &Group {
        &self.group
    }

    fn raw(&self) -> *mut vfio_bindings::iommu_table_group {
        self.raw.as_ptr()
    }

    /// Returns the calls that the platform offers.
    fn ops(&self) -> Result<&vfio_bindings::iommu_table_group_ops> {
        // SAFETY: The table group is live by the type invariant, and so are its calls, which are
        // constant.
        unsafe { (*self.raw()).ops.as_ref() }.ok_or(EPERM)
    }

    /// Returns what windows the group can have.
    pub fn abilities(&self) -> Abilities {
        // SAFETY: The table group is live by the type invariant. These fields do not change once the
        // group exists.
        let raw = unsafe { &*self.raw() };
        Abilities {
            start: raw.tce32_start,
            size: raw.tce32_size,
            page_sizes: raw.pgsizes,
            dynamic_windows: raw.max_dynamic_windows_supported,
            levels: raw.max_levels,
        }
    }

    /// Returns whether a table that was made for one of the two can be used for the other.
    pub fn is_like(&self, other: &Self) -> bool {
        let make = |group: &Self| {
            let make = group.ops().ok()?.create_table;
            // CAST: To compare functions by their address.
            make.map(|make| make as usize)
        };
        make(self) == make(other)
    }

    /// Returns the memory in bytes that a table takes, for a window of `size` bytes.
    ///
    /// Fails with `EINVAL` for a table that the platform cannot make, and with `EPERM` if it makes
    /// none.
    pub fn table_bytes(&self, shift: PageShift, size: u64, levels: u32) -> Result<u64> {
        check_size(shift, size)?;
        let table_size = self.ops()?.get_table_size.ok_or(EPERM)?;
        // SAFETY: The call only computes; the size is a power of two and at least a page.
        let bytes = unsafe { table_size(shift.get().into(), size, levels) };
        // CAST: `c_ulong` has at most 64 bits.
        match bytes as u64 {
            0 => Err(EINVAL),
            bytes => Ok(bytes),
        }
    }

    /// Makes an empty table for window `number`, of `size` bytes.
    ///
    /// The platform chooses the address. Fails with `EINVAL` for a window that cannot be, with
    /// `EPERM` if the platform makes none, `ENOMEM`, and with what else the platform has to say.
    pub fn create_table(
        &self,
        number: usize,
        shift: PageShift,
        size: u64,
        levels: u32,
    ) -> Result<Table> {
        check_size(shift, size)?;
        let number = check_number(number)?;
        let create = self.ops()?.create_table.ok_or(EPERM)?;
        let mut table = core::ptr::null_mut();
        // SAFETY: The table group is live by the type invariant; number and size were checked. The
        // result goes to a place that is valid for it.
        let result = unsafe {
            create(
                self.raw(),
                number,
                shift.get().into(),
                size,
                levels,
                &mut table,
            )
        };
        long_result(result)?;
        let table = NonNull::new(table).ok_or(ENOMEM)?;
        // SAFETY: The table was just made, so it is empty, and one reference to it is ours.
        unsafe { Table::from_raw(table) }
    }

    /// Lets the devices of the group reach what is in `table`, as window `number`.
    ///
    /// Fails with `EPERM` if the platform cannot do that with this table, and with what else it has
    /// to say.
    pub fn set_window(&self, number: usize, table: &Table) -> Result {
        let number = check_number(number)?;
        let set = self.ops()?.set_window.ok_or(EPERM)?;
        // SAFETY: Group and table are live, and the number was checked. The platform takes a
        // reference to the table. What devices reach through it is pinned, by its type invariant.
        long_result(unsafe { set(self.raw(), number, table.as_raw()) })
    }

    /// Takes window `number` from the devices of the group.
    ///
    /// Fails with `EPERM` if the platform cannot do that, and with what else it has to say.
    pub fn unset_window(&self, number: usize) -> Result {
        let number = check_number(number)?;
        let unset = self.ops()?.unset_window.ok_or(EPERM)?;
        // SAFETY: The group is live by the type invariant, and the number was checked.
        long_result(unsafe { unset(self.raw(), number) })
    }
}

impl PartialEq for TableGroup {
    fn eq(&self, other: &Self) -> bool {
        self.group == other.group
    }
}

/// Returns a number as the platform takes it. Fails with `EINVAL` if there is no such window.
fn check_number(number: usize) -> Result<c_int> {
    if number >= WINDOWS {
        return Err(EINVAL);
    }
    Ok(c_int::try_from(number)?)
}

/// Fails with `EINVAL` unless `size` is a power of two and at least one page.
fn check_size(shift: PageShift, size: u64) -> Result {
    if !size.is_power_of_two() || size < shift.bytes() {
        return Err(EINVAL);
    }
    Ok(())
}

/// Turns what the platform returns into a result. What is no errno becomes `EIO`.
fn long_result(result: c_long) -> Result {
    match c_int::try_from(result) {
        Ok(0) => Ok(()),
        Ok(error) if error < 0 => to_result(error),
        _ => Err(EIO),
    }
}
