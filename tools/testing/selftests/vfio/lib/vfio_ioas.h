/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address spaces of IOMMUFD: the few calls of /dev/iommu that the tests make, see
 * the kernel's <linux/iommufd.h>, which not every system has.
 *
 * Included once by each test program.
 */
#ifndef VFIO_IOAS_H
#define VFIO_IOAS_H

#include "vfio_test.h"

/* Not every program uses every one of these. */
#pragma GCC diagnostic ignored "-Wunused-function"

/* Where the tests map. */
#define IOVA	0x100000UL

struct ioas_alloc {
	uint32_t size, flags, id;
};
#define IOAS_ALLOC	_IO(';', 0x81)

struct ioas_map {
	uint32_t size, flags, id, reserved;
	uint64_t vaddr, length, iova;
};
#define IOAS_MAP	_IO(';', 0x85)
#define MAP_RW		7	/* at this address, to be read and written */

static uint32_t ioas_alloc(int iommu)
{
	struct ioas_alloc alloc = { .size = sizeof(alloc) };

	call(iommu, IOAS_ALLOC, &alloc);
	return alloc.id;
}

static void ioas_map(int iommu, uint32_t ioas, void *mem, size_t size)
{
	struct ioas_map map = {
		.size = sizeof(map), .flags = MAP_RW, .id = ioas,
		.vaddr = (uintptr_t)mem, .length = size, .iova = IOVA,
	};

	call(iommu, IOAS_MAP, &map);
}

struct ioas_map_file {
	uint32_t size, flags, id;
	int32_t fd;
	uint64_t start, length, iova;
};
#define IOAS_MAP_FILE	_IO(';', 0x8f)

/* The first bytes of a file. */
static int __ioas_map_file(int iommu, uint32_t ioas, int fd, size_t size)
{
	struct ioas_map_file map = {
		.size = sizeof(map), .flags = MAP_RW, .id = ioas,
		.fd = fd, .length = size, .iova = IOVA,
	};

	return __call(iommu, IOAS_MAP_FILE, &map);
}

struct ioas_unmap {
	uint32_t size, id;
	uint64_t iova, length;
};
#define IOAS_UNMAP	_IO(';', 0x86)

static int __ioas_unmap(int iommu, uint32_t ioas, size_t size)
{
	struct ioas_unmap unmap = {
		.size = sizeof(unmap), .id = ioas, .iova = IOVA, .length = size,
	};

	return __call(iommu, IOAS_UNMAP, &unmap);
}

#endif /* VFIO_IOAS_H */
