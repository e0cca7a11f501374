/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * VFIO: direct, IOMMU-protected device access from user space.
 *
 * This header is the contract between programs and the VFIO modules. Every
 * number and every structure in it has the value and the layout that Linux
 * gives it (tools/testing/selftests/vfio/vfio_uapi_layout_test proves that
 * against the kernel's own header); the wording is ours.
 *
 * Three kinds of file take these calls:
 *
 *   container  /dev/vfio/vfio     one IOMMU address space, shared by groups
 *   group      /dev/vfio/$GROUP   the smallest set of devices that the IOMMU
 *                                 can tell apart from the rest of the machine
 *   device     returned by VFIO_GROUP_GET_DEVICE_FD
 *
 * Conventions that hold for every call:
 *
 * - Request numbers are made with _IO(), so they carry neither a direction nor
 *   a size, and one number may mean different things on different files.
 * - A structure opens with @argsz, the size in bytes of the caller's buffer,
 *   set by the caller. A buffer shorter than the fixed part of the structure
 *   is refused with EINVAL. Structures grow at their end only.
 * - @flags of an input structure must hold no bit that is not described here
 *   (EINVAL). Reserved members should be zero.
 * - An argument that cannot be read or written gives EFAULT. A number that the
 *   file does not know gives ENOTTY.
 * - Sizes, offsets and addresses are bytes unless the member says otherwise.
 */
#ifndef _UAPI_LINUX_VFIO_H
#define _UAPI_LINUX_VFIO_H

#include <linux/types.h>
#include <linux/ioctl.h>
#include <linux/stddef.h>

/* Kernel headers older than Linux 6.6 do not have it. */
#ifndef __counted_by
#define __counted_by(member)
#endif

/* The answer of VFIO_GET_API_VERSION. */
#define VFIO_API_VERSION	0

/* Request numbers are _IO(VFIO_TYPE, VFIO_BASE + n). */
#define VFIO_TYPE	(';')
#define VFIO_BASE	100

/* ---- Extensions: what VFIO_CHECK_EXTENSION asks and VFIO_SET_IOMMU picks -- */

/* IOMMU type: translation through the kernel's IOMMU API, lenient unmap. */
#define VFIO_TYPE1_IOMMU		1
/* IOMMU type: POWER TCE tables, one window, explicit enable. */
#define VFIO_SPAPR_TCE_IOMMU		2
/* IOMMU type: as VFIO_TYPE1_IOMMU, but an unmap may not cut a mapping. */
#define VFIO_TYPE1v2_IOMMU		3
/*
 * The IOMMU makes all device accesses cache coherent (PCIe no-snoop is
 * ignored). Can change when a group joins or leaves the container.
 */
#define VFIO_DMA_CC_IOMMU		4
/* POWER extended error handling, VFIO_EEH_PE_OP, is available. */
#define VFIO_EEH			5
/* Never given out again: was two-stage translation, and implied type 1 v2. */
#define __VFIO_RESERVED_TYPE1_NESTING_IOMMU	6
/* IOMMU type: POWER TCE tables with registered memory and several windows. */
#define VFIO_SPAPR_TCE_v2_IOMMU		7
/*
 * IOMMU type: none at all. The device can reach all memory; the kernel is
 * tainted, and CAP_SYS_RAWIO is required.
 */
#define VFIO_NOIOMMU_IOMMU		8
/* VFIO_DMA_UNMAP_FLAG_ALL is understood. */
#define VFIO_UNMAP_ALL			9
/*
 * VFIO_DMA_MAP_FLAG_VADDR and VFIO_DMA_UNMAP_FLAG_VADDR are understood. Not
 * with emulated devices, so it can change as groups come and go.
 */
#define VFIO_UPDATE_VADDR		10

/* ---- Capability chains ---------------------------------------------------- */

/**
 * struct vfio_info_cap_header - start of one link in a capability chain
 * @id: what follows; ids are numbered separately for each INFO call
 * @version: layout version of this id, counted from 1
 * @next: offset of the next link from the start of the INFO structure, in
 *	bytes; 0 ends the chain
 *
 * INFO calls append variable data behind their structure as a chain. The CAPS
 * flag says that there is one, @cap_offset of the structure where it starts
 * (from the start of the structure). If the caller's buffer cannot hold the
 * chain, the call still succeeds: the CAPS flag is set, @cap_offset is 0, and
 * @argsz comes back as the size to try again with.
 */
struct vfio_info_cap_header {
	__u16	id;
	__u16	version;
	__u32	next;
};

/* ==== Container: /dev/vfio/vfio ============================================ */

/**
 * VFIO_GET_API_VERSION - ask which VFIO this is
 *
 * Always available; the argument is ignored.
 *
 * Return: VFIO_API_VERSION.
 */
#define VFIO_GET_API_VERSION		_IO(VFIO_TYPE, VFIO_BASE + 0)

/**
 * VFIO_CHECK_EXTENSION - ask for one extension; the argument is its number
 *
 * Before VFIO_SET_IOMMU any loaded IOMMU backend may answer, afterwards only
 * the chosen one does.
 *
 * Return: 0 if absent, a positive number (normally 1) if present.
 */
#define VFIO_CHECK_EXTENSION		_IO(VFIO_TYPE, VFIO_BASE + 1)

/**
 * VFIO_SET_IOMMU - choose the IOMMU type; the argument is its number
 *
 * All groups of the container are attached, or none. There is no call to undo
 * it: the choice ends when the last group leaves. Until it is made, every
 * other number than the three of this section answers EINVAL.
 *
 * Return: 0, or EINVAL without a group or with a type already set, ENODEV if no
 * backend knows the type, EPERM if interrupts are not isolated, else the error
 * of the backend (EBUSY, EINVAL, ENOMEM).
 */
#define VFIO_SET_IOMMU			_IO(VFIO_TYPE, VFIO_BASE + 2)

/* ==== Group: /dev/vfio/$GROUP ============================================== */

/**
 * struct vfio_group_status - answer of VFIO_GROUP_GET_STATUS
 * @argsz: size of the caller's buffer, at least 8
 * @flags: VFIO_GROUP_FLAGS_*
 */
struct vfio_group_status {
	__u32	argsz;
	__u32	flags;
/* Device access can be granted: nobody else drives a member of the group. */
#define VFIO_GROUP_FLAGS_VIABLE		(1 << 0)
/* The group is in a container; implies viable. */
#define VFIO_GROUP_FLAGS_CONTAINER_SET	(1 << 1)
};

/**
 * VFIO_GROUP_GET_STATUS - ask for a struct vfio_group_status
 *
 * Return: 0, or EFAULT, EINVAL for a short @argsz, ENODEV if the last device of
 * the group has left VFIO.
 */
#define VFIO_GROUP_GET_STATUS		_IO(VFIO_TYPE, VFIO_BASE + 3)

/**
 * VFIO_GROUP_SET_CONTAINER - join a container; points to its __s32 fd
 *
 * From here on the devices of the group are cut off from memory until
 * VFIO_SET_IOMMU and VFIO_IOMMU_MAP_DMA give them some, and no ordinary driver
 * can bind to a member.
 *
 * Return: 0, or EFAULT, EBADF for a closed fd, EBADFD for a file that is no
 * container, EINVAL if the group has a container, ENODEV as above, EPERM if the
 * group is not viable (or for a group without IOMMU, without CAP_SYS_RAWIO or
 * mixed with real groups), EBUSY if something else holds the group's address
 * space, else the error of the backend.
 */
#define VFIO_GROUP_SET_CONTAINER	_IO(VFIO_TYPE, VFIO_BASE + 4)

/**
 * VFIO_GROUP_UNSET_CONTAINER - leave the container
 *
 * The last group to leave takes the IOMMU type and all mappings with it.
 *
 * Return: 0, or EINVAL without a container, EBUSY while a device fd is open.
 */
#define VFIO_GROUP_UNSET_CONTAINER	_IO(VFIO_TYPE, VFIO_BASE + 5)

/**
 * VFIO_GROUP_GET_DEVICE_FD - open a member; points to its NUL-ended name
 *
 * The name is that of the device's directory in sysfs, for PCI a full address
 * such as "0000:01:00.0". A PCI name may be followed by blanks and
 * "vf_token=UUID". A device can be opened many times; all fds share its state,
 * and the group stays in use until the last one is closed.
 *
 * Return: a new close-on-exec fd, or EFAULT, EINVAL for a name longer than a
 * page, a bad option, no container or no IOMMU type, EACCES for a wrong token,
 * ENODEV if no such device is bound to VFIO, EMFILE, ENOMEM, else the error of
 * the device's driver.
 */
#define VFIO_GROUP_GET_DEVICE_FD	_IO(VFIO_TYPE, VFIO_BASE + 6)

/* ==== Device: general ====================================================== */

/**
 * struct vfio_device_info - answer of VFIO_DEVICE_GET_INFO
 * @argsz: size of the caller's buffer, at least 16; on return the size needed
 * @flags: VFIO_DEVICE_FLAGS_*: the kind of bus and what the device can do
 * @num_regions: number of region indexes
 * @num_irqs: number of interrupt indexes
 * @cap_offset: start of the capability chain, 0 for none; written if @argsz is
 *	at least 24
 * @pad: zero
 */
struct vfio_device_info {
	__u32	argsz;
	__u32	flags;
#define VFIO_DEVICE_FLAGS_RESET		(1 << 0) /* VFIO_DEVICE_RESET works */
#define VFIO_DEVICE_FLAGS_PCI		(1 << 1)
#define VFIO_DEVICE_FLAGS_PLATFORM	(1 << 2)
#define VFIO_DEVICE_FLAGS_AMBA		(1 << 3)
#define VFIO_DEVICE_FLAGS_CCW		(1 << 4)
#define VFIO_DEVICE_FLAGS_AP		(1 << 5)
#define VFIO_DEVICE_FLAGS_FSL_MC	(1 << 6)
#define VFIO_DEVICE_FLAGS_CAPS		(1 << 7) /* there is a chain */
#define VFIO_DEVICE_FLAGS_CDX		(1 << 8)
	__u32	num_regions;
	__u32	num_irqs;
	__u32	cap_offset;
	__u32	pad;
};

/**
 * VFIO_DEVICE_GET_INFO - ask for a struct vfio_device_info
 *
 * Return: 0, or EFAULT, EINVAL for a short @argsz, ENOMEM.
 */
#define VFIO_DEVICE_GET_INFO		_IO(VFIO_TYPE, VFIO_BASE + 7)

/*
 * Names of the device APIs, as emulated (mediated) devices give them in their
 * device_api attribute; one for each bus flag above.
 */
#define VFIO_DEVICE_API_PCI_STRING		"vfio-pci"
#define VFIO_DEVICE_API_PLATFORM_STRING		"vfio-platform"
#define VFIO_DEVICE_API_AMBA_STRING		"vfio-amba"
#define VFIO_DEVICE_API_CCW_STRING		"vfio-ccw"
#define VFIO_DEVICE_API_AP_STRING		"vfio-ap"

/* Capability ids of VFIO_DEVICE_GET_INFO. 1 to 4: s390, see vfio_zdev.h. */
#define VFIO_DEVICE_INFO_CAP_ZPCI_BASE		1
#define VFIO_DEVICE_INFO_CAP_ZPCI_GROUP		2
#define VFIO_DEVICE_INFO_CAP_ZPCI_UTIL		3
#define VFIO_DEVICE_INFO_CAP_ZPCI_PFIP		4
#define VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP	5

/**
 * struct vfio_device_info_cap_pci_atomic_comp - widths of PCIe AtomicOps
 * @header: id VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP, version 1
 * @flags: widths that the root port completes and every switch passes on
 * @reserved: zero
 */
struct vfio_device_info_cap_pci_atomic_comp {
	struct vfio_info_cap_header header;
	__u32	flags;
#define VFIO_PCI_ATOMIC_COMP32	(1 << 0)
#define VFIO_PCI_ATOMIC_COMP64	(1 << 1)
#define VFIO_PCI_ATOMIC_COMP128	(1 << 2)
	__u32	reserved;
};

/**
 * VFIO_DEVICE_RESET - reset the device; no argument
 *
 * Return: 0, or EINVAL if the device has no reset of its own (see
 * VFIO_DEVICE_FLAGS_RESET), EAGAIN if it is busy elsewhere, else the bus's
 * error.
 */
#define VFIO_DEVICE_RESET		_IO(VFIO_TYPE, VFIO_BASE + 11)

/* ==== Device: regions ====================================================== */

/**
 * struct vfio_region_info - question and answer of VFIO_DEVICE_GET_REGION_INFO
 * @argsz: size of the caller's buffer, at least 32; on return the size needed
 * @flags: VFIO_REGION_INFO_FLAG_*: what read(), write() and mmap() may do
 * @index: set by the caller: which region, below &vfio_device_info.num_regions
 * @cap_offset: start of the capability chain, 0 for none
 * @size: bytes in the region; 0 if the device does not have it
 * @offset: where the region starts in the device fd
 */
struct vfio_region_info {
	__u32	argsz;
	__u32	flags;
#define VFIO_REGION_INFO_FLAG_READ	(1 << 0)
#define VFIO_REGION_INFO_FLAG_WRITE	(1 << 1)
#define VFIO_REGION_INFO_FLAG_MMAP	(1 << 2)
#define VFIO_REGION_INFO_FLAG_CAPS	(1 << 3) /* there is a chain */
	__u32	index;
	__u32	cap_offset;
	__aligned_u64	size;
	__aligned_u64	offset;
};

/**
 * VFIO_DEVICE_GET_REGION_INFO - ask for one region
 *
 * Return: 0, or EFAULT, EINVAL for a short @argsz or no such index, ENOMEM.
 */
#define VFIO_DEVICE_GET_REGION_INFO	_IO(VFIO_TYPE, VFIO_BASE + 8)

/* Capability ids of VFIO_DEVICE_GET_REGION_INFO. */
#define VFIO_REGION_INFO_CAP_SPARSE_MMAP	1
#define VFIO_REGION_INFO_CAP_TYPE		2
/* No body: the pages of a BAR with the MSI-X table may be mapped as well. */
#define VFIO_REGION_INFO_CAP_MSIX_MAPPABLE	3
/* 4 and 5 described NVLink bridges and are no longer produced. */
#define VFIO_REGION_INFO_CAP_NVLINK2_SSATGT	4
#define VFIO_REGION_INFO_CAP_NVLINK2_LNKSPD	5

/**
 * struct vfio_region_sparse_mmap_area - one part of a region that can be mapped
 * @offset: where it starts in the region
 * @size: its length
 */
struct vfio_region_sparse_mmap_area {
	__aligned_u64	offset;
	__aligned_u64	size;
};

/**
 * struct vfio_region_info_cap_sparse_mmap - only parts of a region can be mapped
 * @header: id VFIO_REGION_INFO_CAP_SPARSE_MMAP, version 1
 * @nr_areas: entries in @areas
 * @reserved: zero
 * @areas: the parts; mmap() outside them may fail or misbehave
 */
struct vfio_region_info_cap_sparse_mmap {
	struct vfio_info_cap_header header;
	__u32	nr_areas;
	__u32	reserved;
	struct vfio_region_sparse_mmap_area areas[];
};

/**
 * struct vfio_region_info_cap_type - what a device specific region is
 * @header: id VFIO_REGION_INFO_CAP_TYPE, version 1
 * @type: VFIO_REGION_TYPE_*, numbered for each bus driver
 * @subtype: VFIO_REGION_SUBTYPE_*, numbered for each @type
 *
 * Regions from VFIO_PCI_NUM_REGIONS on have no fixed meaning; this tells it.
 */
struct vfio_region_info_cap_type {
	struct vfio_info_cap_header header;
	__u32	type;
	__u32	subtype;
};

/* Type: the PCI vendor in the low 16 bits, with this bit set. */
#define VFIO_REGION_TYPE_PCI_VENDOR_TYPE	(1 << 31)
#define VFIO_REGION_TYPE_PCI_VENDOR_MASK	(0xffff)
#define VFIO_REGION_TYPE_GFX			(1)
#define VFIO_REGION_TYPE_CCW			(2)
#define VFIO_REGION_TYPE_MIGRATION_DEPRECATED	(3)

/* Subtypes of PCI vendor 8086: Intel graphics. */
#define VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION	(1)
#define VFIO_REGION_SUBTYPE_INTEL_IGD_HOST_CFG	(2)
#define VFIO_REGION_SUBTYPE_INTEL_IGD_LPC_CFG	(3)

/* Subtypes of PCI vendors 10de and 1014: NVLink, no longer produced. */
#define VFIO_REGION_SUBTYPE_NVIDIA_NVLINK2_RAM	(1)
#define VFIO_REGION_SUBTYPE_IBM_NVLINK2_ATSD	(1)

/* Subtypes of VFIO_REGION_TYPE_GFX. */
#define VFIO_REGION_SUBTYPE_GFX_EDID		(1)

/* Subtypes of VFIO_REGION_TYPE_CCW. */
#define VFIO_REGION_SUBTYPE_CCW_ASYNC_CMD	(1)
#define VFIO_REGION_SUBTYPE_CCW_SCHIB		(2)
#define VFIO_REGION_SUBTYPE_CCW_CRW		(3)

/* Subtypes of VFIO_REGION_TYPE_MIGRATION_DEPRECATED. */
#define VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED (1)

/**
 * struct vfio_region_gfx_edid - registers of an EDID region
 * @edid_offset: where in the region the EDID data is; read only
 * @edid_max_size: room for it, in bytes; read only
 * @edid_size: bytes of it in use
 * @max_xres: widest picture in pixels, 0 for no limit; read only
 * @max_yres: highest picture in pixels, 0 for no limit; read only
 * @link_state: VFIO_DEVICE_GFX_LINK_STATE_*
 *
 * To give an emulated display another monitor: set the link down, write data
 * and @edid_size, set the link up.
 */
struct vfio_region_gfx_edid {
	__u32	edid_offset;
	__u32	edid_max_size;
	__u32	edid_size;
	__u32	max_xres;
	__u32	max_yres;
	__u32	link_state;
#define VFIO_DEVICE_GFX_LINK_STATE_UP	1
#define VFIO_DEVICE_GFX_LINK_STATE_DOWN	2
};

/**
 * struct vfio_device_migration_info - registers of a version 1 migration region
 * @device_state: VFIO_DEVICE_STATE_V1_* bits
 * @reserved: zero
 * @pending_bytes: bytes still to be read
 * @data_offset: where in the region the data is
 * @data_size: bytes of data there
 *
 * Replaced by VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE; no driver offers it.
 */
struct vfio_device_migration_info {
	__u32	device_state;
#define VFIO_DEVICE_STATE_V1_STOP	(0)
#define VFIO_DEVICE_STATE_V1_RUNNING	(1 << 0)
#define VFIO_DEVICE_STATE_V1_SAVING	(1 << 1)
#define VFIO_DEVICE_STATE_V1_RESUMING	(1 << 2)
#define VFIO_DEVICE_STATE_MASK		(VFIO_DEVICE_STATE_V1_RUNNING | \
					 VFIO_DEVICE_STATE_V1_SAVING | \
					 VFIO_DEVICE_STATE_V1_RESUMING)

/* RESUMING stands alone; everything else is a valid combination. */
#define VFIO_DEVICE_STATE_VALID(state) \
	(!((state) & VFIO_DEVICE_STATE_V1_RESUMING) || \
	 ((state) & VFIO_DEVICE_STATE_MASK) == VFIO_DEVICE_STATE_V1_RESUMING)

/* SAVING together with RESUMING is how a device says that it failed. */
#define VFIO_DEVICE_STATE_IS_ERROR(state) \
	(((state) & VFIO_DEVICE_STATE_MASK) == \
	 (VFIO_DEVICE_STATE_V1_SAVING | VFIO_DEVICE_STATE_V1_RESUMING))

#define VFIO_DEVICE_STATE_SET_ERROR(state) \
	(((state) & ~VFIO_DEVICE_STATE_MASK) | \
	 VFIO_DEVICE_STATE_V1_SAVING | VFIO_DEVICE_STATE_V1_RESUMING)

	__u32	reserved;
	__aligned_u64	pending_bytes;
	__aligned_u64	data_offset;
	__aligned_u64	data_size;
};

