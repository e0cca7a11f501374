// SPDX-License-Identifier: GPL-2.0-only
/*
 * The region of a VGA card that stands for the legacy addresses, the arbiter that
 * gives them to one card at a time, and the card's ROM.
 *
 * Uses a QEMU VGA on the root bus; for the arbiter, another one below a port.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "vfio_region.h"

#define ID_VGA		0x1234, 0x1111

#define MEMORY		0xa0000
#define MEMORY_END	0xc0000
#define MONO		0x3b0
#define PORTS		0x3c0

/* Registers that are pairs of an index and what it chooses. */
#define SEQUENCER	0x3c4
#define GRAPHICS	0x3ce
#define CRTC		0x3d4
#define CURSOR_LOW	0x0f
#define MISC_WRITE	0x3c2
#define MISC_READ	0x3cc
/* MISC: the CRTC is at 0x3d4, and the memory answers. */
#define MISC_COLOUR	0x03

/* Finds a card, on the root bus or not. */
static bool find_card(bool root, char *bdf)
{
	unsigned int nth;

	for (nth = 0; pci_find_alone(ID_VGA, nth, bdf); nth++)
		if (root == !strncmp(bdf, "0000:00:", 8))
			return true;
	return false;
}

static ssize_t __vga_read(int fd, uint64_t at, void *data, size_t size)
{
	ssize_t done = pread(fd, data, size, (off_t)(OFFSET(VGA) + at));

	return done < 0 ? -errno : done;
}

static ssize_t __vga_write(int fd, uint64_t at, const void *data, size_t size)
{
	ssize_t done = pwrite(fd, data, size, (off_t)(OFFSET(VGA) + at));

	return done < 0 ? -errno : done;
}

static uint8_t vga_in(int fd, uint64_t port)
{
	uint8_t value;

	must(__vga_read(fd, port, &value, 1));
	return value;
}

static void vga_out(int fd, uint64_t port, uint8_t value)
{
	must(__vga_write(fd, port, &value, 1));
}

/* Index and value in one access of two bytes. */
static void set_pair(int fd, uint64_t port, uint8_t index, uint8_t value)
{
	uint8_t pair[] = { index, value };

	must(__vga_write(fd, port, pair, 2));
}

FIXTURE(vga)
{
	struct vfio vfio;
	int fd;
};

FIXTURE_SETUP(vga)
{
	char bdf[BDF_LEN];

	if (!find_card(true, bdf))
		SKIP(return, "no VGA card alone in its group");
	vfio_open(&self->vfio, bdf, VFIO_TYPE1v2_IOMMU);
	self->fd = self->vfio.device;
}

FIXTURE_TEARDOWN(vga)
{
	vfio_close(&self->vfio);
}

/* ---- The region ----------------------------------------------------------- */

TEST_F(vga, info)
{
	struct vfio_region_info info = region_info(self->fd, VGA);
	struct vfio_device_info device = { .argsz = sizeof(device) };

	EXPECT_EQ(OFFSET(VGA), info.offset);
	EXPECT_EQ(MEMORY_END, info.size);
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE, info.flags);
	EXPECT_EQ(0, info.cap_offset);
	ASSERT_EQ(0, __call(self->fd, VFIO_DEVICE_GET_INFO, &device));
	EXPECT_EQ(VFIO_PCI_NUM_REGIONS, device.num_regions);
}

/* Each range ends where it ends, and there is nothing in between. */
TEST_F(vga, ranges)
{
	static const struct {
		uint64_t at;
		ssize_t want;
	} cases[] = {
		{ 0, -EINVAL },
		{ MONO - 1, -EINVAL },
		{ MONO, 12 },
		{ MONO + 11, 1 },
		{ 0x3bc, -EINVAL },
		{ PORTS - 1, -EINVAL },
		{ PORTS, 16 },
		{ PORTS + 28, 4 },
		{ PORTS + 32, -EINVAL },
		{ MEMORY - 1, -EINVAL },
		{ MEMORY, 16 },
		{ MEMORY_END - 2, 2 },
		{ MEMORY_END, -EINVAL },
		{ OFFSET(1) - 1, -EINVAL },
	};
	uint8_t data[16] = {};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		EXPECT_EQ(cases[i].want, __vga_read(self->fd, cases[i].at, data, sizeof(data))) {
			TH_LOG("at %#lx", (long)cases[i].at);
		}
		if (cases[i].want < 0)
			EXPECT_EQ(-EINVAL, __vga_write(self->fd, cases[i].at, data, 1));
	}
	EXPECT_EQ(0, __vga_read(self->fd, 0, data, 0));
	EXPECT_EQ(0, __vga_write(self->fd, 0, data, 0));
}

