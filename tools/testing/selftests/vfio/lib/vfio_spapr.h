/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls of a container of TCE tables (POWER), for the tests of it.
 *
 * After vfio_test.h; the fixture is there for whoever has included kselftest_harness.h.
 */
#ifndef VFIO_SPAPR_H
#define VFIO_SPAPR_H

#include <sys/mman.h>

#define SPAPR_IOVA	0x1000000ULL	/* in the window below 4 GiB */

static inline int __spapr_memory(int fd, unsigned long request, const void *mem, uint64_t size)
{
	struct vfio_iommu_spapr_register_memory memory = {
		.argsz = sizeof(memory),
		.vaddr = (uintptr_t)mem,
		.size = size,
	};

	return __call(fd, request, &memory);
}

static inline int __spapr_register(int fd, const void *mem, uint64_t size)
{
	return __spapr_memory(fd, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, mem, size);
}

static inline int __spapr_unregister(int fd, const void *mem, uint64_t size)
{
	return __spapr_memory(fd, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, mem, size);
}

/* Returns 0 and the address in *start, or a negative errno. */
static inline int __spapr_create(int fd, unsigned int shift, uint64_t size, unsigned int levels,
				 uint64_t *start)
{
	struct vfio_iommu_spapr_tce_create create = {
		.argsz = sizeof(create),
		.page_shift = shift,
		.window_size = size,
		.levels = levels,
	};
	int result = __call(fd, VFIO_IOMMU_SPAPR_TCE_CREATE, &create);

	*start = create.start_addr;
	return result;
}

static inline int __spapr_remove(int fd, uint64_t start)
{
	struct vfio_iommu_spapr_tce_remove remove = {
		.argsz = sizeof(remove),
		.start_addr = start,
	};

	return __call(fd, VFIO_IOMMU_SPAPR_TCE_REMOVE, &remove);
}

static inline int __spapr_info(int fd, struct vfio_iommu_spapr_tce_info *info)
{
	info->argsz = sizeof(*info);
	return __call(fd, VFIO_IOMMU_SPAPR_TCE_GET_INFO, info);
}

/* Returns whether there are TCE tables on this machine. */
static inline bool spapr_exists(void)
{
	int container = container_open();
	int has = __call(container, VFIO_CHECK_EXTENSION, (void *)VFIO_SPAPR_TCE_v2_IOMMU);

	close(container);
	return has == 1;
}

#ifdef FIXTURE
/*
 * The fixture "spapr": an edu alone in its group, in a container of the flavour of the variant, and
 * four pages of memory, of which nothing is mapped yet.
 */
#define SPAPR_PAGES	4

FIXTURE(spapr)
{
	struct vfio vfio;
	struct edu edu;
	int fd;
	char *mem;
	long locked;	/* VmLck before */
};

static inline bool spapr_fixture(struct vfio *vfio, unsigned long type)
{
	char bdf[BDF_LEN];

	if (!spapr_exists() || !pci_find_alone(ID_EDU, 0, bdf))
		return false;
	vfio_open(vfio, bdf, type);
	return true;
}

#define SPAPR_SETUP(type)						\
FIXTURE_SETUP(spapr)							\
{									\
	self->locked = my_locked();					\
	if (!spapr_fixture(&self->vfio, type))				\
		SKIP(return, "no TCE tables, or no edu alone in its group"); \
	edu_open(&self->edu, self->vfio.device);			\
	self->fd = self->vfio.container;				\
	self->mem = memory(SPAPR_PAGES * PAGE);				\
}									\
									\
FIXTURE_TEARDOWN(spapr)							\
{									\
	edu_close(&self->edu);						\
	munmap(self->mem, SPAPR_PAGES * PAGE);				\
	vfio_close(&self->vfio);					\
	EXPECT_EQ(self->locked, my_locked());				\
}

#endif /* FIXTURE */

#endif