/**
 * struct vfio_region_info_cap_nvlink2_ssatgt - bus address of GPU memory
 * @header: id VFIO_REGION_INFO_CAP_NVLINK2_SSATGT; no longer produced
 * @tgt: compressed address, used for DMA routing
 */
struct vfio_region_info_cap_nvlink2_ssatgt {
	struct vfio_info_cap_header header;
	__aligned_u64	tgt;
};

/**
 * struct vfio_region_info_cap_nvlink2_lnkspd - speed of an NVLink
 * @header: id VFIO_REGION_INFO_CAP_NVLINK2_LNKSPD; no longer produced
 * @link_speed: as in the device tree's "ibm,nvlink-speed"
 * @__pad: zero
 */
struct vfio_region_info_cap_nvlink2_lnkspd {
	struct vfio_info_cap_header header;
	__u32	link_speed;
	__u32	__pad;
};

/* ==== Device: interrupts =================================================== */

/**
 * struct vfio_irq_info - question and answer of VFIO_DEVICE_GET_IRQ_INFO
 * @argsz: size of the caller's buffer, at least 16
 * @flags: VFIO_IRQ_INFO_*
 * @index: set by the caller: which kind of interrupt, below
 *	&vfio_device_info.num_irqs
 * @count: interrupts of that kind; 0 if the device has none
 */
struct vfio_irq_info {
	__u32	argsz;
	__u32	flags;
/* Interrupts are delivered by ringing an eventfd. */
#define VFIO_IRQ_INFO_EVENTFD		(1 << 0)
/* Mask and unmask work. */
#define VFIO_IRQ_INFO_MASKABLE		(1 << 1)
/* Level triggered: masked each time it is delivered, to be unmasked by the user. */
#define VFIO_IRQ_INFO_AUTOMASKED	(1 << 2)
/* The number in use is fixed when the index is enabled; disable it to change. */
#define VFIO_IRQ_INFO_NORESIZE		(1 << 3)
	__u32	index;
	__u32	count;
};

/**
 * VFIO_DEVICE_GET_IRQ_INFO - ask for one kind of interrupt
 *
 * Return: 0, or EFAULT, EINVAL for a short @argsz or no such index.
 */
#define VFIO_DEVICE_GET_IRQ_INFO	_IO(VFIO_TYPE, VFIO_BASE + 9)

/**
 * struct vfio_irq_set - argument of VFIO_DEVICE_SET_IRQS
 * @argsz: size of the caller's buffer: 20 and the data
 * @flags: one VFIO_IRQ_SET_DATA_* and one VFIO_IRQ_SET_ACTION_* bit
 * @index: kind of interrupt
 * @start: first interrupt of it
 * @count: how many
 * @data: @count entries: nothing (NONE), a __u8 each (BOOL: non-zero acts, zero
 *	skips), or an __s32 each (EVENTFD: -1 takes the assignment away)
 */
