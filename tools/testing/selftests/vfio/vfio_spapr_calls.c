// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_spapr_calls ROUNDS: map and unmap 1 GiB ROUNDS times, in a window with
 * pages of 64 KiB, and say how long each takes. For tools/testing/bench/hypercalls,
 * which counts what the kernel asks of the hypervisor meanwhile.
 *
 * Uses an edu device alone in its group, and a page of 1 GiB if there is one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "vfio_test.h"
#include "vfio_spapr.h"

#define GB	(1ULL << 30)

static char *give_memory(const char **kind)
{
	char *mem = mmap(NULL, GB, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 30 << MAP_HUGE_SHIFT, -1, 0);

	*kind = "one page of 1 GiB";
	if (mem == MAP_FAILED) {
		*kind = "small pages";
		mem = private_memory(GB);
	}
	memset(mem, 1, GB);
	return mem;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1, i;
	double map = 0, unmap = 0, start;
	struct vfio vfio;
	const char *kind;
	char bdf[BDF_LEN], *mem;
	uint64_t iova;

	if (!spapr_exists() || !pci_find_alone(ID_EDU, 0, bdf))
		fail("no TCE tables, or no edu alone in its group");
	vfio_open(&vfio, bdf, VFIO_SPAPR_TCE_v2_IOMMU);
	mem = give_memory(&kind);
	must(__spapr_register(vfio.container, mem, GB));
	must(__spapr_create(vfio.container, 16, 2 * GB, 1, &iova));
	for (i = 0; i < rounds; i++) {
		start = seconds();
		dma_map(vfio.container, mem, iova, GB, DMA_RW);
		map += seconds() - start;
		start = seconds();
		dma_unmap(vfio.container, iova, GB);
		unmap += seconds() - start;
	}
	must(__spapr_unregister(vfio.container, mem, GB));
	must(__spapr_remove(vfio.container, iova));
	vfio_close(&vfio);
	printf("%s: map %.0f us, unmap %.0f us\n", kind, map / rounds * 1e6, unmap / rounds * 1e6);
	return 0;
}
