// SPDX-License-Identifier: GPL-2.0-only

//! Plain data: structures that are nothing but their bytes.
//!
//! [`Pod`] marks what may be filled from user memory and copied back to it. That a structure
//! qualifies is not a matter of trust: [`pod!`] names every field, asks each to be [`Pod`] itself,
//! and checks while compiling that the fields leave no hole, so that no byte of the kernel's stack
//! can leak through padding.
//!
//! C counterpart: none; C copies any structure.

use crate::generated::*;
use core::mem::size_of;

/// A type whose values are exactly its bytes.
///
/// # Safety
///
/// The implementer must make sure that for the type
///
/// - every bit pattern, all zeroes included, is a valid value;
/// - there is no padding: each of its `size_of` bytes belongs to a field;
/// - there is no interior mutability.
pub unsafe trait Pod: Copy + 'static {
    /// Returns the value with all bytes zero.
    fn zeroed() -> Self {
        // SAFETY: Every bit pattern is a valid value of a `Pod` type, so all zeroes is one.
        unsafe { core::mem::zeroed() }
    }

    /// Returns the bytes of the value, as they lie in memory.
    fn as_bytes(&self) -> &[u8] {
        // SAFETY:
        // - The pointer comes from a reference, so it is non-null and valid for reads of
        //   `size_of::<Self>()` bytes for the lifetime of that reference; `u8` needs no alignment.
        // - A `Pod` type has no padding, so all those bytes are initialized.
        // - A `Pod` type has no interior mutability, so nothing changes them meanwhile.
        // - No object is larger than `isize::MAX`.
        unsafe { core::slice::from_raw_parts(core::ptr::from_ref(self).cast(), size_of::<Self>()) }
    }

    /// Returns the bytes of the value for writing.
    fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY:
        // - The pointer comes from an exclusive reference, so it is non-null and valid for reads
        //   and writes of `size_of::<Self>()` bytes, and nothing else accesses them, for the
        //   lifetime of that reference; `u8` needs no alignment.
        // - A `Pod` type has no padding, so all those bytes are initialized, and any bytes written
        //   to it are again a valid value.
        // - No object is larger than `isize::MAX`.
        unsafe {
            core::slice::from_raw_parts_mut(core::ptr::from_mut(self).cast(), size_of::<Self>())
        }
    }
}

/// Implements [`Pod`] for integers, which have all its properties by definition.
macro_rules! pod_integer {
    ($($ty:ty),* $(,)?) => {
        $(
            // SAFETY: An integer takes any bit pattern and has neither padding nor interior
            // mutability.
            unsafe impl Pod for $ty {}
        )*
    };
}

pod_integer!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

// SAFETY: An array is its elements one after the other, with nothing in between.
unsafe impl<T: Pod, const N: usize> Pod for [T; N] {}

// SAFETY: A raw pointer takes any bit pattern (it is dereferenced nowhere: it holds an address in
// user space), is a single word without padding, and has no interior mutability.
unsafe impl Pod for *mut __u64 {}

impl<T: Copy> Clone for __IncompleteArrayField<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Copy> Copy for __IncompleteArrayField<T> {}

// SAFETY: The type has no bytes at all: it only marks where an array starts.
unsafe impl<T: Pod> Pod for __IncompleteArrayField<T> {}