struct vfio_irq_set {
	__u32	argsz;
	__u32	flags;
#define VFIO_IRQ_SET_DATA_NONE		(1 << 0)
#define VFIO_IRQ_SET_DATA_BOOL		(1 << 1)
#define VFIO_IRQ_SET_DATA_EVENTFD	(1 << 2)
#define VFIO_IRQ_SET_ACTION_MASK	(1 << 3)
#define VFIO_IRQ_SET_ACTION_UNMASK	(1 << 4)
#define VFIO_IRQ_SET_ACTION_TRIGGER	(1 << 5)
	__u32	index;
	__u32	start;
	__u32	count;
	__u8	data[];
};

/**
 * VFIO_DEVICE_SET_IRQS - deliver, mask, unmask, fake or switch off interrupts
 *
 * TRIGGER with EVENTFD binds the device's interrupts to eventfds that the kernel
 * rings, and so enables the index. TRIGGER with NONE or BOOL rings them as if
 * the device had. TRIGGER with NONE and @count 0 disables the whole index. MASK
 * and UNMASK with NONE or BOOL act at once; with EVENTFD, ringing that eventfd
 * acts later, without a call.
 *
 * Return: 0; a positive number of vectors that could be had when fewer than
 * @count are available (nothing was set up); or EFAULT, EINVAL for @argsz,
 * @index, a range beyond the count of the index, unknown flags, not exactly one
 * data type, data larger than @argsz allows, or a wrong state, ENOTTY if the
 * action does not exist for the index, EBADF, EBUSY, ENOMEM.
 */
#define VFIO_DEVICE_SET_IRQS		_IO(VFIO_TYPE, VFIO_BASE + 10)

#define VFIO_IRQ_SET_DATA_TYPE_MASK	(VFIO_IRQ_SET_DATA_NONE | \
					 VFIO_IRQ_SET_DATA_BOOL | \
					 VFIO_IRQ_SET_DATA_EVENTFD)
#define VFIO_IRQ_SET_ACTION_TYPE_MASK	(VFIO_IRQ_SET_ACTION_MASK | \
					 VFIO_IRQ_SET_ACTION_UNMASK | \
					 VFIO_IRQ_SET_ACTION_TRIGGER)

/* ---- Fixed indexes: PCI --------------------------------------------------- */

enum {
	VFIO_PCI_BAR0_REGION_INDEX,
	VFIO_PCI_BAR1_REGION_INDEX,
	VFIO_PCI_BAR2_REGION_INDEX,
	VFIO_PCI_BAR3_REGION_INDEX,
	VFIO_PCI_BAR4_REGION_INDEX,
	VFIO_PCI_BAR5_REGION_INDEX,
	VFIO_PCI_ROM_REGION_INDEX,
	VFIO_PCI_CONFIG_REGION_INDEX,
	/*
	 * Legacy VGA, for display controllers only: ports 0x3b0..0x3bb and
	 * 0x3c0..0x3df and memory 0xa0000..0xbffff, each at its own address
	 * within the region; nothing in between.
	 */
	VFIO_PCI_VGA_REGION_INDEX,
	/* Never grows: indexes from here on carry VFIO_REGION_INFO_CAP_TYPE. */
	VFIO_PCI_NUM_REGIONS = 9
};

enum {
	VFIO_PCI_INTX_IRQ_INDEX,
	VFIO_PCI_MSI_IRQ_INDEX,
	VFIO_PCI_MSIX_IRQ_INDEX,
	VFIO_PCI_ERR_IRQ_INDEX,	/* rung when the bus reports an error */
	VFIO_PCI_REQ_IRQ_INDEX,	/* rung when the host wants the device back */
	VFIO_PCI_NUM_IRQS
};

/* ---- Fixed indexes: s390 channel I/O and crypto --------------------------- */

enum {
	VFIO_CCW_CONFIG_REGION_INDEX,
	VFIO_CCW_NUM_REGIONS
};

enum {
	VFIO_CCW_IO_IRQ_INDEX,
	VFIO_CCW_CRW_IRQ_INDEX,
	VFIO_CCW_REQ_IRQ_INDEX,
	VFIO_CCW_NUM_IRQS
};

enum {
	VFIO_AP_REQ_IRQ_INDEX,
	VFIO_AP_CFG_CHG_IRQ_INDEX,
	VFIO_AP_NUM_IRQS
};

/* ==== Device: PCI hot reset ================================================ */

/**
 * struct vfio_pci_dependent_device - one device that a hot reset would hit
 * @group_id: its IOMMU group, for a caller that came through a group
 * @devid: its iommufd device id, for a caller that came through a device node,
 *	or VFIO_PCI_DEVID_OWNED, or VFIO_PCI_DEVID_NOT_OWNED
 * @segment: PCI domain
 * @bus: PCI bus
 * @devfn: slot << 3 | function
 */
struct vfio_pci_dependent_device {
	union {
		__u32	group_id;
		__u32	devid;
/* No id of its own, but in a group whose devices the caller holds. */
#define VFIO_PCI_DEVID_OWNED		0
/* Not the caller's: no reset without proof by group fds. */
#define VFIO_PCI_DEVID_NOT_OWNED	-1
	};
	__u16	segment;
	__u8	bus;
	__u8	devfn;
};

/**
 * struct vfio_pci_hot_reset_info - answer of VFIO_DEVICE_GET_PCI_HOT_RESET_INFO
 * @argsz: size of the caller's buffer, at least 12
 * @flags: VFIO_PCI_HOT_RESET_FLAG_*
 * @count: number of devices, also when the buffer cannot hold them
 * @devices: @count entries
 */
struct vfio_pci_hot_reset_info {
	__u32	argsz;
	__u32	flags;
/* @devices give devid, not group_id. */
#define VFIO_PCI_HOT_RESET_FLAG_DEV_ID		(1 << 0)
/* With the above: all of them are the caller's, no proof is needed. */
#define VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED	(1 << 1)
	__u32	count;
	struct vfio_pci_dependent_device	devices[];
};

/**
 * VFIO_DEVICE_GET_PCI_HOT_RESET_INFO - ask what a bus or slot reset would hit
 *
 * Return: 0, or EFAULT, EINVAL for a short @argsz, ENODEV if neither bus nor
 * slot can be reset, ENOSPC if the buffer is too small (@count is right),
 * ENOMEM, EPERM if an affected device has no group, EAGAIN if the set changed
 * meanwhile.
 */
#define VFIO_DEVICE_GET_PCI_HOT_RESET_INFO	_IO(VFIO_TYPE, VFIO_BASE + 12)

/**
 * struct vfio_pci_hot_reset - argument of VFIO_DEVICE_PCI_HOT_RESET
 * @argsz: size of the caller's buffer: 12 and the fds
 * @flags: 0
 * @count: entries in @group_fds; 0 for a device opened through its own node
 * @group_fds: proof of ownership: an fd of every group that is hit
 */
struct vfio_pci_hot_reset {
	__u32	argsz;
	__u32	flags;
	__u32	count;
	__s32	group_fds[];
};

/**
 * VFIO_DEVICE_PCI_HOT_RESET - reset the device's bus or slot
 *
 * Return: 0, or EFAULT, EINVAL for @argsz, @flags, too many or wrong fds or a
 * device that is hit and not proved to be the caller's, ENODEV as above, EBADF,
 * EBUSY, ENOMEM, else the error of the reset.
 */
#define VFIO_DEVICE_PCI_HOT_RESET	_IO(VFIO_TYPE, VFIO_BASE + 13)

/* ==== Device: emulated displays ============================================ */

/**
 * struct vfio_device_gfx_plane_info - argument of VFIO_DEVICE_QUERY_GFX_PLANE
 * @argsz: size of the caller's buffer
 * @flags: VFIO_GFX_PLANE_TYPE_*: DMABUF or REGION, with PROBE to only ask
 * @drm_plane_type: set by the caller: DRM_PLANE_TYPE_*
 * @drm_format: fourcc of the pixels
 * @drm_format_mod: tiling
 * @width: in pixels
 * @height: in pixels
 * @stride: bytes from one line to the next
 * @size: bytes in all, in whole pages
 * @x_pos: place of a cursor plane, in pixels
 * @y_pos: place of a cursor plane, in pixels
 * @x_hot: hot spot of a cursor, 0xffffffff if unknown
 * @y_hot: hot spot of a cursor, 0xffffffff if unknown
 * @region_index: the region with the pixels, for REGION
 * @dmabuf_id: token for VFIO_DEVICE_GET_GFX_DMABUF, for DMABUF
 * @reserved: zero
 */
struct vfio_device_gfx_plane_info {
	__u32	argsz;
	__u32	flags;
#define VFIO_GFX_PLANE_TYPE_PROBE	(1 << 0)
#define VFIO_GFX_PLANE_TYPE_DMABUF	(1 << 1)
#define VFIO_GFX_PLANE_TYPE_REGION	(1 << 2)
	/* in */
	__u32	drm_plane_type;
	/* out */
	__u32	drm_format;
	__aligned_u64	drm_format_mod;
	__u32	width;
	__u32	height;
	__u32	stride;
	__u32	size;
	__u32	x_pos;
	__u32	y_pos;
	__u32	x_hot;
	__u32	y_hot;
	union {
		__u32	region_index;
		__u32	dmabuf_id;
	};
	__u32	reserved;
};

/**
 * VFIO_DEVICE_QUERY_GFX_PLANE - ask where an emulated display draws
 *
 * A plane that is switched off succeeds with zero format, size, width and
 * height. Only emulated devices know this call.
 *
 * Return: 0, or EINVAL for a way that is not offered or other flags.
 */
#define VFIO_DEVICE_QUERY_GFX_PLANE	_IO(VFIO_TYPE, VFIO_BASE + 14)

/**
 * VFIO_DEVICE_GET_GFX_DMABUF - turn a dmabuf_id into a dma-buf
 *
 * The argument points to the __u32 token.
 *
 * Return: a new fd, or an error.
 */
#define VFIO_DEVICE_GET_GFX_DMABUF	_IO(VFIO_TYPE, VFIO_BASE + 15)

/* ==== Device: writes triggered by eventfd ================================== */

/**
 * struct vfio_device_ioeventfd - argument of VFIO_DEVICE_IOEVENTFD
 * @argsz: size of the caller's buffer, at least 28 (up to @fd)
 * @flags: exactly one width
 * @offset: where in the device fd to write
 * @data: what to write
 * @fd: eventfd that triggers it, -1 to take the trigger away
 * @reserved: zero
 */
struct vfio_device_ioeventfd {
	__u32	argsz;
	__u32	flags;
#define VFIO_DEVICE_IOEVENTFD_8		(1 << 0)
#define VFIO_DEVICE_IOEVENTFD_16	(1 << 1)
#define VFIO_DEVICE_IOEVENTFD_32	(1 << 2)
#define VFIO_DEVICE_IOEVENTFD_64	(1 << 3)
#define VFIO_DEVICE_IOEVENTFD_SIZE_MASK	(0xf)
	__aligned_u64	offset;
	__aligned_u64	data;
	__s32	fd;
	__u32	reserved;
};

