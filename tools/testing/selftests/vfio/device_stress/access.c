// SPDX-License-Identifier: GPL-2.0-only
/* Reads, writes and mappings of regions. */
#include <sys/mman.h>

#include "stress.h"
#include "vfio_touch.h"

#define REGIONS	VFIO_PCI_NUM_REGIONS

void access_begin(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	sigaction(SIGBUS, &action, NULL);
}

/* ---- Configuration space ---------------------------------------------------- */

#define COMMAND		0x04
#define CAP_PM		0x01
#define CAP_MSI		0x05
#define CAP_PCIE	0x10
#define CAP_MSIX	0x11

static int64_t at_config(uint32_t at)
{
	return ((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + at;
}

static ssize_t read_config(int device, uint32_t at, void *data, size_t size)
{
	ssize_t ret = pread(device, data, size, at_config(at));

	return ret < 0 ? -errno : ret;
}

/* Where a capability is, 0 if it is not; the device may go meanwhile. */
static uint32_t find_capability(int device, uint8_t id)
{
	uint8_t at = 0, entry[2];
	unsigned int left = 16;

	if (read_config(device, 0x34, &at, 1) != 1)
		return 0;
	while (at >= 0x40 && left-- && read_config(device, at, entry, 2) == 2) {
		if (entry[0] == id)
			return at;
		at = entry[1];
	}
	return 0;
}

static void config_read_random(struct session *session, int device)
{
	uint32_t at = below(&session->random, rarely(&session->random, 2) ? 4096 : 256);
	size_t size = 1 << below(&session->random, 3);

	if (rarely(&session->random, 8))
		size = below(&session->random, 256);
	if (rarely(&session->random, 16))
		at = interesting(&session->random);
	counted(CONFIG_READ, read_config(device, at, session->arg, size));
}

/* What guests write: the command register, power states, switches of interrupts. */
static uint32_t pick_register(struct session *session, int device, uint16_t *value)
{
	uint32_t at;

	*value = random_next(&session->random);
	switch (below(&session->random, 6)) {
	case 0:
		at = find_capability(device, CAP_PM);
		*value &= 0x8003;
		return at ? at + 4 : 0;
	case 1:
		at = find_capability(device, CAP_MSI);
		return at ? at + 2 * below(&session->random, 6) : 0;
	case 2:
		at = find_capability(device, CAP_MSIX);
		return at ? at + 2 : 0;
	case 3: /* bit 15 resets the function */
		at = find_capability(device, CAP_PCIE);
		if (below(&session->random, 8))
			*value &= 0x7fff;
		return at ? at + 8 : 0;
	default:
		if (below(&session->random, 2))
			*value |= 0x0006;
		return COMMAND;
	}
}

static void config_write_random(struct session *session, int device)
{
	uint32_t at;
	uint16_t value;
	ssize_t ret;

	at = pick_register(session, device, &value);
	if (rarely(&session->random, 4))
		at = below(&session->random, 4096);
	if (!at)
		return;
	ret = pwrite(device, &value, 1 + below(&session->random, 2), at_config(at));
	counted(CONFIG_WRITE, ret);
}

/* ---- Reads and writes ------------------------------------------------------- */

static void region_read_random(struct session *session, int device)
{
	uint64_t index = rarely(&session->random, 2) ? 0 : below(&session->random, REGIONS);
	uint64_t at = below(&session->random, 1 << 14);
	size_t size = 1 << below(&session->random, 4);

	if (rarely(&session->random, 8))
		at = interesting(&session->random);
	if (rarely(&session->random, 8))
		size = below(&session->random, 64);
	counted(REGION_READ, pread(device, session->arg, size, (index << 40) + at));
}

/* What can be written to a device that is not set up, without QEMU minding. */
static bool safe_register(struct session *session, uint64_t *index, uint64_t *at)
{
	static const uint16_t edu[] = { EDU_LIVE, 0x08, 0x20, EDU_IRQ_RAISE, EDU_IRQ_ACK };

	*index = 0;
	if (!session->target || strcmp(session->bdf, session->target->bdf))
		return false;
	switch (session->target->device) {
	case 0x11e8: /* edu */
		*at = edu[below(&session->random, 5)];
		return true;
	case 0x0010: /* nvme: the interrupt mask, set and clear */
		*at = 0x0c + 4 * below(&session->random, 2);
		return true;
	case 0x1111: /* VGA: the frame buffer, and the legacy one */
		*index = below(&session->random, 2) ? 0 : VFIO_PCI_VGA_REGION_INDEX;
		*at = (*index ? 0xa0000 : 0) + 4 * below(&session->random, 1024);
		return true;
	default:
		return false;
	}
}

static void region_write_random(struct session *session, int device)
{
	uint64_t index, at, value = random_next(&session->random);

	/* Which is read-only, or not there. */
	if (rarely(&session->random, 8)) {
		index = VFIO_PCI_ROM_REGION_INDEX;
		at = below(&session->random, 1 << 20);
	} else if (!safe_register(session, &index, &at)) {
		return;
	}
	counted(REGION_WRITE, pwrite(device, &value, 4, (index << 40) + at));
}

/* ---- Mappings --------------------------------------------------------------- */

static struct map *pick_map(struct session *session)
{
	return &session->maps[below(&session->random, MAPS)];
}

static void drop(struct map *map)
{
	if (map->base)
		munmap((void *)map->base, map->size);
	map->base = NULL;
}

static void map_random(struct session *session, int device)
{
	struct map *map = pick_map(session);
	uint64_t index = below(&session->random, rarely(&session->random, 8) ? REGIONS : 6);
	struct vfio_region_info info = { 0 };
	uint64_t offset = 0;
	void *base;

	drop(map);
	if (__region_info(device, index, &info) || !info.size)
		return;
	map->size = (1 + below(&session->random, 4)) * PAGE;
	if (rarely(&session->random, 2))
		offset = below(&session->random, info.size / PAGE + 1) * PAGE;
	base = mmap(NULL, map->size, PROT_READ | PROT_WRITE,
		    rarely(&session->random, 8) ? MAP_PRIVATE : MAP_SHARED, device,
		    info.offset + offset);
	if (!counted(MMAP, base == MAP_FAILED ? -1 : 0))
		return;
	map->base = base;
	map->safe = session->target && session->target->device == 0x11e8 && !index && !offset;
}

/* As a call's buffer: the kernel faults it in, or cannot. */
static void use_as_buffer(const struct map *map, int device)
{
	read_config(device, 0, (void *)map->base, 4);
}

static void touch_random(struct session *session, int device)
{
	struct map *map = pick_map(session);
	uint32_t value;

	if (!map->base)
		return;
	counted(TOUCH, -touch((void *)(map->base + below(&session->random, map->size / 4) * 4),
			      &value));
	/* An edu ignores what is written to its first register. */
	if (map->safe && rarely(&session->random, 4))
		use_as_buffer(map, device);
	if (rarely(&session->random, 16))
		mprotect((void *)map->base, PAGE, PROT_READ);
	if (rarely(&session->random, 16))
		drop(map);
}

void access_random(struct session *session, int device)
{
	static void (*const accesses[])(struct session *session, int device) = {
		config_read_random, config_write_random, region_read_random,
		region_write_random, map_random, touch_random, touch_random,
	};

	accesses[below(&session->random, sizeof(accesses) / sizeof(accesses[0]))](session, device);
}
