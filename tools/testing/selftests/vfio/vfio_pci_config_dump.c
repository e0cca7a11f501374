// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_pci_config_dump BDF: all that a user can find out about the configuration
 * space of a device, as text that is the same whenever the answers are.
 *
 * Not a test: tools/testing/runner/config-diff-in-guest compares what it says
 * about one device under two drivers. It reads every byte in accesses of 1, 2, 3
 * and 4 bytes, then writes to every dword: ones, zeros, single bits, in accesses
 * of 1 to 4 bytes, each time looking at the dwords around as well. Most dwords
 * are dull, so what can be said in a word is: "fixed" if no write changed
 * anything, "memory" if each changed what it wrote.
 *
 * A register whose value is the device's own business is masked, see volatile_regs.
 */
#include <sys/eventfd.h>

#include "vfio_test.h"
#include "volatile_regs.h"

#define EXTENDED	0x100
#define LIMIT		4096
#define CAP_MSI		0x05
#define CAP_MSIX	0x11
/* A dword and its neighbours. */
#define NEAR		12

static int device;
static unsigned int size;
static uint64_t offset;
static uint32_t id;

/* What is around the dword under test. */
struct surroundings {
	unsigned int from, len;
	uint8_t bytes[NEAR];
};

static bool is_volatile(unsigned int at)
{
	const struct volatile_reg *reg;

	for (reg = volatile_regs; reg->why; reg++)
		if (reg->id == id && at >= reg->at && at < reg->at + reg->len)
			return true;
	return false;
}

static ssize_t read_at(unsigned int at, void *bytes, size_t len)
{
	ssize_t ret = pread(device, bytes, len, offset + at);

	return ret < 0 ? -errno : ret;
}

static void get(unsigned int at, uint8_t *bytes, unsigned int len)
{
	ssize_t ret = read_at(at, bytes, len);
	unsigned int i;

	if (ret != (ssize_t)len)
		fail("reading %u bytes at %#x: %zd", len, at, ret);
	for (i = 0; i < len; i++)
		if (is_volatile(at + i))
			bytes[i] = 0;
}

static void look(struct surroundings *around, unsigned int at)
{
	unsigned int end = at + 8 < size ? at + 8 : size;

	around->from = at >= 4 ? at - 4 : 0;
	around->len = end - around->from;
	get(around->from, around->bytes, around->len);
}

static void print_bytes(const uint8_t *bytes, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		printf("%s%02x", i % 4 ? "" : " ", bytes[i]);
	printf("\n");
}

/* ---- Reading -------------------------------------------------------------- */

static void print_space(const char *when)
{
	uint8_t whole[LIMIT];
	unsigned int at;

	printf("== %s ==\n", when);
	for (at = 0; at < size; at++)
		get(at, whole + at, 1);
	for (at = 0; at < size; at += 16) {
		printf("%03x:", at);
		print_bytes(whole + at, 16);
	}
}

/* Wider reads show the same bytes, or else it is said how they differ. */
static void compare_widths(void)
{
	uint8_t bytes[2][4], end[5];
	unsigned int width, at, i;

	printf("== reads of 2, 3 and 4 bytes ==\n");
	for (width = 2; width <= 4; width++)
		for (at = 0; at + width <= size; at++) {
			for (i = 0; i < width; i++)
				get(at + i, &bytes[0][i], 1);
			get(at, bytes[1], width);
			if (memcmp(bytes[0], bytes[1], width)) {
				printf("%03x+%u:", at, width);
				print_bytes(bytes[1], width);
			}
		}
	for (width = 1; width <= 5; width++)
		printf("read of %u at the end: %zd\n", width,
		       read_at(size - 3, end, width));
}

/* ---- Writing -------------------------------------------------------------- */

/* What became of the writes to one dword. */
struct verdict {
	bool fixed, memory;
	char *text;
	size_t len;
	FILE *lines;
};