/**
 * VFIO_DEVICE_IOEVENTFD - write to a BAR whenever an eventfd is rung
 *
 * On PCI only BARs, without the MSI-X table, and at most 1000 triggers.
 *
 * Return: 0, or EFAULT, EINVAL for @argsz, flags, width, place, EEXIST if the
 * same trigger is there, ENODEV if the one to take away is not, ENOSPC, EBADF,
 * EBUSY, ENOMEM.
 */
#define VFIO_DEVICE_IOEVENTFD		_IO(VFIO_TYPE, VFIO_BASE + 16)

/* ==== Device: features ===================================================== */

/**
 * struct vfio_device_feature - argument of VFIO_DEVICE_FEATURE
 * @argsz: size of the caller's buffer: 8 and the data
 * @flags: index of the feature in the low 16 bits, and what to do with it
 * @data: depends on the feature; not needed to probe
 */
struct vfio_device_feature {
	__u32	argsz;
	__u32	flags;
#define VFIO_DEVICE_FEATURE_MASK	(0xffff)
#define VFIO_DEVICE_FEATURE_GET		(1 << 16)
#define VFIO_DEVICE_FEATURE_SET		(1 << 17)
/* Only ask whether the feature exists, with GET and SET: and can do those. */
#define VFIO_DEVICE_FEATURE_PROBE	(1 << 18)
	__u8	data[];
};

/**
 * VFIO_DEVICE_FEATURE - probe, get or set one feature of the device
 *
 * Return: 0 (or an fd where the feature says so), or EFAULT, EINVAL for a short
 * @argsz, unknown flags, GET with SET without PROBE, none of the three or a
 * direction that the feature lacks, ENOTTY for an unknown feature, else the
 * feature's error.
 */
#define VFIO_DEVICE_FEATURE		_IO(VFIO_TYPE, VFIO_BASE + 17)

/**
 * VFIO_DEVICE_FEATURE_PCI_VF_TOKEN - SET the secret shared with VF drivers
 *
 * Data: 16 bytes, a UUID. Only on a PF with SR-IOV enabled.
 */
#define VFIO_DEVICE_FEATURE_PCI_VF_TOKEN	(0)

/**
 * struct vfio_device_feature_migration - data of VFIO_DEVICE_FEATURE_MIGRATION
 * @flags: VFIO_MIGRATION_*
 *
 * If GET succeeds the device has the states RUNNING and ERROR, and as flagged:
 */
struct vfio_device_feature_migration {
	__aligned_u64	flags;
#define VFIO_MIGRATION_STOP_COPY	(1 << 0) /* STOP, STOP_COPY, RESUMING; always */
#define VFIO_MIGRATION_P2P		(1 << 1) /* RUNNING_P2P */
#define VFIO_MIGRATION_PRE_COPY		(1 << 2) /* PRE_COPY; with P2P: PRE_COPY_P2P */
};
#define VFIO_DEVICE_FEATURE_MIGRATION	1

/**
 * enum vfio_device_mig_state - where a device stands in a migration
 * @VFIO_DEVICE_STATE_ERROR: failed; only VFIO_DEVICE_RESET leads out of it.
 *	Cannot be asked for
 * @VFIO_DEVICE_STATE_STOP: stands still: no DMA, no interrupts, no change inside
 * @VFIO_DEVICE_STATE_RUNNING: works normally
 * @VFIO_DEVICE_STATE_STOP_COPY: as STOP, and its state is read from the data fd
 *	to the end of the stream
 * @VFIO_DEVICE_STATE_RESUMING: stands still and takes a new state from the data
 *	fd; leaving for STOP checks and applies it
 * @VFIO_DEVICE_STATE_RUNNING_P2P: works, but starts no DMA to other devices
 * @VFIO_DEVICE_STATE_PRE_COPY: works, and streams what is known and what changes
 * @VFIO_DEVICE_STATE_PRE_COPY_P2P: both of the two above
 * @VFIO_DEVICE_STATE_NR: number of states
 *
 * A request may span several of the elementary arcs
 *
 *	RUNNING <-> RUNNING_P2P <-> STOP, STOP <-> STOP_COPY, STOP <-> RESUMING,
 *	RUNNING <-> PRE_COPY, RUNNING_P2P <-> PRE_COPY_P2P,
 *	PRE_COPY <-> PRE_COPY_P2P, PRE_COPY_P2P -> STOP_COPY
 *
 * and takes the shortest way that does not pass through a saving state (STOP_COPY
 * and both PRE_COPY). States that the device lacks are skipped. From STOP_COPY
 * there is no way back to PRE_COPY. Arcs into the saving states from outside
 * them, and into RESUMING, open a new data fd; leaving ends its stream. If a
 * request fails, the device may stand anywhere on the way, or in ERROR.
 */
enum vfio_device_mig_state {
	VFIO_DEVICE_STATE_ERROR = 0,
	VFIO_DEVICE_STATE_STOP = 1,
	VFIO_DEVICE_STATE_RUNNING = 2,
	VFIO_DEVICE_STATE_STOP_COPY = 3,
	VFIO_DEVICE_STATE_RESUMING = 4,
	VFIO_DEVICE_STATE_RUNNING_P2P = 5,
	VFIO_DEVICE_STATE_PRE_COPY = 6,
	VFIO_DEVICE_STATE_PRE_COPY_P2P = 7,
	VFIO_DEVICE_STATE_NR,
};

/**
 * struct vfio_device_feature_mig_state - data of
 *	VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE
 * @device_state: enum vfio_device_mig_state: wanted (SET) or current (GET)
 * @data_fd: SET: the new data fd, if the change opened one, else -1; the caller
 *	closes it. GET: -1
 */
struct vfio_device_feature_mig_state {
	__u32	device_state;
	__s32	data_fd;
};
#define VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE	2

/**
 * VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY - SET: let the device sleep; no data
 *
 * Whether it does is up to runtime power management. Any call, read or write
 * wakes it for as long as needed. Mapped regions stay closed until
 * VFIO_DEVICE_FEATURE_LOW_POWER_EXIT.
 */
#define VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY	3

/**
 * struct vfio_device_low_power_entry_with_wakeup - data of
 *	VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP
 * @wakeup_eventfd: rung when a device that really slept is woken
 * @reserved: zero
 *
 * As VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, but once: a woken device stays awake
 * until it is told to sleep again. Touching a mapped region does not wake it.
 */
struct vfio_device_low_power_entry_with_wakeup {
	__s32	wakeup_eventfd;
	__u32	reserved;
};
#define VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP 4

/* SET: end either kind of sleep and open mapped regions again; no data. */
#define VFIO_DEVICE_FEATURE_LOW_POWER_EXIT	5

/**
 * struct vfio_device_feature_dma_logging_control - data of
 *	VFIO_DEVICE_FEATURE_DMA_LOGGING_START
 * @page_size: wanted granularity, a power of two; on return the one in use
 * @num_ranges: entries at @ranges; as many as fit in one page always work
 * @__reserved: zero
 * @ranges: address of an array of struct vfio_device_feature_dma_logging_range
 *
 * SET makes the device log its own DMA writes to these ranges, once at a time,
 * until VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP.
 */
struct vfio_device_feature_dma_logging_control {
	__aligned_u64	page_size;
	__u32	num_ranges;
	__u32	__reserved;
	__aligned_u64	ranges;
};

/**
 * struct vfio_device_feature_dma_logging_range - addresses to log
 * @iova: first address
 * @length: bytes
 */
struct vfio_device_feature_dma_logging_range {
	__aligned_u64	iova;
	__aligned_u64	length;
};
#define VFIO_DEVICE_FEATURE_DMA_LOGGING_START	6

/* SET: stop the log; no data. */
#define VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP	7

/**
 * struct vfio_device_feature_dma_logging_report - data of
 *	VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT
 * @iova: first address to ask for
 * @length: bytes to ask for
 * @page_size: bytes that one bit stands for, a power of two
 * @bitmap: address of an array of __u64; bit 0 of word 0 is @iova
 *
 * GET sets the bit of each page written since the last report and forgets it.
 * Bits are only ever set, so clear the array first. After an error the log is
 * lost: take all memory as written.
 */
struct vfio_device_feature_dma_logging_report {
	__aligned_u64	iova;
	__aligned_u64	length;
	__aligned_u64	page_size;
	__aligned_u64	bitmap;
};
#define VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT	8

/**
 * struct vfio_device_feature_mig_data_size - data of
 *	VFIO_DEVICE_FEATURE_MIG_DATA_SIZE
 * @stop_copy_length: estimate, in bytes, of what STOP_COPY would stream now
 */
struct vfio_device_feature_mig_data_size {
	__aligned_u64	stop_copy_length;
};
#define VFIO_DEVICE_FEATURE_MIG_DATA_SIZE	9

/**
 * struct vfio_device_feature_bus_master - data of VFIO_DEVICE_FEATURE_BUS_MASTER
 * @op: allow or stop the device's DMA
 *
 * SET, for buses without such a bit in their own registers (CDX).
 */
struct vfio_device_feature_bus_master {
	__u32	op;
#define VFIO_DEVICE_FEATURE_CLEAR_MASTER	0
#define VFIO_DEVICE_FEATURE_SET_MASTER		1
};
#define VFIO_DEVICE_FEATURE_BUS_MASTER	10

/**
 * struct vfio_region_dma_range - a slice of a region
 * @offset: where it starts in the region
 * @length: bytes
 */
struct vfio_region_dma_range {
	__u64	offset;
	__u64	length;
};

/**
 * struct vfio_device_feature_dma_buf - data of VFIO_DEVICE_FEATURE_DMA_BUF
 * @region_index: the region to share
 * @open_flags: as for open(): access mode, O_CLOEXEC
 * @flags: 0
 * @nr_ranges: entries in @dma_ranges
 * @dma_ranges: the slices, in the order of the new buffer
 *
 * GET returns a dma-buf fd that other devices can do peer-to-peer DMA to.
 */
struct vfio_device_feature_dma_buf {
	__u32	region_index;
	__u32	open_flags;
	__u32	flags;
	__u32	nr_ranges;
	struct vfio_region_dma_range dma_ranges[] __counted_by(nr_ranges);
};
#define VFIO_DEVICE_FEATURE_DMA_BUF	11

/* SET: let &vfio_precopy_info.flags be an output; no data. */
#define VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2	12

/**
 * struct vfio_device_feature_zpci_err - data of VFIO_DEVICE_FEATURE_ZPCI_ERROR
 * @data: address of a buffer for the pending error record of an s390 PCI
 *	device; the zPCI base capability gives its length
 *
 * GET; ENOMSG if no error is pending.
 */
struct vfio_device_feature_zpci_err {
	__aligned_u64	data;
};
#define VFIO_DEVICE_FEATURE_ZPCI_ERROR	13

/* ==== Device: iommufd (files of /dev/vfio/devices only) ==================== */

/**
 * struct vfio_device_bind_iommufd - argument of VFIO_DEVICE_BIND_IOMMUFD
 * @argsz: size of the caller's buffer
 * @flags: VFIO_DEVICE_BIND_FLAG_*
 * @iommufd: the iommufd to bind to
 * @out_devid: the device's id there, for iommufd calls
 * @token_uuid_ptr: with TOKEN: address of 16 bytes, the secret of
 *	VFIO_DEVICE_FEATURE_PCI_VF_TOKEN
 */
struct vfio_device_bind_iommufd {
	__u32	argsz;
	__u32	flags;
#define VFIO_DEVICE_BIND_FLAG_TOKEN	(1 << 0)
	__s32	iommufd;
	__u32	out_devid;
	__aligned_u64	token_uuid_ptr;
};

