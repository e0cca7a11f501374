/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio_tie_stress: memory comes and goes under mappings, from several threads
 * and processes that share a container, while a device does DMA.
 *
 *   main.c    processes, progress, verdict
 *   worker.c  the random loop that each thread runs, and child processes
 *   memory.c  memory to map, and all that can happen to it
 *   calls.c   calls to the container, and the errors that each may return
 *   device.c  the devices that do DMA, and what they must and must not reach
 *
 * Nothing is known about the outcome of a single call: another thread may have
 * been there first. What is checked holds whatever the order.
 */
#ifndef TIE_STRESS_H
#define TIE_STRESS_H

#include <stdatomic.h>

#include "../lib/vfio_random.h"
#include "../lib/vfio_stress.h"
#include "../lib/vfio_test.h"

/*
 * Where devices see what. The workers' part is cut into slots, and no mapping
 * crosses the end of one, so that whole slots can be unmapped without EINVAL.
 */
#define IOVA_CANARY	0x100000ULL	/* two pages, read-only for devices */
#define IOVA_KEEP	0x200000ULL
#define IOVA_SLOTS	0x1000000ULL
#define SLOT		0x200000ULL
#define SLOTS		32

#define KEEP_PAGES	8

#define PROCESSES	2
#define THREADS		3	/* workers in each process */

enum count {
	N_MAP,
	N_MAP_REFUSED,
	N_UNMAP,
	N_UNMAP_REFUSED,
	N_OTHER,	/* the other calls to the container */
	N_STALE,	/* ranges that MM_STALE told */
	N_MEMORY,	/* things done to memory */
	N_CHILD,
	N_DMA,
	N_ATTACH,	/* times that the second group came and went */
	N_COUNTS
};

/* Shared by all processes. */
struct shared {
	atomic_int ended;	/* processes whose workers have ended */
	atomic_bool unmapped;	/* all has been unmapped: time to look at VmLck */
	atomic_long count[N_COUNTS];
};

extern struct shared *shared;
extern int container;
extern bool has_tie;

static inline void counted(enum count what)
{
	atomic_fetch_add(&shared->count[what], 1);
}

/* ---- memory.c --------------------------------------------------------------- */

enum kind { PRIVATE, MEMFD, HUGE_ANON, HUGE_TLB, KINDS };

/* Memory at an address that nothing else is ever given. */
struct area {
	enum kind kind;
	char *base;
	size_t size;
	size_t grain;
	int memfd;	/* or -1 */
};

struct range {
	char *start;
	size_t size;
};

/* Makes the areas of a worker. Those that this machine lacks get size 0. */
void areas_make(struct area *areas, unsigned int worker);
struct range area_pick(const struct area *area, struct random *random);
/* One random thing that can happen to memory. */
void area_disturb(struct area *area, struct random *random);
/* What must leave pinned memory where it is. */
void area_move_about(struct range range, struct random *random);

/* Fresh pages, never mapped for DMA: no device may change them. */
struct fresh {
	unsigned char *mem;
	unsigned char value;
};
void fresh_make(struct fresh *fresh, struct random *random);
void fresh_check(struct fresh *fresh);

/* ---- calls.c ---------------------------------------------------------------- */

void random_map(const struct area *area, struct random *random);
void random_unmap(struct random *random);
/* GET_INFO, dirty bitmaps, MM_STALE. */
void random_other(struct random *random);
/* Finds out whether mappings are tied; with an eventfd to ring, if they are. */
void find_tie(int eventfd);

/* ---- worker.c --------------------------------------------------------------- */

struct worker {
	unsigned int number;
	struct random random;
	struct area areas[KINDS];
};

void *worker_run(void *worker);

/* ---- device.c --------------------------------------------------------------- */

/* Canaries, and memory that stays: mapped before the workers start. */
void stay_make(void);
void stay_check(void);
void *device_run(void *vfio);
/* A second group that joins the container and leaves it, if there is one. */
void *second_group_run(void *bdf);
/* Moves the memory that stays about, in all ways that must not matter. */
void *move_about_run(void *random);

#endif /* TIE_STRESS_H */