TEST_F(vga, bad_memory)
{
	char *end = memory_end();

	EXPECT_EQ(-EFAULT, __vga_read(self->fd, MEMORY, memory_end(), 4));
	EXPECT_EQ(-EFAULT, __vga_write(self->fd, MEMORY, memory_end(), 4));
	EXPECT_EQ(-EFAULT, __vga_read(self->fd, MEMORY, end - 4, 8));
}

/* It is not a BAR. */
TEST_F(vga, neither_mapped_nor_triggered)
{
	void *addr;

	EXPECT_EQ(-EINVAL, map(self->fd, VGA, MEMORY, PAGE, MAP_SHARED, &addr));
	EXPECT_EQ(-EINVAL, __ioeventfd(self->fd, 4, VGA, MEMORY, 1, 0));
}

TEST_F(vga, ports)
{
	uint8_t pair[2];

	vga_out(self->fd, MISC_WRITE, MISC_COLOUR);
	EXPECT_EQ(MISC_COLOUR, vga_in(self->fd, MISC_READ) & MISC_COLOUR);
	set_pair(self->fd, CRTC, CURSOR_LOW, 0x5a);
	EXPECT_EQ(0x5a, vga_in(self->fd, CRTC + 1));
	vga_out(self->fd, CRTC + 1, 0xa5);
	ASSERT_EQ(2, __vga_read(self->fd, CRTC, pair, 2));
	EXPECT_EQ(CURSOR_LOW, pair[0]);
	EXPECT_EQ(0xa5, pair[1]);
}

/* In the mode in which one byte is one pixel, the memory is memory. */
TEST_F(vga, memory)
{
	uint8_t out[512], in[512];
	unsigned int i;

	vga_out(self->fd, MISC_WRITE, MISC_COLOUR);
	set_pair(self->fd, SEQUENCER, 0x02, 0x0f);	/* write all planes */
	set_pair(self->fd, SEQUENCER, 0x04, 0x0e);	/* one after the other */
	set_pair(self->fd, GRAPHICS, 0x05, 0x40);	/* 256 colours */
	set_pair(self->fd, GRAPHICS, 0x06, 0x05);	/* graphics, from 0xa0000 */
	set_pair(self->fd, GRAPHICS, 0x08, 0xff);	/* all bits of a byte */
	for (i = 0; i < sizeof(out); i++)
		out[i] = i * 7 + 3;
	ASSERT_EQ(509, __vga_write(self->fd, MEMORY + 3, out, 509));
	ASSERT_EQ(509, __vga_read(self->fd, MEMORY + 3, in, 509));
	EXPECT_EQ(0, memcmp(out, in, 509));
	ASSERT_EQ(7, __vga_read(self->fd, MEMORY + 4, in, 7));
	EXPECT_EQ(0, memcmp(out + 1, in, 7));
}

/* The legacy addresses are in no BAR, so decoding of BARs does not matter. */
TEST_F(vga, memory_decoding_off)
{
	uint8_t data[4];

	pci_command(self->fd, 0, COMMAND_MEM);
	EXPECT_EQ(-EIO, __region_read(self->fd, BAR(0), 0, data, 4));
	EXPECT_EQ(4, __vga_read(self->fd, MEMORY, data, 4));
	EXPECT_EQ(4, __vga_write(self->fd, MEMORY, data, 4));
	EXPECT_EQ(1, __vga_read(self->fd, MISC_READ, data, 1));
}

/* ---- The ROM -------------------------------------------------------------- */

TEST_F(vga, rom)
{
	struct vfio_region_info info = region_info(self->fd, ROM);
	uint8_t whole[64], part[64];
	unsigned int at;
	void *addr;

	ASSERT_NE(0, info.size);
	EXPECT_EQ(0, info.size & (info.size - 1));
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ, info.flags);
	ASSERT_EQ(64, __region_read(self->fd, ROM, 0, whole, 64));
	EXPECT_EQ(0x55, whole[0]);
	EXPECT_EQ(0xaa, whole[1]);
	for (at = 0; at < 8; at++) {
		ASSERT_EQ(50, __region_read(self->fd, ROM, at, part, 50));
		EXPECT_EQ(0, memcmp(whole + at, part, 50));
	}
	EXPECT_EQ(2, __region_read(self->fd, ROM, info.size - 2, part, 8));
	EXPECT_EQ(-EINVAL, __region_read(self->fd, ROM, info.size, part, 1));
	EXPECT_EQ(-EINVAL, __region_write(self->fd, ROM, 0, part, 1));
	EXPECT_EQ(-EINVAL, map(self->fd, ROM, 0, PAGE, MAP_SHARED, &addr));
}

/* What is behind the image, whose length is in its third byte, reads as ones. */
TEST_F(vga, rom_ends_before_its_region)
{
	uint64_t size = region_info(self->fd, ROM).size, image;
	uint8_t data[16], ones[16];

	memset(ones, 0xff, sizeof(ones));
	ASSERT_EQ(3, __region_read(self->fd, ROM, 0, data, 3));
	image = data[2] * 512;
	if (image >= size)
		SKIP(return, "the image fills it");
	ASSERT_EQ(16, __region_read(self->fd, ROM, size - 16, data, 16));
	EXPECT_EQ(0, memcmp(ones, data, 16));
}