/**
 * VFIO_DEVICE_BIND_IOMMUFD - gain access to the device; undone by close()
 *
 * Until then every other use of the fd answers EINVAL.
 *
 * Return: 0, or an error; ENOTTY where there is no iommufd support.
 */
#define VFIO_DEVICE_BIND_IOMMUFD	_IO(VFIO_TYPE, VFIO_BASE + 18)

/**
 * struct vfio_device_attach_iommufd_pt - argument of
 *	VFIO_DEVICE_ATTACH_IOMMUFD_PT
 * @argsz: size of the caller's buffer
 * @flags: VFIO_DEVICE_ATTACH_PASID: only this PASID of the device
 * @pt_id: address space or page table to attach to; on return what was attached
 * @pasid: which PASID
 */
struct vfio_device_attach_iommufd_pt {
	__u32	argsz;
	__u32	flags;
#define VFIO_DEVICE_ATTACH_PASID	(1 << 0)
	__u32	pt_id;
	__u32	pasid;
};

/**
 * VFIO_DEVICE_ATTACH_IOMMUFD_PT - put the device into an address space
 *
 * A device that has one moves to the new one in one step.
 *
 * Return: 0, or an error; EBUSY while the device or a sibling is being reset.
 */
#define VFIO_DEVICE_ATTACH_IOMMUFD_PT	_IO(VFIO_TYPE, VFIO_BASE + 19)

/**
 * struct vfio_device_detach_iommufd_pt - argument of
 *	VFIO_DEVICE_DETACH_IOMMUFD_PT
 * @argsz: size of the caller's buffer
 * @flags: VFIO_DEVICE_DETACH_PASID: only this PASID of the device
 * @pasid: which PASID
 */
struct vfio_device_detach_iommufd_pt {
	__u32	argsz;
	__u32	flags;
#define VFIO_DEVICE_DETACH_PASID	(1 << 0)
	__u32	pasid;
};

/**
 * VFIO_DEVICE_DETACH_IOMMUFD_PT - take the device out; its DMA is blocked then
 *
 * Return: 0, or an error.
 */
#define VFIO_DEVICE_DETACH_IOMMUFD_PT	_IO(VFIO_TYPE, VFIO_BASE + 20)

/* ==== Migration data fd ==================================================== */

/**
 * struct vfio_precopy_info - answer of VFIO_MIG_GET_PRECOPY_INFO
 * @argsz: size of the caller's buffer
 * @flags: VFIO_PRECOPY_INFO_*, after VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2;
 *	reserved without it
 * @initial_bytes: estimate of first-time data left to read; leave PRE_COPY
 *	before it is 0 and the stop takes longer
 * @dirty_bytes: estimate of data that changed after it was read
 */
struct vfio_precopy_info {
	__u32	argsz;
	__u32	flags;
/* There is new first-time data, counted afresh in @initial_bytes. */
#define VFIO_PRECOPY_INFO_REINIT	(1 << 0)
	__aligned_u64	initial_bytes;
	__aligned_u64	dirty_bytes;
};

/**
 * VFIO_MIG_GET_PRECOPY_INFO - ask how much is left to stream before the stop
 *
 * With both estimates at 0, read() of the data fd answers ENOMSG: nothing now,
 * perhaps later (poll). In STOP_COPY the stream has a true end.
 *
 * Return: 0, or EFAULT, EINVAL outside the PRE_COPY states.
 */
#define VFIO_MIG_GET_PRECOPY_INFO	_IO(VFIO_TYPE, VFIO_BASE + 21)

/* ==== Container after VFIO_SET_IOMMU: type 1 and type 1 v2 ================= */

/**
 * struct vfio_iommu_type1_info - answer of VFIO_IOMMU_GET_INFO
 * @argsz: size of the caller's buffer, at least 16; on return the size needed
 * @flags: VFIO_IOMMU_INFO_*
 * @iova_pgsizes: bit n set: mappings can use pages of 2^n bytes
 * @cap_offset: start of the capability chain, 0 for none; written if @argsz is
 *	at least 20
 * @pad: zero
 */
struct vfio_iommu_type1_info {
	__u32	argsz;
	__u32	flags;
#define VFIO_IOMMU_INFO_PGSIZES	(1 << 0) /* @iova_pgsizes is valid */
#define VFIO_IOMMU_INFO_CAPS	(1 << 1) /* there is a chain */
	__aligned_u64	iova_pgsizes;
	__u32	cap_offset;
	__u32	pad;
};

/* Capability ids of VFIO_IOMMU_GET_INFO. */
#define VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE	1
#define VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION	2
#define VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL		3

/**
 * struct vfio_iova_range - addresses that may be mapped
 * @start: first address
 * @end: last address (inclusive)
 */
struct vfio_iova_range {
	__u64	start;
	__u64	end;
};

/**
 * struct vfio_iommu_type1_info_cap_iova_range - where mappings can be made
 * @header: id VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, version 1
 * @nr_iovas: entries in @iova_ranges
 * @reserved: zero
 * @iova_ranges: ascending, disjoint; what the IOMMU can address less what is
 *	reserved for the attached devices. Can change as groups come and go
 */
struct vfio_iommu_type1_info_cap_iova_range {
	struct vfio_info_cap_header header;
	__u32	nr_iovas;
	__u32	reserved;
	struct vfio_iova_range iova_ranges[];
};

/**
 * struct vfio_iommu_type1_info_cap_migration - VFIO_IOMMU_DIRTY_PAGES works
 * @header: id VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, version 1
 * @flags: zero
 * @pgsize_bitmap: bit n set: a bitmap can count pages of 2^n bytes
 * @max_dirty_bitmap_size: longest bitmap, in bytes
 */
struct vfio_iommu_type1_info_cap_migration {
	struct vfio_info_cap_header header;
	__u32	flags;
	__u64	pgsize_bitmap;
	__u64	max_dirty_bitmap_size;
};

/**
 * struct vfio_iommu_type1_info_dma_avail - room for mappings
 * @header: id VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, version 1
 * @avail: how many more mappings can be made
 */
struct vfio_iommu_type1_info_dma_avail {
	struct vfio_info_cap_header header;
	__u32	avail;
};

/**
 * VFIO_IOMMU_GET_INFO - ask for a struct vfio_iommu_type1_info
 *
 * Return: 0, or EFAULT, EINVAL for a short @argsz, ENOMEM.
 */
#define VFIO_IOMMU_GET_INFO		_IO(VFIO_TYPE, VFIO_BASE + 12)

/**
 * struct vfio_iommu_type1_dma_map - argument of VFIO_IOMMU_MAP_DMA
 * @argsz: size of the caller's buffer, at least 32
 * @flags: READ and WRITE as the device sees it, at least one; or VADDR alone
 * @vaddr: address in the caller's memory
 * @iova: address for the device
 * @size: bytes, not 0
 *
 * All three numbers are multiples of the smallest page size.
 */
struct vfio_iommu_type1_dma_map {
	__u32	argsz;
	__u32	flags;
#define VFIO_DMA_MAP_FLAG_READ	(1 << 0)
#define VFIO_DMA_MAP_FLAG_WRITE	(1 << 1)
/* Give a mapping that lost its @vaddr a new one; the memory must be the same. */
#define VFIO_DMA_MAP_FLAG_VADDR	(1 << 2)
	__u64	vaddr;
	__u64	iova;
	__u64	size;
};

/**
 * VFIO_IOMMU_MAP_DMA - let the devices reach a piece of the caller's memory
 *
 * The memory is pinned and counts against RLIMIT_MEMLOCK. With VADDR nothing is
 * mapped: @iova and @size must be those of a mapping whose address was
 * invalidated with VFIO_DMA_UNMAP_FLAG_VADDR.
 *
 * Return: 0, or EFAULT for memory that cannot be pinned (or written, for WRITE),
 * EINVAL for @argsz, flags, alignment, size 0 or addresses outside the valid
 * ranges, EOVERFLOW if an end wraps, EEXIST for an overlap, ENOSPC beyond the
 * number of mappings, ENOMEM beyond RLIMIT_MEMLOCK, EINTR, ENOENT if there is
 * no such mapping (VADDR).
 */
#define VFIO_IOMMU_MAP_DMA		_IO(VFIO_TYPE, VFIO_BASE + 13)

/**
 * struct vfio_bitmap - where to put one bit per page
 * @pgsize: bytes that one bit stands for
 * @size: bytes at @data
 * @data: the bits, zeroed by the caller
 */
struct vfio_bitmap {
	__u64	pgsize;
	__u64	size;
	__u64	*data;
};

/**
 * struct vfio_iommu_type1_dma_unmap - argument of VFIO_IOMMU_UNMAP_DMA
 * @argsz: size of the caller's buffer, at least 24; 48 with a bitmap
 * @flags: VFIO_DMA_UNMAP_FLAG_*
 * @iova: first address
 * @size: bytes; on success the number of bytes that were unmapped
 * @data: a struct vfio_bitmap, with GET_DIRTY_BITMAP
 */
struct vfio_iommu_type1_dma_unmap {
	__u32	argsz;
	__u32	flags;
/* Report the pages that the devices wrote; not with the other two. */
#define VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP	(1 << 0)
/* Everything; @iova and @size are 0. */
#define VFIO_DMA_UNMAP_FLAG_ALL			(1 << 1)
/*
 * Unmap nothing, but forget the caller's addresses: DMA goes on, and no group
 * can join until VFIO_DMA_MAP_FLAG_VADDR has given new ones.
 */
#define VFIO_DMA_UNMAP_FLAG_VADDR		(1 << 2)
	__u64	iova;
	__u64	size;
	__u8	data[];
};

/**
 * VFIO_IOMMU_UNMAP_DMA - take memory back from the devices
 *
 * The range may span several mappings and holes. In type 1 v2 it may not cut
 * a mapping (EINVAL). In type 1 a mapping goes as a whole if its first byte is
 * in the range and not at all otherwise, so more or less than asked is unmapped.
 * A range without mappings is no error; @size tells.
 *
 * Return: 0, or EFAULT, EINVAL for @argsz, flags, alignment, size 0 or a cut,
 * EOVERFLOW if the end wraps, EBUSY for VADDR with emulated devices. After an
 * error @size is as it was.
 */
#define VFIO_IOMMU_UNMAP_DMA		_IO(VFIO_TYPE, VFIO_BASE + 14)

/**
 * VFIO_IOMMU_ENABLE - open the DMA window (sPAPR v1 only); no argument
 *
 * The whole window counts against RLIMIT_MEMLOCK from here on.
 *
 * Return: 0, or EBUSY if it is open, ENODEV, EPERM without a window, ENOMEM.
 */
#define VFIO_IOMMU_ENABLE		_IO(VFIO_TYPE, VFIO_BASE + 15)

/* Close it again; no argument. */
#define VFIO_IOMMU_DISABLE		_IO(VFIO_TYPE, VFIO_BASE + 16)

/**
 * struct vfio_iommu_type1_dirty_bitmap - argument of VFIO_IOMMU_DIRTY_PAGES
 * @argsz: size of the caller's buffer: 8, or 48 with GET_BITMAP
 * @flags: exactly one VFIO_IOMMU_DIRTY_PAGES_FLAG_*
 * @data: a struct vfio_iommu_type1_dirty_bitmap_get, with GET_BITMAP
 */
struct vfio_iommu_type1_dirty_bitmap {
	__u32	argsz;
	__u32	flags;
#define VFIO_IOMMU_DIRTY_PAGES_FLAG_START	(1 << 0)
#define VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP	(1 << 1)
#define VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP	(1 << 2)
	__u8	data[];
};

