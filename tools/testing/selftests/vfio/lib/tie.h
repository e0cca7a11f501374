/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lib/tie.c: mappings that follow the process that made them, and an edu device
 * to see what is still reachable.
 */
#ifndef TIE_H
#define TIE_H

#include "vfio_test.h"

/* VFIO_IOMMU_FEATURE; @data goes in and out, after the two words of the header. */
int __iommu_feature(int container, uint32_t flags, void *data, size_t size);
/* Sets, and gets, how mappings are tied. */
int __mm_bind(int container, uint32_t mode, int eventfd);
void mm_bind(int container, uint32_t mode, int eventfd);
struct vfio_iommu_feature_mm_bind mm_bound(int container);
/* What was taken from the devices since the last call; returns how many ranges. */
int __mm_stale(int container, struct vfio_iommu_mm_stale *ranges, unsigned int max);
int mm_stale(int container, struct vfio_iommu_mm_stale *ranges, unsigned int max);
/* The module parameter: whether it is there, and what holds for containers to come. */
#define MM_TIE	"/sys/module/vfio_iommu_type1/parameters/mm_tie"
bool mm_tie_exists(void);
void mm_tie_set(bool on);

#define IOVA		0x1000000ULL
/* A page of the program through which bytes go in and out of the device. */
#define WINDOW		0xf000000ULL

#define HUGE		(2UL << 20)

#define SECRET		0x5e	/* what was in memory when it was given up */
#define CANARY		0xc1	/* what is in memory that no device may reach */
#define CANARIES	64
#define TOKEN		64	/* bytes that are enough to tell */

/* An edu whose container has a window, and memory that it must never write. */
struct tie {
	struct vfio vfio;
	struct edu edu;
	int fd;			/* the container */
	int event;		/* rung when memory is taken */
	bool on;		/* whether the mappings follow the process */
	uint8_t *window;
	long base, locked;	/* VmLck before the first give(), after the last */
	struct {
		void *mem;
		size_t size;
	} canary[4];
	unsigned int nr_canaries;
};

/* Opens a device, with the tie on or, by the module parameter, off. */
void tie_open(struct tie *tie, const char *bdf, bool on);
void tie_close(struct tie *tie);

/* Watches memory that is there; or new memory at an address that is free. */
void canary(struct tie *tie, void *mem, size_t size);
void canary_at(struct tie *tie, void *addr, size_t size);
bool canaries_live(struct tie *tie);

/*
 * Maps fresh memory, lets the device reach the part of it that is going to be
 * given up, and then fills all of it with SECRET.
 */
void give(struct tie *tie, void *mem, uint64_t iova, size_t size, uint64_t at, size_t part);
/* Whether the device reads @value (twice 100 ms). */
bool reads(struct tie *tie, uint64_t iova, uint8_t value);
/* Whether the device reads and writes what the program has there (300 ms). */
bool works(struct tie *tie, void *mem, uint64_t iova);

/* Private memory, touched, that can be of transparent huge pages; and if it is. */
void *huge_memory(size_t size);
bool is_huge(const void *mem);
/* A memfd, and a mapping of it. */
int memory_file(size_t size, unsigned int flags);
void *file_memory(int fd, size_t size, int flags);

#endif /* TIE_H */
