// SPDX-License-Identifier: GPL-2.0-only
/*
 * POWER: which error comes of which mistake, and which comes first, in a
 * container of type sPAPR TCE v2.
 */
#include "kselftest_harness.h"
#include "vfio_test.h"
#include "vfio_spapr.h"

#define IOVA	SPAPR_IOVA

SPAPR_SETUP(VFIO_SPAPR_TCE_v2_IOMMU)

/* C takes a misaligned address, or one behind the window, for success: it answers 1. */
static int refused(void)
{
	return driver_is_rust() ? -EINVAL : 1;
}

TEST_F(spapr, extensions)
{
	EXPECT_EQ(1, __call(self->fd, VFIO_CHECK_EXTENSION, (void *)VFIO_SPAPR_TCE_IOMMU));
	EXPECT_EQ(1, __call(self->fd, VFIO_CHECK_EXTENSION, (void *)VFIO_SPAPR_TCE_v2_IOMMU));
	EXPECT_EQ(0, __call(self->fd, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, __call(self->fd, VFIO_CHECK_EXTENSION, (void *)VFIO_UNMAP_ALL));
	EXPECT_EQ(0, __call(self->fd, VFIO_CHECK_EXTENSION, (void *)(1UL << 32)));
	EXPECT_EQ(-EINVAL, __set_iommu(self->fd, VFIO_SPAPR_TCE_IOMMU));
}

TEST_F(spapr, calls_of_others)
{
	EXPECT_EQ(-ENOTTY, __call(self->fd, VFIO_IOMMU_ENABLE, NULL));
	EXPECT_EQ(-ENOTTY, __call(self->fd, VFIO_IOMMU_DISABLE, NULL));
	EXPECT_EQ(-ENOTTY, __call(self->fd, VFIO_IOMMU_FEATURE + 100, NULL));
}

TEST_F(spapr, info)
{
	struct vfio_iommu_spapr_tce_info info = { .argsz = 15 };

	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_SPAPR_TCE_GET_INFO, NULL));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info));
	info = (struct vfio_iommu_spapr_tce_info){ .argsz = 31, .ddw.levels = 77 };
	EXPECT_EQ(0, __call(self->fd, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info));
	EXPECT_NE(0, info.dma32_window_size);
	EXPECT_EQ(77, info.ddw.levels);
}

TEST_F(spapr, registering)
{
	struct vfio_iommu_spapr_register_memory memory = {
		.argsz = sizeof(memory) - 1,
		.vaddr = (uintptr_t)self->mem,
		.size = PAGE,
	};
	unsigned long calls[] = {
		VFIO_IOMMU_SPAPR_REGISTER_MEMORY, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY,
	};
	int i;

	/* Before anything was registered the container is nobody's. */
	EXPECT_EQ(-EPERM, __call(self->fd, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, NULL));
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, NULL));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EFAULT, __call(self->fd, calls[i], NULL));
		memory.argsz = sizeof(memory) - 1;
		EXPECT_EQ(-EINVAL, __call(self->fd, calls[i], &memory));
		memory.argsz = sizeof(memory);
		memory.flags = 1;
		EXPECT_EQ(-EINVAL, __call(self->fd, calls[i], &memory));
		memory.flags = 0;
		EXPECT_EQ(-EINVAL, __spapr_memory(self->fd, calls[i], self->mem + 4096, PAGE));
		EXPECT_EQ(-EINVAL, __spapr_memory(self->fd, calls[i], self->mem, 4096));
	}
	EXPECT_EQ(-EINVAL, __spapr_register(self->fd, (void *)-PAGE, 2 * PAGE));
	EXPECT_EQ(-ENOENT, __spapr_unregister(self->fd, self->mem, PAGE));
}

TEST_F(spapr, registering_twice)
{
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, 2 * PAGE));
	EXPECT_EQ(self->locked + KB(2), my_locked());
	EXPECT_EQ(-EBUSY, __spapr_register(self->fd, self->mem, 2 * PAGE));
	EXPECT_EQ(-EINVAL, __spapr_register(self->fd, self->mem, PAGE));
	EXPECT_EQ(-EINVAL, __spapr_register(self->fd, self->mem + PAGE, 2 * PAGE));
	EXPECT_EQ(self->locked + KB(2), my_locked());
	EXPECT_EQ(-ENOENT, __spapr_unregister(self->fd, self->mem, PAGE));
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, 2 * PAGE));
	EXPECT_EQ(self->locked, my_locked());
	EXPECT_EQ(-ENOENT, __spapr_unregister(self->fd, self->mem, 2 * PAGE));
}