/**
 * struct vfio_iommu_type1_dirty_bitmap_get - which pages to report
 * @iova: first address
 * @size: bytes
 * @bitmap: where to; its page size must be the smallest one supported
 */
struct vfio_iommu_type1_dirty_bitmap_get {
	__u64	iova;
	__u64	size;
	struct vfio_bitmap bitmap;
};

/**
 * VFIO_IOMMU_DIRTY_PAGES - follow which pages the devices may have written
 *
 * Return: 0, or EACCES in type 1 (v2 only), EFAULT, EINVAL for @argsz, flags, a
 * bitmap that is too small, a cut mapping or logging that is off, EOVERFLOW,
 * ENOMEM.
 */
#define VFIO_IOMMU_DIRTY_PAGES		_IO(VFIO_TYPE, VFIO_BASE + 17)

/* ==== Container after VFIO_SET_IOMMU: sPAPR TCE (POWER servers) ============ */

/**
 * struct vfio_iommu_spapr_tce_ddw_info - dynamic DMA windows
 * @pgsizes: bit n set: a window can use pages of 2^n bytes
 * @max_dynamic_windows_supported: windows that the platform can hold
 * @levels: deepest table that can be asked for
 */
struct vfio_iommu_spapr_tce_ddw_info {
	__u64	pgsizes;
	__u32	max_dynamic_windows_supported;
	__u32	levels;
};

/**
 * struct vfio_iommu_spapr_tce_info - answer of VFIO_IOMMU_SPAPR_TCE_GET_INFO
 * @argsz: size of the caller's buffer, at least 16; 32 to get @ddw
 * @flags: VFIO_IOMMU_SPAPR_INFO_*
 * @dma32_window_start: PCI bus address of the 32-bit window
 * @dma32_window_size: its bytes
 * @ddw: dynamic DMA windows
 *
 * Addresses in map and unmap calls are PCI bus addresses as well: a window is a
 * filter, not an offset.
 */
struct vfio_iommu_spapr_tce_info {
	__u32	argsz;
	__u32	flags;
#define VFIO_IOMMU_SPAPR_INFO_DDW	(1 << 0) /* @ddw is valid */
	__u32	dma32_window_start;
	__u32	dma32_window_size;
	struct vfio_iommu_spapr_tce_ddw_info ddw;
};

/**
 * VFIO_IOMMU_SPAPR_TCE_GET_INFO - ask for the windows of the container
 *
 * Return: 0, or EPERM from another process, ENXIO without a group, EFAULT,
 * EINVAL for a short @argsz.
 */
#define VFIO_IOMMU_SPAPR_TCE_GET_INFO	_IO(VFIO_TYPE, VFIO_BASE + 12)

/**
 * struct vfio_eeh_pe_err - an error to inject
 * @type: bus error kind
 * @func: access kind
 * @addr: address to hit
 * @mask: which bits of @addr count
 */
struct vfio_eeh_pe_err {
	__u32	type;
	__u32	func;
	__u64	addr;
	__u64	mask;
};

/**
 * struct vfio_eeh_pe_op - argument of VFIO_EEH_PE_OP
 * @argsz: size of the caller's buffer, at least 12; 40 to inject
 * @flags: 0
 * @op: VFIO_EEH_PE_*
 * @err: what to inject
 */
struct vfio_eeh_pe_op {
	__u32	argsz;
	__u32	flags;
	__u32	op;
	union {
		struct vfio_eeh_pe_err err;
	};
};

/* Operations on the device's partitionable endpoint (PE). */
#define VFIO_EEH_PE_DISABLE		0
#define VFIO_EEH_PE_ENABLE		1
#define VFIO_EEH_PE_UNFREEZE_IO		2
#define VFIO_EEH_PE_UNFREEZE_DMA	3
#define VFIO_EEH_PE_GET_STATE		4	/* returns a VFIO_EEH_PE_STATE_* */
#define VFIO_EEH_PE_RESET_DEACTIVATE	5
#define VFIO_EEH_PE_RESET_HOT		6
#define VFIO_EEH_PE_RESET_FUNDAMENTAL	7
#define VFIO_EEH_PE_CONFIGURE		8
#define VFIO_EEH_PE_INJECT_ERR		9

#define VFIO_EEH_PE_STATE_NORMAL	0
#define VFIO_EEH_PE_STATE_RESET		1	/* reset line held */
#define VFIO_EEH_PE_STATE_STOPPED	2	/* no DMA, no I/O */
#define VFIO_EEH_PE_STATE_STOPPED_DMA	4	/* no DMA */
#define VFIO_EEH_PE_STATE_UNAVAIL	5

/**
 * VFIO_EEH_PE_OP - handle PCI errors of the groups in the container
 *
 * Return: 0 or a state, or ENODEV without a PE, EFAULT, EINVAL.
 */
#define VFIO_EEH_PE_OP			_IO(VFIO_TYPE, VFIO_BASE + 21)

/**
 * struct vfio_iommu_spapr_register_memory - argument of the two calls below
 * @argsz: size of the caller's buffer, at least 24
 * @flags: 0
 * @vaddr: address in the caller's memory, page aligned
 * @size: bytes, whole pages
 */
struct vfio_iommu_spapr_register_memory {
	__u32	argsz;
	__u32	flags;
	__u64	vaddr;
	__u64	size;
};

/**
 * VFIO_IOMMU_SPAPR_REGISTER_MEMORY - pin and account memory ahead of mapping
 *
 * In v2 only registered memory can be mapped.
 *
 * Return: 0, or ENOTTY in v1, EPERM from another process, EFAULT, EINVAL for
 * @argsz, flags, alignment or an overlap, EBUSY if registered already, ENOMEM.
 */
#define VFIO_IOMMU_SPAPR_REGISTER_MEMORY	_IO(VFIO_TYPE, VFIO_BASE + 17)

/**
 * VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY - give it back
 *
 * Return: 0, or as above; ENOENT if it was not registered, EBUSY while mapped.
 */
#define VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY	_IO(VFIO_TYPE, VFIO_BASE + 18)

/**
 * struct vfio_iommu_spapr_tce_create - argument of VFIO_IOMMU_SPAPR_TCE_CREATE
 * @argsz: size of the caller's buffer, at least 40
 * @flags: 0
 * @page_shift: pages are 2^@page_shift bytes
 * @__resv1: zero
 * @window_size: bytes
 * @levels: depth of the table
 * @__resv2: zero
 * @start_addr: on return the PCI bus address of the window
 */
struct vfio_iommu_spapr_tce_create {
	__u32	argsz;
	__u32	flags;
	/* in */
	__u32	page_shift;
	__u32	__resv1;
	__u64	window_size;
	__u32	levels;
	__u32	__resv2;
	/* out */
	__u64	start_addr;
};

/**
 * VFIO_IOMMU_SPAPR_TCE_CREATE - add a DMA window to every group (v2 only)
 *
 * Return: 0, or ENOTTY in v1, EPERM, ENXIO without a group, EFAULT, EINVAL,
 * ENOSPC if there are windows enough, ENOMEM, else the platform's error.
 */
#define VFIO_IOMMU_SPAPR_TCE_CREATE	_IO(VFIO_TYPE, VFIO_BASE + 19)

/**
 * struct vfio_iommu_spapr_tce_remove - argument of VFIO_IOMMU_SPAPR_TCE_REMOVE
 * @argsz: size of the caller's buffer, at least 16
 * @flags: 0
 * @start_addr: PCI bus address of the window to remove
 */
struct vfio_iommu_spapr_tce_remove {
	__u32	argsz;
	__u32	flags;
	/* in */
	__u64	start_addr;
};

/**
 * VFIO_IOMMU_SPAPR_TCE_REMOVE - remove a DMA window from every group (v2 only)
 *
 * Return: 0, or ENOTTY in v1, EPERM, ENXIO, EFAULT, EINVAL if there is no such
 * window.
 */
#define VFIO_IOMMU_SPAPR_TCE_REMOVE	_IO(VFIO_TYPE, VFIO_BASE + 20)

/* ==== Extensions beyond Linux ============================================== */

/*
 * What is not in Linux's header goes here and nowhere above.  Numbers are taken
 * from the far end of what VFIO owns, so that Linux can grow towards them:
 * calls from +27 down, extension ids from 0x10000 up.
 */

/* VFIO_IOMMU_FEATURE_MM_BIND and _MM_STALE are understood. */
#define VFIO_MM_TIE			0x10001

/**
 * struct vfio_iommu_feature - argument of VFIO_IOMMU_FEATURE
 * @argsz: size of the caller's buffer: 8 and the data
 * @flags: index of the feature in the low 16 bits, and what to do with it
 * @data: depends on the feature; not needed to probe
 *
 * Laid out as struct vfio_device_feature.
 */
struct vfio_iommu_feature {
	__u32	argsz;
	__u32	flags;
#define VFIO_IOMMU_FEATURE_MASK		(0xffff)
#define VFIO_IOMMU_FEATURE_GET		(1 << 16)
#define VFIO_IOMMU_FEATURE_SET		(1 << 17)
/* Only ask whether the feature exists, with GET and SET: and can do those. */
#define VFIO_IOMMU_FEATURE_PROBE	(1 << 18)
	__u8	data[];
};

/**
 * VFIO_IOMMU_FEATURE - probe, get or set one feature of the container
 *
 * Return: 0, or EFAULT, EINVAL for a short @argsz, unknown flags, GET with SET
 * without PROBE, none of the three or a direction that the feature lacks,
 * ENOTTY for an unknown feature, else the feature's error.
 */
#define VFIO_IOMMU_FEATURE		_IO(VFIO_TYPE, VFIO_BASE + 26)

/**
 * struct vfio_iommu_feature_mm_bind - data of VFIO_IOMMU_FEATURE_MM_BIND
 * @mode: VFIO_MM_BIND_*
 * @eventfd: rung each time that memory is taken from the devices, -1 for none;
 *	a GET answers 0 if there is one
 */
struct vfio_iommu_feature_mm_bind {
	__u32	mode;
/* Only the address space that sets this may map, unmap and set; others get EPERM. */
#define VFIO_MM_BIND_STRICT		(1 << 0)
/*
 * What the owner gives up (munmap, mremap, MADV_DONTNEED, a hole punched into a
 * file) is taken from the devices: for munmap and mremap before the call
 * returns, else soon after.
 */
#define VFIO_MM_BIND_NOTIFY		(1 << 1)
/* All that an address space gave is taken from the devices when it ends. */
#define VFIO_MM_BIND_EXIT		(1 << 2)
	__s32	eventfd;
};

/**
 * VFIO_IOMMU_FEATURE_MM_BIND - GET or SET how mappings are tied to their owner
 *
 * NOTIFY and EXIT are on from the start, unless the module parameter mm_tie is
 * off.  Can only be set while nothing is mapped.
 *
 * Errors: EINVAL for an unknown mode or a descriptor that is no eventfd, EBADF,
 * EPERM if STRICT was set by another, EBUSY while something is mapped, or for
 * STRICT while there is a descriptor of VFIO_IOMMU_FEATURE_DMA_FD.
 */
#define VFIO_IOMMU_FEATURE_MM_BIND	1

/**
 * struct vfio_iommu_mm_stale - a range that devices no longer reach
 * @iova: first address, page aligned
 * @size: bytes
 * @reason: VFIO_MM_STALE_*
 * @reserved: 0
 */