/// Returns the size in bytes of the field that the given function picks.
#[allow(dead_code)] // Called by constants only, which rustc 1.85 does not count as a use.
pub(crate) const fn field_size<T, F: Pod>(_field: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// Implements [`Pod`] for structures, given the names of all their fields.
///
/// A forgotten field, a field that is not [`Pod`], and padding are compile errors.
macro_rules! pod {
    ($($ty:ident { $($field:ident),* $(,)? })*) => {
        $(
            const _: () = {
                // There is no `..` here: all fields are named.
                fn _fields_are_complete(&$ty { $($field: _),* }: &$ty) {}

                let sum = 0 $(+ $crate::pod::field_size(|value: &$ty| &value.$field))*;
                assert!(sum == core::mem::size_of::<$ty>(), "the structure has padding");
            };

            // SAFETY: The check above shows that all fields are `Pod`, so any bit pattern is valid
            // and there is no interior mutability, and that they fill the structure completely.
            unsafe impl $crate::Pod for $ty {}
        )*
    };
}
pub(crate) use pod;

/// Implements `Copy` for structures that end in an array of unknown length.
///
/// A copy is one of the fixed part: the type does not own the array behind it.
macro_rules! copy_fixed_part {
    ($($ty:ident),* $(,)?) => {
        $(
            impl Clone for $ty {
                fn clone(&self) -> Self {
                    *self
                }
            }

            impl Copy for $ty {}
        )*
    };
}

copy_fixed_part!(
    vfio_device_feature,
    vfio_device_feature_dma_buf,
    vfio_group_feature,
    vfio_group_feature_composition,
    vfio_group_feature_dma_window,
    vfio_group_feature_isolation,
    vfio_group_feature_members,
    vfio_iommu_feature,
    vfio_iommu_feature_domains,
    vfio_iommu_feature_mm_stale,
    vfio_iommu_feature_windows,
    vfio_iommu_type1_dirty_bitmap,
    vfio_iommu_type1_dma_unmap,
    vfio_iommu_type1_info_cap_iova_range,
    vfio_irq_set,
    vfio_pci_hot_reset,
    vfio_pci_hot_reset_info,
    vfio_region_info_cap_sparse_mmap,
);

// `vfio_iommu_type1_info_cap_migration` and `vfio_eeh_pe_op` have holes: see `padded`.
pod! {
    vfio_info_cap_header { id, version, next }
    vfio_group_status { argsz, flags }

    vfio_device_info { argsz, flags, num_regions, num_irqs, cap_offset, pad }
    vfio_device_info_cap_pci_atomic_comp { header, flags, reserved }
    vfio_region_info { argsz, flags, index, cap_offset, size, offset }
    vfio_region_sparse_mmap_area { offset, size }
    vfio_region_info_cap_sparse_mmap { header, nr_areas, reserved, areas }
    vfio_region_info_cap_type { header, type_, subtype }
    vfio_region_info_cap_nvlink2_ssatgt { header, tgt }
    vfio_region_info_cap_nvlink2_lnkspd { header, link_speed, __pad }
    vfio_region_gfx_edid { edid_offset, edid_max_size, edid_size, max_xres, max_yres, link_state }
    vfio_device_migration_info { device_state, reserved, pending_bytes, data_offset, data_size }
    vfio_irq_info { argsz, flags, index, count }
    vfio_irq_set { argsz, flags, index, start, count, data }
    vfio_pci_dependent_device { __bindgen_anon_1, segment, bus, devfn }
    vfio_pci_hot_reset_info { argsz, flags, count, devices }
    vfio_pci_hot_reset { argsz, flags, count, group_fds }
    vfio_device_gfx_plane_info {
        argsz, flags, drm_plane_type, drm_format, drm_format_mod, width, height, stride, size,
        x_pos, y_pos, x_hot, y_hot, __bindgen_anon_1, reserved,
    }
    vfio_device_ioeventfd { argsz, flags, offset, data, fd, reserved }

    vfio_device_feature { argsz, flags, data }
    vfio_device_feature_migration { flags }
    vfio_device_feature_mig_state { device_state, data_fd }
    vfio_device_low_power_entry_with_wakeup { wakeup_eventfd, reserved }
    vfio_device_feature_dma_logging_control { page_size, num_ranges, __reserved, ranges }
    vfio_device_feature_dma_logging_range { iova, length }
    vfio_device_feature_dma_logging_report { iova, length, page_size, bitmap }
    vfio_device_feature_mig_data_size { stop_copy_length }
    vfio_device_feature_bus_master { op }
    vfio_region_dma_range { offset, length }
    vfio_device_feature_dma_buf { region_index, open_flags, flags, nr_ranges, dma_ranges }
    vfio_device_feature_zpci_err { data }
    vfio_device_bind_iommufd { argsz, flags, iommufd, out_devid, token_uuid_ptr }
    vfio_device_attach_iommufd_pt { argsz, flags, pt_id, pasid }
    vfio_device_detach_iommufd_pt { argsz, flags, pasid }
    vfio_precopy_info { argsz, flags, initial_bytes, dirty_bytes }

    vfio_iommu_type1_info { argsz, flags, iova_pgsizes, cap_offset, pad }
    vfio_iova_range { start, end }
    vfio_iommu_type1_info_cap_iova_range { header, nr_iovas, reserved, iova_ranges }
    vfio_iommu_type1_info_dma_avail { header, avail }
    vfio_iommu_type1_dma_map { argsz, flags, vaddr, iova, size }
    vfio_bitmap { pgsize, size, data }
    vfio_iommu_type1_dma_unmap { argsz, flags, iova, size, data }
    vfio_iommu_type1_dirty_bitmap { argsz, flags, data }
    vfio_iommu_type1_dirty_bitmap_get { iova, size, bitmap }

    vfio_iommu_spapr_tce_ddw_info { pgsizes, max_dynamic_windows_supported, levels }
    vfio_iommu_spapr_tce_info { argsz, flags, dma32_window_start, dma32_window_size, ddw }
    vfio_eeh_pe_err { type_, func, addr, mask }
    vfio_iommu_spapr_register_memory { argsz, flags, vaddr, size }
    vfio_iommu_spapr_tce_create {
        argsz, flags, page_shift, __resv1, window_size, levels, __resv2, start_addr,
    }
    vfio_iommu_spapr_tce_remove { argsz, flags, start_addr }

    vfio_iommu_feature { argsz, flags, data }
    vfio_iommu_feature_mm_bind { mode, eventfd }
    vfio_iommu_mm_stale { iova, size, reason, reserved }
    vfio_iommu_feature_mm_stale { count, entry_size, entries }
    vfio_dma_window { start, last, page_shift, levels, slot, flags }
    vfio_iommu_feature_windows { count, entry_size, windows }
    vfio_group_feature { argsz, flags, data }
    vfio_group_feature_dma_window {
        place, devices, domain, bus, devfn, reserved, count, entry_size, windows,
    }
    vfio_iommu_feature_dma_fd { rights, open_flags, first, last, entries }
    vfio_iommu_domain { group, domain }
    vfio_iommu_feature_domains { count, entry_size, domains }
    vfio_group_member {
        flags, bus, domain, bus_number, devfn, reserved, vendor, device, class, group, name, path,
        driver, reserved2,
    }
    vfio_group_feature_members { count, generation, entry_size, reserved, members }
    vfio_group_feature_isolation {
        level, flags, bridge_domain, bridge, count, reserved, groups,
    }
    vfio_group_feature_capture { group_fd, flags }
    vfio_group_feature_release { group, flags }
    vfio_group_feature_composition { count, kind, groups }
    vfio_group_feature_event { eventfd, mask }
    vfio_group_feature_iommu_option { id, reserved, value }
    vfio_device_feature_restrict { mask, reserved }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeroed_is_all_zero() {
        let info = vfio_region_info::zeroed();
        assert!(info.as_bytes().iter().all(|&byte| byte == 0));
        assert_eq!(info.as_bytes().len(), 32);
    }

    #[test]
    fn bytes_are_the_value() {
        let mut status = vfio_group_status {
            argsz: 0x0403_0201,
            flags: 0,
        };
        assert_eq!(&status.as_bytes()[..4], 0x0403_0201u32.to_ne_bytes());

        status.as_bytes_mut()[4..].copy_from_slice(&3u32.to_ne_bytes());
        assert_eq!(status.flags, 3);
    }

    #[test]
    fn fixed_parts_end_where_the_array_starts() {
        assert_eq!(size_of::<vfio_irq_set>(), 20);
        assert_eq!(size_of::<vfio_device_feature>(), 8);
        assert_eq!(size_of::<vfio_iommu_type1_dma_unmap>(), 24);
        assert_eq!(size_of::<vfio_iommu_feature>(), 8);
        assert_eq!(size_of::<vfio_iommu_feature_mm_stale>(), 8);
        assert_eq!(size_of::<vfio_iommu_mm_stale>(), 24);
        assert_eq!(size_of::<vfio_iommu_feature_windows>(), 8);
        assert_eq!(size_of::<vfio_dma_window>(), 32);
        assert_eq!(size_of::<vfio_group_feature_dma_window>(), 24);
        assert_eq!(size_of::<vfio_iommu_feature_domains>(), 8);
        assert_eq!(size_of::<vfio_group_feature_members>(), 16);
        assert_eq!(size_of::<vfio_group_member>(), 48);
        assert_eq!(size_of::<vfio_group_feature_isolation>(), 24);
        assert_eq!(size_of::<vfio_group_feature_composition>(), 8);
        assert_eq!(size_of::<vfio_pci_hot_reset>(), 12);
    }

    #[test]
    fn arrays_are_plain() {
        let fds: [i32; 2] = Pod::zeroed();
        assert_eq!(fds.as_bytes().len(), 8);
    }
}
