// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_spapr_stress SECONDS SEED: random calls on one container of TCE tables, from
 * several threads: memory is registered, given up, mapped, unmapped and unregistered,
 * windows are made and removed, while an edu does DMA. Nothing may be locked or
 * pinned afterwards. For tools/testing/stress.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "vfio_test.h"
#include "vfio_random.h"
#include "vfio_spapr.h"

#define THREADS		4
#define REGIONS		8
#define PAGES		16		/* of a region */
#define GB		(1ULL << 30)

static struct vfio vfio;
static struct edu edu;
static char *memory_at;
static volatile uint64_t window;	/* where the second one is, or was */
static double end;

static unsigned long done[8], refused[8];

static void note(unsigned int what, int64_t result)
{
	switch (result < 0 ? -result : 0) {
	case 0:
		__atomic_add_fetch(&done[what], 1, __ATOMIC_RELAXED);
		break;
	case EPERM: case EBUSY: case EINVAL: case ENOENT: case ENXIO: case EFAULT: case ENOSPC: case ENODEV:
		__atomic_add_fetch(&refused[what], 1, __ATOMIC_RELAXED);
		break;
	default:
		fail("call %u answers %lld", what, (long long)result);
	}
}

static char *region(struct random *random)
{
	return memory_at + below(random, REGIONS) * PAGES * PAGE;
}

static void one(struct random *random)
{
	struct vfio_iommu_spapr_tce_info info;
	uint64_t base = below(random, 2) ? window : 0;
	uint64_t iova = base + below(random, 64) * PAGE, size = (1 + below(random, PAGES)) * PAGE;
	unsigned int what = below(random, 100);
	uint64_t start;
	char *mem;
	int result;

	if (what < 12) {
		note(0, __spapr_register(vfio.container, region(random), PAGES * PAGE));
	} else if (what < 20) {
		note(1, __spapr_unregister(vfio.container, region(random), PAGES * PAGE));
	} else if (what < 60) {
		note(2, __dma_map(vfio.container, region(random), iova, size, DMA_RW));
	} else if (what < 88) {
		note(3, __dma_unmap(vfio.container, iova, size));
	} else if (what < 90) {
		result = __spapr_create(vfio.container, 16, GB, 1, &start);
		if (!result)
			window = start;
		note(4, result);
	} else if (what < 92) {
		note(5, __spapr_remove(vfio.container, window));
	} else if (what < 96) {
		/* Other memory at the same address: what was registered is gone. */
		mem = region(random) + below(random, PAGES) * PAGE;
		if (mmap(mem, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != mem)
			fail("mmap: %s", strerror(errno));
		note(6, 0);
	} else {
		note(7, __spapr_info(vfio.container, &info));
	}
}

static void *calls(void *arg)
{
	struct random random = { .state = (uintptr_t)arg };

	while (seconds() < end)
		one(&random);
	return NULL;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {
		"register", "unregister", "map", "unmap", "create", "remove", "give up", "info",
	};
	unsigned int seed = argc > 2 ? atoi(argv[2]) : 1, i;
	pthread_t threads[THREADS];
	long locked = my_locked();
	char bdf[BDF_LEN];
	uint64_t first;

	if (!spapr_exists() || !pci_find_alone(ID_EDU, 0, bdf))
		fail("no TCE tables, or no edu alone in its group");
	vfio_open(&vfio, bdf, VFIO_SPAPR_TCE_v2_IOMMU);
	edu_open(&edu, vfio.device);
	must(__spapr_create(vfio.container, 16, GB, 1, &first));
	window = first;
	memory_at = private_memory(REGIONS * PAGES * PAGE);
	end = seconds() + (argc > 1 ? atoi(argv[1]) : 60);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, calls, (void *)(uintptr_t)(seed * THREADS + i)))
			fail("no thread");
	/* Wherever that is, and whether anything is there. */
	for (i = 0; seconds() < end; i++)
		edu_dma_to(&edu, i % 64 * PAGE, EDU_BUFFER);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	edu_close(&edu);
	vfio_close(&vfio);
	for (i = 0; i < 8; i++)
		printf("%-10s %8lu times, refused %8lu times\n", names[i], done[i], refused[i]);
	if (my_locked() != locked)
		fail("%ld KiB stay locked", my_locked() - locked);
	return 0;
}
