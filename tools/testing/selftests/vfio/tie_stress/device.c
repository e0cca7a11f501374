// SPDX-License-Identifier: GPL-2.0-only
/* The devices that do DMA, and what they must and must not reach. */
#include <sys/mman.h>
#include <time.h>

#include "stress.h"

/* Two pages that devices may read. What is in them is above what fresh pages hold. */
static unsigned char *canary;
static const unsigned char canary_value[2] = { 0xa5, 0xc3 };

/* Private memory that the process never gives up: devices must reach it all the time. */
static unsigned char *keep;

void stay_make(void)
{
	unsigned int i;

	canary = memory(2 * PAGE);
	for (i = 0; i < 2; i++)
		memset(canary + i * PAGE, canary_value[i], PAGE);
	dma_map(container, canary, IOVA_CANARY, 2 * PAGE, VFIO_DMA_MAP_FLAG_READ);

	keep = mmap(NULL, KEEP_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	if (keep == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	dma_map(container, keep, IOVA_KEEP, KEEP_PAGES * PAGE, DMA_RW);
}

void stay_check(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (!is_all(canary + i * PAGE, PAGE, canary_value[i]))
			broken("the canary changed, though devices may only read it");
}

static uint64_t somewhere(struct random *random)
{
	return IOVA_SLOTS + below(random, SLOTS * SLOT / PAGE) * PAGE;
}

/* From the canary to the memory that stays: both must work, always. */
static void copy_canary(struct edu *edu, unsigned int which, unsigned int page)
{
	unsigned char *target = keep + page * PAGE;

	edu_copy(edu, IOVA_CANARY + which * PAGE, IOVA_KEEP + page * PAGE, PAGE);
	if (!is_all(target, PAGE, canary_value[which]))
		broken("the device does not reach memory that nobody gave up: %#x is there, not %#x",
		       target[0], canary_value[which]);
}

void *device_run(void *argument)
{
	struct vfio *vfio = argument;
	struct random random = { 4711 };
	unsigned int which = 0;
	struct edu edu;

	edu_open(&edu, vfio->device);
	while (!stopped()) {
		which = !which;
		copy_canary(&edu, which, below(&random, KEEP_PAGES));
		edu_dma_to(&edu, IOVA_CANARY, PAGE);
		stay_check();
		edu_dma_to(&edu, somewhere(&random), PAGE);
		edu_copy(&edu, somewhere(&random), somewhere(&random), PAGE);
		counted(N_DMA);
	}
	edu_close(&edu);
	return NULL;
}

/* EBUSY: a child that was started meanwhile still has the files of the last round. */
static void second_group_once(const char *bdf, int group_id, struct random *random)
{
	int group = __group_open(group_id), device, rounds = 2, ret;
	struct edu edu;

	if (group == -EBUSY) {
		usleep(10000);
		return;
	}
	ret = __group_set_container(must(group), container);
	if (ret) {
		broken("SET_CONTAINER of a second group: %s", strerror(-ret));
		close(group);
		return;
	}
	device = group_get_device(group, bdf);
	edu_open(&edu, device);
	while (rounds-- && !stopped()) {
		edu_copy(&edu, IOVA_CANARY, somewhere(random), PAGE);
		counted(N_DMA);
	}
	edu_close(&edu);
	close(device);
	if (below(random, 2)) {
		ret = __group_unset_container(group);
		if (ret && ret != -EBUSY)
			broken("UNSET_CONTAINER of the second group: %s", strerror(-ret));
	}
	close(group);
	counted(N_ATTACH);
}

void *second_group_run(void *bdf)
{
	struct random random = { 815 };
	int group;

	pci_bind(bdf, "vfio-pci");
	group = must(pci_group(bdf));
	while (!stopped())
		second_group_once(bdf, group, &random);
	pci_unbind(bdf);
	return NULL;
}

void *move_about_run(void *argument)
{
	const struct timespec moment = { .tv_nsec = 20000000 };
	struct range range = { (char *)keep, KEEP_PAGES * PAGE };
	struct random *random = argument;

	while (!stopped()) {
		area_move_about(range, random);
		nanosleep(&moment, NULL);
	}
	return NULL;
}