struct vfio_iommu_mm_stale {
	__u64	iova;
	__u64	size;
	__u32	reason;
#define VFIO_MM_STALE_UNMAP		1	/* munmap */
#define VFIO_MM_STALE_PROTECT		2	/* no longer allowed; not used */
#define VFIO_MM_STALE_DISCARD		3	/* discarded, or other memory is there now */
#define VFIO_MM_STALE_REMAP		4	/* moved by mremap */
#define VFIO_MM_STALE_EXIT		5	/* exit or exec of the owner */
	__u32	reserved;
};

/**
 * struct vfio_iommu_feature_mm_stale - data of VFIO_IOMMU_FEATURE_MM_STALE
 * @count: out: number of entries, or of those there would be
 * @entry_size: out: bytes of an entry, at least 24
 * @entries: out
 */
struct vfio_iommu_feature_mm_stale {
	__u32	count;
	__u32	entry_size;
	struct vfio_iommu_mm_stale	entries[];
};

/**
 * VFIO_IOMMU_FEATURE_MM_STALE - GET what was taken from the devices
 *
 * Lists each range once, in order of address; reading forgets.  The mapping
 * stays where it is: nothing can be mapped over it (EEXIST), and unmapping it
 * returns its full size.  Waits until what the program has already given up is
 * dealt with.
 *
 * Errors: EINVAL for a buffer without room for @count and @entry_size, ENOSPC
 * if the entries do not fit; then @argsz and @count say what is needed, and
 * nothing is forgotten.
 */
#define VFIO_IOMMU_FEATURE_MM_STALE	2

/**
 * struct vfio_iommu_feature_dma_fd - data of VFIO_IOMMU_FEATURE_DMA_FD
 * @rights: VFIO_DMA_FD_*, what the new descriptor may be used for; at least one
 * @open_flags: O_CLOEXEC or 0
 * @first: first address that it reaches
 * @last: last address, which still belongs to it
 * @entries: most mappings that it may have at a time
 */
struct vfio_iommu_feature_dma_fd {
	__u32	rights;
#define VFIO_DMA_FD_MAP			(1 << 0)
#define VFIO_DMA_FD_UNMAP		(1 << 1)
#define VFIO_DMA_FD_DIRTY		(1 << 2)
#define VFIO_DMA_FD_INFO		(1 << 3)
	__u32	open_flags;
	__u64	first;
	__u64	last;
	__u64	entries;
};

/**
 * VFIO_IOMMU_FEATURE_DMA_FD - GET a descriptor for DMA alone
 *
 * The new descriptor takes VFIO_GET_API_VERSION and VFIO_CHECK_EXTENSION, and
 * by its rights
 *
 * - MAP: VFIO_IOMMU_MAP_DMA, and VFIO_IOMMU_FEATURE with MM_BIND;
 * - UNMAP: VFIO_IOMMU_UNMAP_DMA, also with the dirty bitmap if it has DIRTY, too;
 * - DIRTY: VFIO_IOMMU_DIRTY_PAGES, to get a bitmap; starting and stopping is
 *   EACCES;
 * - INFO: VFIO_IOMMU_GET_INFO and VFIO_IOMMU_FEATURE with WINDOWS, cut to its
 *   addresses and to what is left of @entries.
 *
 * All else is ENOTTY, and the VADDR flags are EINVAL.
 *
 * What is mapped is the memory of whoever makes the call.  Only what was mapped
 * by this descriptor can be unmapped by it, whichever the version of type 1 with
 * the rules of version 2: a range with a mapping that was made elsewhere is EPERM,
 * and VFIO_DMA_UNMAP_FLAG_ALL means all that was mapped by it.  Closing the last
 * copy of it unmaps that as well.  The container can unmap everything, which makes
 * room for other mappings.
 *
 * STRICT of MM_BIND is this descriptor's own: from then on only the process that
 * has set it maps, unmaps and sets by it, others get EPERM; EBUSY while something
 * is mapped by it.  The other modes and the eventfd are the container's, EINVAL
 * here.  The container's STRICT says who may make such descriptors (EPERM), not
 * who may use them; it cannot be set while there is one (EBUSY).
 *
 * It is meant to be handed to a helper process, and keeps neither groups nor
 * devices in the container.
 *
 * Return: the descriptor.  Errors: EINVAL for unknown rights or flags, none,
 * @last below @first or no @entries, EMFILE, also with 255 such descriptors,
 * EPERM, EOPNOTSUPP for a backend that has none (all but type 1).  What the
 * descriptor then answers, beyond the errors of each call: EACCES without the
 * right, ERANGE for a range that is not all in its addresses, ENOSPC with
 * @entries mappings, ENODEV for good once the last group has left.
 */
#define VFIO_IOMMU_FEATURE_DMA_FD	3

/**
 * struct vfio_dma_window - addresses that devices can use
 * @start: first address
 * @last: last address, which still belongs to the window
 * @page_shift: the size of its pages, the smallest one if there are several, as
 *	a power of two: @start and size of a mapping are multiples of it
 * @levels: levels of the table on POWER, 0 where that is the IOMMU's business
 * @slot: on POWER the number of the window, else counted up
 * @flags: VFIO_DMA_WINDOW_*
 */
struct vfio_dma_window {
	__u64	start;
	__u64	last;
	__u32	page_shift;
	__u32	levels;
	__u32	slot;
	__u32	flags;
/* It comes with the container. */
#define VFIO_DMA_WINDOW_DEFAULT		(1 << 0)
/* It was made by VFIO_IOMMU_SPAPR_TCE_CREATE. */
#define VFIO_DMA_WINDOW_DYNAMIC		(1 << 1)
/* It is made when it is first needed, unless it is removed before. */
#define VFIO_DMA_WINDOW_PENDING		(1 << 2)
};

/**
 * struct vfio_iommu_feature_windows - data of VFIO_IOMMU_FEATURE_WINDOWS
 * @count: out: number of windows, or of those there would be
 * @entry_size: out: bytes of an entry, at least 32
 * @windows: out, in order of @slot
 */
struct vfio_iommu_feature_windows {
	__u32	count;
	__u32	entry_size;
	struct vfio_dma_window	windows[];
};

/**
 * VFIO_IOMMU_FEATURE_WINDOWS - GET the windows that there are
 *
 * On x86 these are the addresses that an IOMMU translates and that are not
 * reserved, as in VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE.  On POWER they are the
 * DMA windows; anybody with the container may ask, not only its process.
 *
 * Errors: EINVAL for a buffer without room for @count and @entry_size, ENOSPC
 * if the windows do not fit; then @argsz and @count say what is needed.
 * EOPNOTSUPP without an IOMMU.
 */
#define VFIO_IOMMU_FEATURE_WINDOWS	4

/**
 * struct vfio_iommu_domain - which translation a group is under
 * @group: number of the group
 * @domain: counted up from 0; groups with the same number share one
 */
struct vfio_iommu_domain {
	__u32	group;
	__u32	domain;
};

/**
 * struct vfio_iommu_feature_domains - data of VFIO_IOMMU_FEATURE_DOMAINS
 * @count: out: number of groups, or of those there would be
 * @entry_size: out: bytes of an entry, at least 8
 * @domains: out, in order of @domain
 */
struct vfio_iommu_feature_domains {
	__u32	count;
	__u32	entry_size;
	struct vfio_iommu_domain	domains[];
};

/**
 * VFIO_IOMMU_FEATURE_DOMAINS - GET which groups share a translation
 *
 * All groups of a container see the same mappings.  Groups under one domain
 * also share page tables and IOTLB, so a mapping is made and flushed once for
 * all of them.
 *
 * Errors: EINVAL for a buffer without room for @count and @entry_size, ENOSPC
 * if the entries do not fit; then @argsz and @count say what is needed.
 * EOPNOTSUPP without an IOMMU.
 */
#define VFIO_IOMMU_FEATURE_DOMAINS	5

/**
 * struct vfio_group_feature - argument of VFIO_GROUP_FEATURE
 * @argsz: size of the caller's buffer: 8 and the data
 * @flags: index of the feature in the low 16 bits, and what to do with it
 * @data: depends on the feature; not needed to probe
 *
 * Laid out as struct vfio_device_feature.
 */
struct vfio_group_feature {
	__u32	argsz;
	__u32	flags;
#define VFIO_GROUP_FEATURE_MASK		(0xffff)
#define VFIO_GROUP_FEATURE_GET		(1 << 16)
#define VFIO_GROUP_FEATURE_SET		(1 << 17)
/* Only ask whether the feature exists, with GET and SET: and can do those. */
#define VFIO_GROUP_FEATURE_PROBE	(1 << 18)
	__u8	data[];
};

/**
 * VFIO_GROUP_FEATURE - probe, get or set one feature of the group
 *
 * Return: 0, or ENODEV if the group has no device left, and as
 * VFIO_IOMMU_FEATURE.
 */
#define VFIO_GROUP_FEATURE		_IO(VFIO_TYPE, VFIO_BASE + 27)

/**
 * struct vfio_group_member - a device
 * @flags: VFIO_GROUP_MEMBER_*
 * @bus: VFIO_GROUP_MEMBER_BUS_*; the PCI fields are 0 on another
 * @domain: PCI domain
 * @bus_number: PCI bus
 * @devfn: PCI device and function
 * @reserved: 0
 * @vendor: PCI vendor
 * @device: PCI device
 * @class: PCI class, subclass and programming interface
 * @group: number of the IOMMU group that it is in
 * @name: where its name is, in bytes from the start of the caller's buffer;
 *	while it is bound to VFIO, VFIO_GROUP_GET_DEVICE_FD takes this name
 * @path: where its path in sysfs is, without the mount point
 * @driver: where the name of its driver is, 0 without one
 * @reserved2: 0
 */
struct vfio_group_member {
	__u32	flags;
/* It is bound to a VFIO driver. */
#define VFIO_GROUP_MEMBER_VFIO		(1 << 0)
/* It has no driver. */
#define VFIO_GROUP_MEMBER_DRIVERLESS	(1 << 1)
/* Its driver leaves DMA to others (pci-stub). */
#define VFIO_GROUP_MEMBER_NO_DMA	(1 << 2)
/* Its driver does DMA for the host. */
#define VFIO_GROUP_MEMBER_HOST		(1 << 3)
/* A program has it open. */
#define VFIO_GROUP_MEMBER_OPEN		(1 << 4)
/* It is a bridge, which the host drives. */
#define VFIO_GROUP_MEMBER_BRIDGE	(1 << 5)
/* As it is, it keeps the group from being viable. */
#define VFIO_GROUP_MEMBER_BLOCKS	(1 << 6)
	__u32	bus;
#define VFIO_GROUP_MEMBER_BUS_OTHER	0
#define VFIO_GROUP_MEMBER_BUS_PCI	1
	__u32	domain;
	__u8	bus_number;
	__u8	devfn;
	__u16	reserved;
	__u16	vendor;
	__u16	device;
	__u32	class;
	__u32	group;
	__u32	name;
	__u32	path;
	__u32	driver;
	__u32	reserved2[2];
};

/**
 * struct vfio_group_feature_members - data of VFIO_GROUP_FEATURE_MEMBERS
 * @count: out: number of devices, or of those there would be
 * @generation: out: grows with each change that VFIO_GROUP_FEATURE_EVENT tells of
 * @entry_size: out: bytes of an entry, at least 48
 * @reserved: 0
 * @members: out; behind them are the strings, which end with a 0
 */
struct vfio_group_feature_members {
	__u32	count;
	__u32	generation;
	__u32	entry_size;
	__u32	reserved;
	struct vfio_group_member	members[];
};