/* ---- The arbiter ---------------------------------------------------------- */

#define ARBITER	"/dev/vga_arbiter"

static void arbiter_say(int fd, const char *what, const char *arg)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%s%s", what, arg);

	if (write(fd, text, len) != len)
		fail("arbiter: '%s': %s", text, strerror(errno));
}

/* What it knows about a card: "count:2,PCI:0000:00:0d.0,decodes=io+mem,...". */
static void arbiter_ask(const char *bdf, char *text, size_t size)
{
	int fd = open(ARBITER, O_RDWR);
	ssize_t len;

	arbiter_say(fd, "target PCI:", bdf);
	len = must(read(fd, text, size - 1));
	text[len] = '\0';
	close(fd);
}

TEST_F(vga, arbiter_knows_the_card)
{
	char text[128];

	arbiter_ask(self->vfio.bdf, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "decodes=io+mem")) {
		TH_LOG("%s", text);
	}
	/* The right is only held during an access. */
	vga_in(self->fd, MISC_READ);
	arbiter_ask(self->vfio.bdf, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "owns=io+mem"));
	EXPECT_NE(NULL, strstr(text, "locks=none"));
}

static void ignore(int signal)
{
}

/* From now on a signal every 200 ms, so that one comes while a call waits; or no more of them. */
static void alarms(bool on)
{
	struct sigaction action = { .sa_handler = ignore };
	struct itimerval every = { { 0, on ? 200000 : 0 }, { 0, on ? 200000 : 0 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

/* While another card has its turn, an access waits, for that card or a signal. */
TEST_F(vga, waits_for_its_turn)
{
	char other[BDF_LEN];
	uint8_t value;
	int fd, status;
	pid_t pid;

	if (!find_card(false, other))
		SKIP(return, "no second VGA card");
	fd = open(ARBITER, O_RDWR);
	ASSERT_LE(0, fd);
	arbiter_say(fd, "target PCI:", other);
	arbiter_say(fd, "lock io+mem", "");

	alarms(true);
	EXPECT_EQ(-EINTR, __vga_read(self->fd, MISC_READ, &value, 1));
	EXPECT_EQ(-EINTR, __vga_write(self->fd, MEMORY, &value, 1));
	alarms(false);
	/* No turn is needed to be told that there is nothing. */
	EXPECT_EQ(-EINVAL, __vga_read(self->fd, MONO - 1, &value, 1));

	pid = fork();
	if (!pid)
		_exit(__vga_read(self->fd, MISC_READ, &value, 1) == 1 ? 42 : 1);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	arbiter_say(fd, "unlock io+mem", "");
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(42, WEXITSTATUS(status));
	close(fd);
}

/* ---- The parameter -------------------------------------------------------- */

#define DISABLE_VGA	"/sys/module/vfio_pci/parameters/disable_vga"

FIXTURE(port)
{
	char bdf[BDF_LEN];
};

FIXTURE_SETUP(port)
{
	if (!find_card(false, self->bdf))
		SKIP(return, "no VGA card below a port");
}

FIXTURE_TEARDOWN(port)
{
}

/* It takes the module out and in twice. */
TEST_F_TIMEOUT(port, disable_vga, 120)
{
	const char *bdf = self->bdf;
	struct vfio_region_info info;
	struct vfio vfio;
	uint8_t value;
	char text[128];

	ASSERT_EQ(0, system("modprobe -r vfio-pci && modprobe vfio-pci disable_vga=1"));
	must(__read_text(DISABLE_VGA, text, sizeof(text)));
	EXPECT_STREQ("Y", text);

	vfio_open(&vfio, bdf, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(-EINVAL, __region_info(vfio.device, VGA, &info));
	EXPECT_EQ(-EINVAL, __vga_read(vfio.device, MISC_READ, &value, 1));
	EXPECT_EQ(-EINVAL, __vga_write(vfio.device, MEMORY, &value, 1));
	/* Alone behind its bridge, it need not see the legacy addresses. */
	arbiter_ask(bdf, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "decodes=none")) {
		TH_LOG("%s", text);
	}
	vfio_close(&vfio);
	/* The next driver may want them. */
	arbiter_ask(bdf, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "decodes=io+mem"));

	ASSERT_EQ(0, system("modprobe -r vfio-pci && modprobe vfio-pci"));
	vfio_open(&vfio, bdf, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(MEMORY_END, region_info(vfio.device, VGA).size);
	arbiter_ask(bdf, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "decodes=io+mem"));
	vfio_close(&vfio);
}

TEST_HARNESS_MAIN
