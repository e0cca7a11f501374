// SPDX-License-Identifier: GPL-2.0-only
/* Memory to map, and all that can happen to it. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "stress.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define HUGE		(2UL << 20)
#define AREA		(4UL << 20)

/*
 * A part of the address space that mmap() without a wish never hands out, so
 * that a hole made in an area stays a hole until its owner fills it.
 */
#define AREAS_AT	0x100000000000UL
#define AWAY		(512UL << 20)	/* from an area to where mremap() takes its pages */

static char *area_at(unsigned int worker, enum kind kind)
{
	return (char *)AREAS_AT + ((unsigned long)worker * KINDS + kind) * (1UL << 30);
}

static void area_fill(const struct area *area, char *start, size_t size)
{
	int flags = MAP_FIXED | MAP_NORESERVE;
	off_t at = 0;

	if (area->kind == MEMFD) {
		flags |= MAP_SHARED;
		at = start - area->base;
	} else {
		flags |= MAP_PRIVATE | MAP_ANONYMOUS;
	}
	if (area->kind == HUGE_TLB)
		flags = (flags & ~MAP_NORESERVE) | MAP_HUGETLB;
	mmap(start, size, PROT_READ | PROT_WRITE, flags, area->memfd, at);
	if (area->kind == HUGE_ANON)
		madvise(start, size, MADV_HUGEPAGE);
}

void areas_make(struct area *areas, unsigned int worker)
{
	enum kind kind;

	for (kind = 0; kind < KINDS; kind++) {
		struct area *area = &areas[kind];

		*area = (struct area){
			.kind = kind,
			.base = area_at(worker, kind),
			.size = AREA,
			.grain = kind == HUGE_TLB ? HUGE : PAGE,
			.memfd = -1,
		};
		if (kind == MEMFD) {
			area->memfd = memfd_create("tie", MFD_CLOEXEC);
			if (area->memfd < 0 || ftruncate(area->memfd, AREA))
				fail("memfd: %s", strerror(errno));
		}
		area_fill(area, area->base, AREA);
		/* Huge pages may have to be shared, or not be there: then do without. */
		if (kind == HUGE_TLB && madvise(area->base, AREA, MADV_POPULATE_WRITE))
			area->size = 0;
	}
}

struct range area_pick(const struct area *area, struct random *random)
{
	size_t grains = area->size / area->grain;
	size_t first = below(random, grains);
	size_t count = 1 + below(random, grains - first);

	/* Mostly small: much fits at once, and many are split. */
	if (area->kind != HUGE_TLB && below(random, 4) && count > 16)
		count = 1 + below(random, 16);
	return (struct range){ area->base + first * area->grain, count * area->grain };
}

static void touch(struct range range)
{
	/* No store of ours may fault: another thread may just have made a hole. */
	madvise(range.start, range.size, MADV_POPULATE_WRITE);
}

static void move_away(struct range range, struct random *random)
{
	char *away = range.start + AWAY;
	void *moved;

	moved = mremap(range.start, range.size, range.size, MREMAP_MAYMOVE | MREMAP_FIXED, away);
	if (moved == MAP_FAILED)
		return;
	if (below(random, 2))
		mremap(away, range.size, range.size, MREMAP_MAYMOVE | MREMAP_FIXED, range.start);
	else
		munmap(away, range.size);
}

static void punch(const struct area *area, struct range range)
{
	if (area->memfd >= 0)
		fallocate(area->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  range.start - area->base, range.size);
	else
		madvise(range.start, range.size, MADV_DONTNEED);
}

/* Errors of these calls are not looked at: they are the kernel's business. */
void area_disturb(struct area *area, struct random *random)
{
	struct range range = area_pick(area, random);

	counted(N_MEMORY);
	switch (below(random, 12)) {
	case 0:
		munmap(range.start, range.size);
		break;
	case 1:
		munmap(area->base, area->size);
		area_fill(area, area->base, area->size);
		break;
	case 2: /* other memory at the same place, in one step */
	case 3: /* or a hole filled */
		area_fill(area, range.start, range.size);
		break;
	case 4:
		move_away(range, random);
		break;
	case 5:
		madvise(range.start, range.size, MADV_DONTNEED);
		break;
	case 6:
		punch(area, range);
		break;
	case 7:
		madvise(range.start, range.size, MADV_REMOVE);
		break;
	case 8:
		madvise(range.start, range.size, MADV_FREE);
		break;
	case 9:
	case 10:
		touch(range);
		break;
	default:
		area_move_about(range, random);
		break;
	}
}

static void migrate(struct range range, struct random *random)
{
	int nodes[16], status[16];
	void *pages[16];
	unsigned int i;

	for (i = 0; i < 16; i++) {
		pages[i] = range.start + (i * PAGE) % range.size;
		nodes[i] = below(random, 2);
	}
	syscall(SYS_move_pages, 0, 16, pages, nodes, status, 2 /* MPOL_MF_MOVE */);
}

void area_move_about(struct range range, struct random *random)
{
	switch (below(random, 8)) {
	case 0:
		madvise(range.start, range.size, MADV_HUGEPAGE);
		break;
	case 1:
		madvise(range.start, range.size, MADV_NOHUGEPAGE);
		break;
	case 2:
		madvise(range.start, range.size, MADV_COLLAPSE);
		break;
	case 3:
		madvise(range.start, range.size, MADV_MERGEABLE);
		break;
	case 4:
		madvise(range.start, range.size, MADV_UNMERGEABLE);
		break;
	case 5:
		mprotect(range.start, range.size, PROT_READ);
		mprotect(range.start, range.size, PROT_READ | PROT_WRITE);
		break;
	case 6:
		madvise(range.start, range.size, MADV_PAGEOUT);
		break;
	default:
		migrate(range, random);
		break;
	}
}

/* ---- Fresh pages ------------------------------------------------------------ */

#define FRESH	(32 * PAGE)

void fresh_make(struct fresh *fresh, struct random *random)
{
	fresh->mem = mmap(NULL, FRESH, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (fresh->mem == MAP_FAILED) {
		fresh->mem = NULL;
		return;
	}
	/* Never what devices write: see device.c. */
	fresh->value = 1 + below(random, 0x7f);
	memset(fresh->mem, fresh->value, FRESH);
}

void fresh_check(struct fresh *fresh)
{
	size_t i;

	if (!fresh->mem)
		return;
	for (i = 0; i < FRESH; i++)
		if (fresh->mem[i] != fresh->value)
			break;
	if (i < FRESH)
		broken("a page that was never mapped changed: %#x instead of %#x at offset %#zx",
		       fresh->mem[i], fresh->value, i % PAGE);
	munmap(fresh->mem, FRESH);
	fresh->mem = NULL;
}