/**
 * VFIO_GROUP_FEATURE_MEMBERS - GET the devices of the group
 *
 * With what goes with it: the groups it was made of or has captured, and those
 * of its isolation unit.  Works at any time, whether or not there is a
 * container.
 *
 * Errors: EINVAL for a buffer without room for the fixed part, ENOSPC if the
 * devices or their strings do not fit; then @argsz says what is needed, and
 * the fixed part is filled in.
 */
#define VFIO_GROUP_FEATURE_MEMBERS	1

/**
 * struct vfio_group_feature_isolation - data of VFIO_GROUP_FEATURE_ISOLATION
 * @level: VFIO_ISOLATION_*
 * @flags: VFIO_ISOLATION_FLAG_*
 * @bridge_domain: PCI domain of the bridge, for VFIO_ISOLATION_BRIDGE
 * @bridge: its bus in bits 8 to 15, its device and function in bits 0 to 7
 * @count: out: number of groups, or of those there would be; 0 on SET
 * @reserved: 0
 * @groups: out: numbers of all groups of the unit, this one first
 */
struct vfio_group_feature_isolation {
	__u32	level;
/* The IOMMU group, as it is. */
#define VFIO_ISOLATION_GROUP		0
/* All functions in the same slot as a device of the group. */
#define VFIO_ISOLATION_SLOT		1
/* All devices on the same bus as a device of the group. */
#define VFIO_ISOLATION_BUS		2
/* All devices below one bridge, which is above all devices of the group. */
#define VFIO_ISOLATION_BRIDGE		3
	__u32	flags;
/* Devices without a driver keep a group from being viable. */
#define VFIO_ISOLATION_FLAG_STRICT	(1 << 0)
	__u32	bridge_domain;
	__u32	bridge;
	__u32	count;
	__u32	reserved;
	__u32	groups[];
};

/**
 * VFIO_GROUP_FEATURE_ISOLATION - GET or SET what must be owned together
 *
 * The unit of a group is never finer than the group.  The group is only viable
 * if all devices of the unit allow it, and while it is in a container nobody
 * else can have one of them: a host driver that wants to bind gets EBUSY.
 * Other groups of the unit can go into the same container, not into another.
 * The setting stays until the last device of the group leaves VFIO.
 *
 * Errors of SET: EPERM without CAP_SYS_ADMIN, EBUSY while the group is in a
 * container or a device of it is open by its own node, EINVAL for an unknown
 * level or flag, or a bridge that is not there or not above all devices of the
 * group, EOPNOTSUPP for another level than VFIO_ISOLATION_GROUP if a device is
 * not on a PCI bus or there is no IOMMU.  Of GET: EINVAL for a buffer without
 * room for the fixed part, ENOSPC if the groups do not fit; then @argsz and
 * @count say what is needed.
 */
#define VFIO_GROUP_FEATURE_ISOLATION	2

/**
 * struct vfio_group_feature_capture - data of VFIO_GROUP_FEATURE_CAPTURE
 * @group_fd: another open group
 * @flags: 0
 */
struct vfio_group_feature_capture {
	__s32	group_fd;
	__u32	flags;
};

/**
 * VFIO_GROUP_FEATURE_CAPTURE - SET: take another open group into this one
 *
 * From then on the other group goes where this one goes: into its container,
 * at once if it is in one, and out of it.  Its devices are opened through this
 * descriptor, which also stands for both in VFIO_DEVICE_PCI_HOT_RESET.  Its own
 * descriptor answers EBUSY to what is about the container, its devices, DMA
 * windows and the composition, and can be closed.  Closing this one releases
 * all.
 *
 * Errors: EBADF, EINVAL for a descriptor that is not a group or is this group,
 * EBUSY if the other is in a container, ELOOP if one of both is captured, or
 * the other has captured or is made of groups, EOPNOTSUPP if only one of both
 * has an IOMMU, and if this group is in a container those of
 * VFIO_GROUP_SET_CONTAINER.
 */
#define VFIO_GROUP_FEATURE_CAPTURE	3

/**
 * struct vfio_group_feature_release - data of VFIO_GROUP_FEATURE_RELEASE
 * @group: number of the captured group
 * @flags: 0
 */
struct vfio_group_feature_release {
	__u32	group;
	__u32	flags;
};

/**
 * VFIO_GROUP_FEATURE_RELEASE - SET: let a captured group go
 *
 * Errors: EINVAL if it is not captured by this group, EBUSY while one of its
 * devices is open.
 */
#define VFIO_GROUP_FEATURE_RELEASE	4

/**
 * struct vfio_group_feature_dma_window - data of VFIO_GROUP_FEATURE_DMA_WINDOW
 * @place: out: VFIO_DMA_PLACE_*, which node of a device tree the windows belong to
 * @devices: out: how many devices the group has, bridges not counted
 * @domain: out: PCI domain of that node
 * @bus: out: bus of that node; for a host bridge the bus behind it
 * @devfn: out: device and function of that node; 0 for a host bridge
 * @reserved: 0
 * @count: out: number of windows, or of those there would be; 0 for a group
 *	that is in no container, or in one that has no IOMMU yet
 * @entry_size: out: bytes of an entry, at least 32
 * @windows: out, in order of slot
 */
struct vfio_group_feature_dma_window {
	__u32	place;
/* Not on a PCI bus, or on several that have no host bridge in common. */
#define VFIO_DMA_PLACE_NONE		0
/* The one device of the group. */
#define VFIO_DMA_PLACE_DEVICE		1
/* The nearest bridge that all devices of the group are behind. */
#define VFIO_DMA_PLACE_BRIDGE		2
/* The host bridge, as no other bridge leads to all of them. */
#define VFIO_DMA_PLACE_HOST_BRIDGE	3
	__u32	devices;
	__u32	domain;
	__u8	bus;
	__u8	devfn;
	__u16	reserved;
	__u32	count;
	__u32	entry_size;
	struct vfio_dma_window	windows[];
};

/**
 * VFIO_GROUP_FEATURE_DMA_WINDOW - GET what a guest is to be told of the group's DMA
 *
 * A guest needs one description of the windows for the whole group, as its
 * devices share them: on the node of the device if it has one, else on that of
 * a bridge above all of them.
 *
 * Errors: EINVAL for a buffer without room for the fixed part, ENOSPC if the
 * windows do not fit; then @argsz and @count say what is needed.  EOPNOTSUPP
 * without an IOMMU, and in a container of iommufd, which has calls of its own.
 */
#define VFIO_GROUP_FEATURE_DMA_WINDOW	5

/**
 * struct vfio_group_feature_composition - data of VFIO_GROUP_FEATURE_COMPOSITION
 * @count: out: number of groups, or of those there would be
 * @kind: out: VFIO_COMPOSITION_*
 * @groups: out: numbers of the IOMMU groups, the group's own first
 */
struct vfio_group_feature_composition {
	__u32	count;
	__u32	kind;
/* One IOMMU group. */
#define VFIO_COMPOSITION_PLAIN		0
/* One with others that it has captured. */
#define VFIO_COMPOSITION_CAPTURING	1
/* Several that were put together in configfs, and what they have captured. */
#define VFIO_COMPOSITION_SYNTHETIC	2
	__u32	groups[];
};

/**
 * VFIO_GROUP_FEATURE_COMPOSITION - GET the groups that this one is made of
 *
 * Errors: EINVAL for a buffer without room for the fixed part, ENOSPC if the
 * groups do not fit; then @argsz and @count say what is needed.  EBUSY for a
 * group that is captured.
 */
#define VFIO_GROUP_FEATURE_COMPOSITION	6

/**
 * struct vfio_group_feature_event - data of VFIO_GROUP_FEATURE_EVENT
 * @eventfd: rung at each change, -1 for none
 * @mask: VFIO_GROUP_EVENT_*, the changes that ring it; 0 with -1
 */
struct vfio_group_feature_event {
	__s32	eventfd;
	__u32	mask;
/* A device came or went. */
#define VFIO_GROUP_EVENT_MEMBERSHIP	(1 << 0)
/* A device was bound or unbound, so that the group may be viable or not. */
#define VFIO_GROUP_EVENT_VIABILITY	(1 << 1)
};

/**
 * VFIO_GROUP_FEATURE_EVENT - SET: tell of changes
 *
 * Read VFIO_GROUP_FEATURE_MEMBERS after setting it, and after each ring.
 *
 * Errors: EBADF, EINVAL for a descriptor that is no eventfd, or a mask that is
 * unknown or does not go with it.
 */
#define VFIO_GROUP_FEATURE_EVENT	7

/**
 * struct vfio_group_feature_iommu_option - data of VFIO_GROUP_FEATURE_IOMMU_OPTION
 * @id: VFIO_IOMMU_OPTION_*
 * @reserved: 0
 * @value: depends on @id
 */
struct vfio_group_feature_iommu_option {
	__u32	id;
/*
 * Whether DMA is made coherent with the caches where the IOMMU can: 1, the
 * default, or 0 to leave it to the devices.
 */
#define VFIO_IOMMU_OPTION_FORCE_SNOOP	1
/* The largest page of the tables, in bytes, a power of two; 0 for any. */
#define VFIO_IOMMU_OPTION_MAX_PAGE	2
	__u32	reserved;
	__u64	value;
};

/**
 * VFIO_GROUP_FEATURE_IOMMU_OPTION - GET or SET how the IOMMU is used for the group
 *
 * A GET reads the value of @id.
 *
 * Errors: ENOTTY for an unknown @id, EINVAL for a value that makes no sense,
 * EBUSY on SET while the group is in a container.
 */
#define VFIO_GROUP_FEATURE_IOMMU_OPTION	8

/**
 * struct vfio_device_feature_restrict - data of VFIO_DEVICE_FEATURE_RESTRICT
 * @mask: VFIO_RESTRICT_*, what is no longer allowed
 * @reserved: 0
 */
struct vfio_device_feature_restrict {
	__u32	mask;
/* Writing configuration space. */
#define VFIO_RESTRICT_CONFIG_WRITE	(1 << 0)
/* VFIO_DEVICE_SET_IRQS. */
#define VFIO_RESTRICT_IRQ		(1 << 1)
/*
 * VFIO_DEVICE_RESET and VFIO_DEVICE_PCI_HOT_RESET; a device can also be reset by a
 * write to its configuration space.
 */
#define VFIO_RESTRICT_RESET		(1 << 2)
/* New mappings of regions, and sharing them as DMA-BUFs. */
#define VFIO_RESTRICT_MMAP		(1 << 3)
/* VFIO_DEVICE_IOEVENTFD. */
#define VFIO_RESTRICT_IOEVENTFD		(1 << 4)
/* SET of any VFIO_DEVICE_FEATURE but this one. */
#define VFIO_RESTRICT_FEATURE_SET	(1 << 5)
	__u32	reserved;
};

/**
 * VFIO_DEVICE_FEATURE_RESTRICT - GET or SET what this descriptor is not good for
 *
 * Before it is handed to a program that is trusted less.  What is set is added
 * to what was set before, and never taken back; it holds for this open file,
 * so for all copies of the descriptor, and not for other opens of the device.
 * What is refused answers EPERM, before its argument is looked at.  Probing a
 * feature is not refused; what was mapped before stays mapped.
 *
 * Errors: EINVAL for an unknown bit, or if @reserved is not 0.
 */
#define VFIO_DEVICE_FEATURE_RESTRICT	0xff00

/* ==== End of the extensions beyond Linux =================================== */

#endif /* _UAPI_LINUX_VFIO_H */
