/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the VFIO tests share: find and bind devices, open container, group and
 * device, map memory, touch registers, make the edu device do DMA.
 *
 * Most functions come in pairs. __foo() returns -errno (or a result >= 0), for
 * tests of refusals. foo() is for steps that must work: if it does not, it says
 * where and ends the test process as failed.
 *
 * PCI devices are named by address, "0000:00:12.0". Tests run as root, leave
 * the devices without driver, and skip if a device is not there.
 */
#ifndef VFIO_TEST_H
#define VFIO_TEST_H

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

#define BDF_LEN		16
/* Pages, and the IOMMU type for tests that would take any. */
#ifdef __powerpc64__
#define PAGE		65536UL
#define HOST_IOMMU	VFIO_SPAPR_TCE_v2_IOMMU
#else
#define PAGE		4096UL
#define HOST_IOMMU	VFIO_TYPE1v2_IOMMU
#endif

/* Ends the test process as failed, with a message. */
#define fail(fmt, ...) \
	do { \
		printf("# %s:%d: " fmt "\n", __FILE__, __LINE__, ##__VA_ARGS__); \
		fflush(stdout); \
		_exit(1); \
	} while (0)

/* Evaluates to @call; ends the test process if that is negative. */
#define must(call) \
	({ \
		__typeof__(call) __ret = (call); \
		if (__ret < 0) \
			fail("%s: %s", #call, strerror((int)-__ret)); \
		__ret; \
	})

/* ---- lib/env.c: machine and process -------------------------------------- */

/*
 * True if our modules are loaded, false for the kernel's own. $VFIO_DRIVER
 * ("rust" or "c") decides; without it, a parameter that only ours have.
 */
bool driver_is_rust(void);

/* Reads a small file; text without its newline. Returns -errno. */
int __read_text(const char *path, char *text, size_t size);
/* Writes a string to a file in one write(). Returns -errno. */
int __write_text(const char *path, const char *text);
void write_text(const char *path, const char *text);

/* Locked memory of a process in KiB: VmLck of /proc/PID/status. */
long vm_locked_kb(pid_t pid);
long my_locked(void);
#define KB(pages)	((long)((pages) * PAGE / 1024))

/* Pages that anybody keeps from moving with FOLL_PIN, each time counted. */
long pinned_pages(void);
/* As above, after waiting up to 3 s for it to become @want. */
long pinned_until(long want);
/* Free pages of hugetlbfs of this size in bytes; 0 if there is no such size. */
long huge_pages_free(size_t page);
/* Time since some moment. */
double seconds(void);
/* 20 ms, between two looks at what takes a moment. */
void wait_a_moment(void);

/* Anonymous memory of whole pages, zeroed: shared, or private. */
void *memory(size_t size);
void *private_memory(size_t size);
/* The end of a page of memory, behind which nothing can be touched. */
char *memory_end(void);

/* ---- lib/child.c: a second process ---------------------------------------- */

/* A child, and a word in each direction to take turns with it. */
struct child {
	pid_t pid;
	int to, from;
};

/* Returns true in the child, whose ends are the other way round. */
bool start_child(struct child *child);
void tell(struct child *child);
void wait_for(struct child *child);
/* Waits for the end of the child; returns its status as waitpid() does. */
int end_of(struct child *child);
/* Gives a descriptor to the process at the other end of a socket, and takes one from there. */
void pass_fd(int socket, int fd);
int take_fd(int socket);

/* ---- lib/pci.c: devices as the host sees them ----------------------------- */

/* Ids of QEMU's test devices, as vendor, device. */
#define ID_EDU		0x1234, 0x11e8
#define ID_IGB		0x8086, 0x10c9
#define ID_E1000E	0x8086, 0x10d3
#define ID_NVME		0x1b36, 0x0010
#define ID_TESTDEV	0x1b36, 0x0005
#define ID_IVSHMEM	0x1af4, 0x1110
#define ID_XHCI		0x1b36, 0x000d

/* Finds the nth (from 0) device with this id. Returns false if there is none. */
bool pci_find(unsigned int vendor, unsigned int device, unsigned int nth, char *bdf);
/* As above, but counts only devices that are alone in their IOMMU group. */
bool pci_find_alone(unsigned int vendor, unsigned int device, unsigned int nth, char *bdf);
/* Finds two devices with this id in one IOMMU group. */
bool pci_find_pair(unsigned int vendor, unsigned int device, char *first, char *second);

/* The IOMMU group of a device. */
int pci_group(const char *bdf);
/* Name of the driver of a device, "" for none. */
void pci_driver(const char *bdf, char *name, size_t size);

/* Moves a device to a driver ("vfio-pci", "pci-stub", ...). */
int __pci_bind(const char *bdf, const char *driver);
void pci_bind(const char *bdf, const char *driver);
/* Takes the driver from a device, if it has one, and any override. */
void pci_unbind(const char *bdf);

/* ---- lib/fds.c: container, group, device ---------------------------------- */

/* ioctl(), with the error as a negative result. */
int __call(int fd, unsigned long request, void *arg);
#define call(fd, request, arg)	must(__call(fd, request, arg))

/* Opens /dev/iommu, after loading what it takes. Returns -errno. */
int __iommu_open(void);
int container_open(void);
/* Opens /dev/vfio/N. */
int __group_open(int group);
int group_open(int group);
/* Flags of VFIO_GROUP_GET_STATUS. */
uint32_t group_status(int group_fd);
int __group_set_container(int group_fd, int container_fd);
void group_set_container(int group_fd, int container_fd);
int __group_unset_container(int group_fd);
int __group_get_device(int group_fd, const char *name);
int group_get_device(int group_fd, const char *name);
int __set_iommu(int container_fd, unsigned long type);
void set_iommu(int container_fd, unsigned long type);

/* A device in use. */
struct vfio {
	char bdf[BDF_LEN];
	int group_id;
	int container;
	int group;
	int device;	/* -1 until vfio_open_device() */
};

/* Binds a device, opens its group and a container and joins them. */
void vfio_open_group(struct vfio *vfio, const char *bdf);
/* The same, chooses an IOMMU type and opens the device. */
void vfio_open(struct vfio *vfio, const char *bdf, unsigned long type);
/* Closes a descriptor, if it is one, and makes it -1. */
void close_fd(int *fd);
/* Closes what is open, device first, and takes the driver away. */
void vfio_close(struct vfio *vfio);

/* ---- lib/dma.c: mappings of a type 1 container ---------------------------- */

#define DMA_RW	(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

int __dma_map(int container, const void *vaddr, uint64_t iova, uint64_t size, uint32_t flags);
void dma_map(int container, const void *vaddr, uint64_t iova, uint64_t size, uint32_t flags);
/* Registers memory, where that must be done before it is mapped. */
void dma_register(int container, const void *vaddr, uint64_t size);
/* Returns the number of bytes unmapped, or -errno. */
int64_t __dma_unmap(int container, uint64_t iova, uint64_t size);
int64_t dma_unmap(int container, uint64_t iova, uint64_t size);
int64_t __dma_unmap_flags(int container, uint64_t iova, uint64_t size, uint32_t flags);
int64_t __dma_unmap_bitmap(int container, uint64_t iova, uint64_t size, struct vfio_bitmap bitmap);

/* DIRTY_PAGES to start or stop tracking, and to get the bitmap of a range. */
int __dirty_pages(int container, uint32_t flags);
int __dirty_bitmap(int container, uint64_t iova, uint64_t size, struct vfio_bitmap bitmap);

/* Whether each of @size bytes is @value. */
bool is_all(const void *mem, size_t size, uint8_t value);

/*
 * The answer of VFIO_IOMMU_GET_INFO with its whole chain, to be freed; and one
 * capability of it, NULL if it is not there.
 */
struct vfio_iommu_type1_info *iommu_info(int container);
const void *iommu_cap(const struct vfio_iommu_type1_info *info, uint16_t id);
/* How many more mappings can be made. */
uint32_t dma_avail(int container);

/* ---- lib/device.c: regions, config space, interrupts ---------------------- */

/* Fixed part only. */
int __region_info(int device, uint32_t index, struct vfio_region_info *info);
struct vfio_region_info region_info(int device, uint32_t index);
/* Maps a whole region shared, readable and writable. */
void *region_map(int device, uint32_t index);

/* pread()/pwrite() at an offset of a region; return bytes or -errno. */
ssize_t __region_read(int device, uint32_t index, uint64_t at, void *data, size_t size);
ssize_t __region_write(int device, uint32_t index, uint64_t at, const void *data, size_t size);

/* Config space, little-endian registers of 1, 2 or 4 bytes. */
uint32_t config_read(int device, uint32_t at, unsigned int width);
void config_write(int device, uint32_t at, unsigned int width, uint32_t value);
/* Sets and clears bits of the COMMAND register: 1 port, 2 memory, 4 DMA. */
void pci_command(int device, uint16_t set, uint16_t clear);
/* Offset of a capability in the first 256 bytes, 0 if it is not there. */
uint32_t pci_capability(int device, uint8_t id);

/* SET_IRQS with any flags; @data holds @size bytes. Returns as the ioctl does. */
int __irq_set(int device, uint32_t flags, uint32_t index, uint32_t start, uint32_t count,
	      const void *data, size_t size);
/* Binds eventfds to interrupts start.. of an index; -1 takes one away. */
int __irq_eventfds(int device, uint32_t index, uint32_t start, uint32_t count, const int *fds);
/* Switches an index off. */
int __irq_disable(int device, uint32_t index);

/*
 * Has a value of 1, 2, 4 or 8 bytes written to a region whenever an eventfd is
 * rung; -1 takes that back.
 */
int __ioeventfd(int device, uint32_t width, uint32_t index, uint64_t at, uint64_t value, int fd);

/* Waits for an eventfd; returns its count, 0 if it was not rung in time. */
uint64_t eventfd_wait(int fd, int milliseconds);

/* ---- lib/edu.c: DMA with QEMU's edu device -------------------------------- */

/* The device reaches 28 bits of address and moves at most one page at a time. */
#define EDU_IOVA_MAX	((1ULL << 28) - 1)
#define EDU_BUFFER	4096

/*
 * QEMU gives the registers the byte order of the machine: on POWER the big-endian one. Accesses that the
 * device does not take, of fewer than four bytes or unaligned, read as zero; on POWER they are machine checks.
 */
#ifdef __powerpc64__
#define from_edu	be32toh
#define to_edu		htobe32
#define ON_POWER	true
#else
#define from_edu	le32toh
#define to_edu		htole32
#define ON_POWER	false
#endif

/* Registers: an identity, one that shows the inverse of what is written, interrupts. */
#define EDU_ID		0x010000ed
#define EDU_LIVE	0x04
#define EDU_IRQ_STATUS	0x24
#define EDU_IRQ_RAISE	0x60
#define EDU_IRQ_ACK	0x64

struct edu {
	volatile uint8_t *regs;	/* BAR 0 */
};

/* Enables memory and DMA of an open edu and maps its registers. */
void edu_open(struct edu *edu, int device);
void edu_close(struct edu *edu);
uint32_t edu_read(struct edu *edu, uint32_t at);
void edu_write(struct edu *edu, uint32_t at, uint32_t value);
/* Memory to the device's buffer, and back; wait for the end (100 ms). */
void edu_dma_from(struct edu *edu, uint64_t iova, size_t size);
void edu_dma_to(struct edu *edu, uint64_t iova, size_t size);
/* Moves a page through the device, from one address to the other. */
void edu_copy(struct edu *edu, uint64_t from, uint64_t to, size_t size);
/*
 * Whether a page goes through the device from @page to @mem, and back: the first is
 * mapped at @iova, the other one at @at.
 */
bool edu_shares(struct edu *edu, char *mem, uint64_t at, char *page, uint64_t iova, uint8_t value);
/*
 * Whether an open edu copies a page of @value, @mem, which is mapped at @iova, to the
 * page behind it: as much of it as the device moves at a time.
 */
bool edu_copies(int device, char *mem, uint64_t iova, uint8_t value);

#endif /* VFIO_TEST_H */
