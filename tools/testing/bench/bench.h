/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio_bench: what its parts share.
 *
 * A *column* is one implementation under test: a set of modules and the interface
 * through which it is driven (a backend). A *group* of measures prepares memory
 * once and then takes samples of every column in turn, so that all columns see the
 * very same pages. A sample is printed as one line,
 *
 *	COLUMN NAME VALUE
 *
 * and lines that begin with '#' are for people. What follows from the samples
 * (medians, ratios, goals) is computed elsewhere.
 */
#ifndef BENCH_H
#define BENCH_H

#include <time.h>

#include "vfio_test.h"

#define KIB		(1ULL << 10)
#define MIB		(1ULL << 20)
#define GIB		(1ULL << 30)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/*
 * Far above the addresses that PCs reserve, and a multiple of every page size; on POWER
 * the start of the second window, where the platform makes it.
 */
#ifdef __powerpc64__
#define IOVA_BASE	(1ULL << 59)
#else
#define IOVA_BASE	(1ULL << 36)
#endif

/* ---- memory.c ------------------------------------------------------------- */

/* Memory to map; all of it is present before it is measured. */
struct memory {
	const char *kind;
	char *addr;
	size_t size;
	int fd;			/* of the memfd that it comes from, or -1 */
};

/*
 * Makes memory of a kind, or returns false and says why it cannot:
 *	1g, 2m	hugetlb pages of that size
 *	thp	anonymous, 2 MiB pages where the kernel had them
 *	4k	anonymous, pages of 4 KiB as they came
 *	frag	anonymous, pages of 4 KiB, neighbours nowhere adjacent in RAM
 *	shm	shared, pages of 4 KiB as they came
 */
bool memory_make(struct memory *mem, const char *kind, size_t size);
void memory_free(struct memory *mem);
/* The same shared memory again and again, up to @size bytes of addresses. */
void memory_repeat(struct memory *mem, const struct memory *once, size_t size);

/* ---- type1.c, spapr.c, iommufd.c ---------------------------------------- */

/* A device with an address space of its own. */
struct target {
	const struct column *column;
	struct vfio vfio;	/* type 1 */
	int iommufd, device;	/* IOMMUFD */
	uint32_t ioas;
};

struct backend {
	const char *name;
	bool needs_file;	/* maps files, not addresses */
	unsigned long iommu;	/* type of a container; 0 for IOMMUFD */
	void (*open)(struct target *target, const char *bdf);
	void (*close)(struct target *target);
	void (*map)(struct target *target, const struct memory *mem, size_t at,
		    uint64_t iova, size_t size);
	void (*unmap)(struct target *target, uint64_t iova, size_t size);
	/* A question that waits for the address space's lock. */
	void (*info)(struct target *target);
	/* Bitmaps of what was written; NULL if the interface has none. */
	void (*dirty_start)(struct target *target);
	void (*dirty_stop)(struct target *target);
	void (*dirty_get)(struct target *target, uint64_t iova, size_t size, void *bits);
};

extern const struct backend type1_backend, spapr_backend, iommufd_backend, iommufd_file_backend;

/* What containers of all kinds have in common. */
void container_close(struct target *target);
void container_unmap(struct target *target, uint64_t iova, size_t size);

struct column {
	const char *name;
	const struct backend *backend;
};

/* ---- counters.c ----------------------------------------------------------- */

/* Looks what this kernel has of them. */
void counters_find(void);
void counters_start(void);
/* Ends counting and prints a sample "PREFIX.COUNTER" of each. */
void counters_stop(const struct column *column, const char *prefix);

/* ---- vfio_bench.c --------------------------------------------------------- */

/* The size of what is mapped at once (1 GiB). */
extern size_t bulk_size;

/* A cgroup of our own, so that what is ours can be told from the rest; 0 if there is none. */
#define CGROUP	"/sys/fs/cgroup/vfio_bench"
extern unsigned long long cgroup_id;

void report(const struct column *column, double value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sorts them, too. */
uint64_t median(uint64_t *values, size_t count);

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* ---- footprint.c ---------------------------------------------------------- */

/* Slab and vmalloc memory of the machine. */
long long kernel_bytes(void);

/* ---- device.c ------------------------------------------------------------- */

/* The BAR of an ivshmem that is memory. */
#define IVSHMEM_BAR	2

/*
 * Opens the first device of this kind, to be closed with vfio_close(), beside the target's
 * own. Returns false if there is none, or the column is one of another interface.
 */
bool open_other(struct target *target, struct vfio *vfio, unsigned int vendor, unsigned int device);

/* ---- groups --------------------------------------------------------------- */

struct group {
	const char *name;
	const char *about;
	const char *kind;	/* of its memory; NULL for none */
	bool parallel;		/* meaningful with two processors only */
	size_t memory;		/* bytes of memory; 0 for bulk_size */
	unsigned int most;	/* samples of a column at most; 0 for any number */
	unsigned int turns;	/* of each column; 0 for as many as was asked for */
	/* Before the first sample of a turn: what it needs; counts, which take time of their own. */
	void (*begin)(struct target *target, const struct memory *mem);
	void (*sample)(struct target *target, const struct memory *mem);
	void (*end)(struct target *target, const struct memory *mem);
};

extern const struct group bulk_groups[], latency_groups[], footprint_groups[],
			  dirty_groups[], device_groups[], register_groups[], call_groups[],
			  spapr_groups[], parallel_groups[];

#endif /* BENCH_H */