TEST_F(spapr, registering_what_is_not_there)
{
	ASSERT_EQ(0, munmap(self->mem + PAGE, PAGE));
	/* C answers with the number of pages that there are, and has registered none. */
	EXPECT_EQ(driver_is_rust() ? -EFAULT : 1,
		  __spapr_register(self->fd, self->mem, 3 * PAGE));
	EXPECT_EQ(-ENOENT, __spapr_unregister(self->fd, self->mem, 3 * PAGE));
	ASSERT_EQ(0, mprotect(self->mem, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, __spapr_register(self->fd, self->mem, PAGE));
	EXPECT_EQ(self->locked, my_locked());
}

TEST_F(spapr, mapping)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map) - 1 };
	struct vfio_iommu_spapr_tce_info info;

	EXPECT_EQ(-EPERM, __call(self->fd, VFIO_IOMMU_MAP_DMA, NULL));
	ASSERT_EQ(0, __spapr_info(self->fd, &info));
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, 2 * PAGE));
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_MAP_DMA, NULL));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_IOMMU_MAP_DMA, &map));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW | 1 << 3));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA, PAGE, VFIO_DMA_MAP_FLAG_VADDR));
	EXPECT_EQ(-ENXIO, __dma_map(self->fd, self->mem, 1ULL << 40, PAGE, DMA_RW));
	EXPECT_EQ(-ENXIO, __dma_map(self->fd, self->mem, info.dma32_window_size, PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA, PAGE + 1, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem + 1, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem, IOVA, PAGE, 0));
	EXPECT_EQ(refused(), __dma_map(self->fd, self->mem, IOVA + 1, PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem + 2 * PAGE, IOVA, PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_map(self->fd, self->mem + PAGE, IOVA, 2 * PAGE, DMA_RW));
	EXPECT_EQ(0, __dma_map(self->fd, self->mem, IOVA, 0, DMA_RW));
	/* What was mapped before the mistake was found is not mapped any more. */
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, 2 * PAGE));
}

TEST_F(spapr, unmapping)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap) - 1 };
	struct vfio_iommu_spapr_tce_info info;
	uint64_t end;

	EXPECT_EQ(-EPERM, __call(self->fd, VFIO_IOMMU_UNMAP_DMA, NULL));
	ASSERT_EQ(0, __spapr_info(self->fd, &info));
	end = info.dma32_window_size;
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, PAGE));
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_UNMAP_DMA, NULL));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(-EINVAL, __dma_unmap_flags(self->fd, IOVA, PAGE, VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_EQ(-ENXIO, __dma_unmap(self->fd, 1ULL << 40, PAGE));
	EXPECT_EQ(-EINVAL, __dma_unmap(self->fd, IOVA, PAGE + 1));
	unmap = (struct vfio_iommu_type1_dma_unmap){
		.argsz = sizeof(unmap),
		.iova = IOVA + 1,
		.size = PAGE,
	};
	EXPECT_EQ(refused(), __call(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	unmap.iova = end - PAGE;
	unmap.size = 2 * PAGE;
	EXPECT_EQ(refused(), __call(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(PAGE, __dma_unmap(self->fd, end - PAGE, PAGE));
}

TEST_F(spapr, creating)
{
	struct vfio_iommu_spapr_tce_create create = { .argsz = sizeof(create) - 1 };
	struct vfio_iommu_spapr_tce_info info;
	uint64_t start;

	ASSERT_EQ(0, __spapr_info(self->fd, &info));
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_SPAPR_TCE_CREATE, NULL));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_IOMMU_SPAPR_TCE_CREATE, &create));
	create.argsz = sizeof(create);
	create.flags = 1;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_IOMMU_SPAPR_TCE_CREATE, &create));
	/* No such pages. */
	EXPECT_EQ(-EINVAL, __spapr_create(self->fd, 13, 1 << 30, 1, &start));
	EXPECT_EQ(-EINVAL, __spapr_create(self->fd, 16, 0, 1, &start));
	/* The 32-bit window was made by the first of these calls; there is room for one more. */
	ASSERT_EQ(0, __spapr_create(self->fd, 16, 1 << 30, 1, &start));
	EXPECT_EQ(-ENOSPC, __spapr_create(self->fd, 16, 1 << 30, 1, &start));
}

TEST_F(spapr, removing)
{
	struct vfio_iommu_spapr_tce_remove remove = { .argsz = sizeof(remove) - 1 };

	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_IOMMU_SPAPR_TCE_REMOVE, NULL));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_IOMMU_SPAPR_TCE_REMOVE, &remove));
	remove.argsz = sizeof(remove);
	remove.flags = 1;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_IOMMU_SPAPR_TCE_REMOVE, &remove));
	EXPECT_EQ(-EINVAL, __spapr_remove(self->fd, 1ULL << 40));
	/* The window that was not made yet is not made any more; there is no other. */
	EXPECT_EQ(0, __spapr_remove(self->fd, 0));
	EXPECT_EQ(-EINVAL, __spapr_remove(self->fd, 0));
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, PAGE));
	EXPECT_EQ(-ENXIO, __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW));
}

TEST_F(spapr, another_process)
{
	struct vfio_iommu_spapr_tce_info info;
	struct child child;
	uint64_t start;

	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, PAGE));
	if (start_child(&child)) {
		if (__spapr_info(self->fd, &info) != -EPERM ||
		    __spapr_register(self->fd, self->mem, PAGE) != -EPERM ||
		    __spapr_unregister(self->fd, self->mem, PAGE) != -EPERM ||
		    __dma_map(self->fd, self->mem, IOVA, PAGE, DMA_RW) != -EPERM ||
		    __dma_unmap(self->fd, IOVA, PAGE) != -EPERM ||
		    __spapr_create(self->fd, 16, 1 << 30, 1, &start) != -EPERM ||
		    __spapr_remove(self->fd, 0) != -EPERM ||
		    __call(self->fd, VFIO_EEH_PE_OP, NULL) != -EPERM)
			_exit(1);
		_exit(0);
	}
	EXPECT_EQ(0, end_of(&child));
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, PAGE));
}

TEST_HARNESS_MAIN