static void try(struct verdict *verdict, unsigned int dword, unsigned int at, unsigned int width,
		uint32_t value)
{
	struct surroundings before, after, want;
	ssize_t ret;

	look(&before, dword);
	ret = pwrite(device, &value, width, offset + at);
	if (ret < 0)
		ret = -errno;
	look(&after, dword);
	want = before;
	memcpy(want.bytes + at - want.from, &value, width);
	if (ret != (ssize_t)width)
		verdict->fixed = verdict->memory = false;
	verdict->fixed &= !memcmp(before.bytes, after.bytes, after.len);
	verdict->memory &= !memcmp(want.bytes, after.bytes, after.len);
	fprintf(verdict->lines, "  %03x+%u=%08x %zd ->", at, width, value, ret);
	for (unsigned int i = 0; i < after.len; i++)
		fprintf(verdict->lines, "%s%02x", i % 4 ? "" : " ", after.bytes[i]);
	fprintf(verdict->lines, "\n");
}

static void try_widths(struct verdict *verdict, unsigned int dword, bool bits)
{
	unsigned int width, at, bit;

	for (width = 1; width <= 4; width++)
		for (at = dword; at + width <= dword + 4; at += width == 3 ? 1 : width) {
			uint32_t all = 0xffffffff >> (32 - 8 * width);

			try(verdict, dword, at, width, all);
			try(verdict, dword, at, width, 0);
			for (bit = 0; bits && width != 3 && bit < 8 * width; bit++)
				try(verdict, dword, at, width, 1u << bit);
		}
}

static struct verdict try_dword_with(unsigned int dword, bool bits)
{
	struct verdict verdict = { .fixed = true, .memory = true };
	uint32_t old = config_read(device, dword, 4);

	verdict.lines = open_memstream(&verdict.text, &verdict.len);
	try_widths(&verdict, dword, bits);
	config_write(device, dword, 4, old);
	fclose(verdict.lines);
	return verdict;
}

static void try_dword(unsigned int dword)
{
	/* The extended space is large and most of it dull: bit by bit where it is not. */
	struct verdict verdict = try_dword_with(dword, dword < EXTENDED);

	if (dword >= EXTENDED && !verdict.fixed && !verdict.memory) {
		free(verdict.text);
		verdict = try_dword_with(dword, true);
	}
	printf("%03x: %s", dword, verdict.fixed ? "fixed\n" : verdict.memory ? "memory\n" : "\n");
	if (!verdict.fixed && !verdict.memory)
		printf("%s", verdict.text);
	free(verdict.text);
}

static void try_range(const char *when, unsigned int from, unsigned int to)
{
	unsigned int dword;

	printf("== writes%s ==\n", when);
	for (dword = from; dword < to; dword += 4)
		try_dword(dword);
}

/* With interrupts of a kind in use, as many as there are, four at most. */
static void try_with_irqs(const char *when, uint8_t cap, uint32_t index)
{
	uint32_t at = pci_capability(device, cap), old;
	int fds[4], n;

	if (!at)
		return;
	old = config_read(device, at, 4);
	for (n = 0; n < 4; n++)
		fds[n] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (n = 4; n && __irq_eventfds(device, index, 0, n, fds); n--)
		;
	printf("== %d vectors ==\n", n);
	if (n) {
		try_range(when, at, at + 24 < EXTENDED ? at + 24 : EXTENDED);
		must(__irq_disable(device, index));
		/* The hardware keeps the number of vectors, and the next to look would see it. */
		config_write(device, at, 4, old);
	}
	print_space("after that");
	for (n = 0; n < 4; n++)
		close(fds[n]);
}

int main(int argc, char **argv)
{
	struct vfio vfio;

	if (argc != 2) {
		fprintf(stderr, "usage: vfio_pci_config_dump BDF\n");
		return 2;
	}
	vfio_open(&vfio, argv[1], VFIO_TYPE1v2_IOMMU);
	device = vfio.device;
	size = region_info(device, VFIO_PCI_CONFIG_REGION_INDEX).size;
	offset = region_info(device, VFIO_PCI_CONFIG_REGION_INDEX).offset;
	id = config_read(device, 0, 4);
	printf("%04x:%04x, %u bytes\n", id & 0xffff, id >> 16, size);

	print_space("at first");
	compare_widths();
	try_range("", 0, size);
	print_space("after writes");
	try_with_irqs(" with MSI on", CAP_MSI, VFIO_PCI_MSI_IRQ_INDEX);
	try_with_irqs(" with MSI-X on", CAP_MSIX, VFIO_PCI_MSIX_IRQ_INDEX);
	vfio_close(&vfio);
	return 0;
}
