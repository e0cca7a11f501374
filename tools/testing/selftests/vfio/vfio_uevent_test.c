// SPDX-License-Identifier: GPL-2.0-only
/*
 * What udev is told: which uevents come when devices are bound and unbound, in
 * which order, and what they say.
 *
 * Uses an edu device alone in its group, and two that share one.
 */
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

/* Long enough for a loaded machine; what comes is there at once. */
#define PATIENCE	10

/* ---- Listening -------------------------------------------------------------- */

static int listen_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		fail("uevents: %s", strerror(errno));
	return fd;
}

/* An uevent: strings "KEY=value", each with its NUL. */
struct event {
	char text[8192];
	size_t len;
};

/* The value of a key, NULL if it is not there. */
static const char *value_of(const struct event *event, const char *key)
{
	size_t length = strlen(key), at;

	for (at = 0; at < event->len; at += strlen(event->text + at) + 1)
		if (!strncmp(event->text + at, key, length) && event->text[at + length] == '=')
			return event->text + at + length + 1;
	return NULL;
}

static bool is(const struct event *event, const char *key, const char *value)
{
	const char *found = value_of(event, key);

	return found && !strcmp(found, value);
}

/* The last part of the path of what it is about. */
static const char *name_of(const struct event *event)
{
	const char *path = value_of(event, "DEVPATH");
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : "";
}

/* Waits for the next event of one of the subsystems that tell of VFIO. */
static bool next_event(int fd, struct event *event)
{
	double end = seconds() + PATIENCE;
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	ssize_t len;

	while (seconds() < end) {
		if (poll(&poller, 1, 100) <= 0)
			continue;
		len = recv(fd, event->text, sizeof(event->text) - 1, 0);
		if (len < 0)
			fail("uevent: %s", strerror(errno));
		event->text[len] = '\0';
		event->len = len;
		if (is(event, "SUBSYSTEM", "vfio") || is(event, "SUBSYSTEM", "vfio-dev") ||
		    is(event, "ACTION", "bind") || is(event, "ACTION", "unbind"))
			return true;
	}
	return false;
}

/* ---- Devices ------------------------------------------------------------------ */

#define EXPECT_EVENT(action, subsystem) \
	do { \
		ASSERT_TRUE(next_event(self->fd, &self->event)) { \
			TH_LOG("no %s of %s", action, subsystem); \
		} \
		EXPECT_STREQ(action, value_of(&self->event, "ACTION")); \
		EXPECT_STREQ(subsystem, value_of(&self->event, "SUBSYSTEM")); \
	} while (0)

FIXTURE(one)
{
	struct event event;
	char bdf[BDF_LEN], group[16], node[32];
	int fd;
};

FIXTURE_SETUP(one)
{
	if (!pci_find_alone(ID_EDU, 0, self->bdf))
		SKIP(return, "no edu device alone in its group");
	pci_unbind(self->bdf);
	snprintf(self->group, sizeof(self->group), "%d", must(pci_group(self->bdf)));
	snprintf(self->node, sizeof(self->node), "vfio/%s", self->group);
	self->fd = listen_uevents();
}

FIXTURE_TEARDOWN(one)
{
	pci_unbind(self->bdf);
	close(self->fd);
}

TEST_F(one, bind_and_unbind)
{
	char first[16], path[64];

	pci_bind(self->bdf, "vfio-pci");
	EXPECT_EVENT("add", "vfio");
	EXPECT_STREQ(self->group, name_of(&self->event));
	EXPECT_STREQ(self->node, value_of(&self->event, "DEVNAME"));
	EXPECT_NE(NULL, value_of(&self->event, "MAJOR"));
	EXPECT_NE(NULL, value_of(&self->event, "MINOR"));
	EXPECT_EQ(NULL, value_of(&self->event, "DEVMODE"));

	EXPECT_EVENT("add", "vfio-dev");
	snprintf(first, sizeof(first), "%.15s", name_of(&self->event));
	EXPECT_EQ(0, strncmp(first, "vfio", 4));
	snprintf(path, sizeof(path), "/%s/vfio-dev/%s", self->bdf, first);
	EXPECT_NE(NULL, strstr(value_of(&self->event, "DEVPATH"), path));

	EXPECT_EVENT("bind", "pci");
	EXPECT_STREQ(self->bdf, name_of(&self->event));
	EXPECT_STREQ("vfio-pci", value_of(&self->event, "DRIVER"));

	pci_unbind(self->bdf);
	EXPECT_EVENT("remove", "vfio-dev");
	EXPECT_STREQ(first, name_of(&self->event));
	EXPECT_EVENT("remove", "vfio");
	EXPECT_STREQ(self->group, name_of(&self->event));
	EXPECT_STREQ(self->node, value_of(&self->event, "DEVNAME"));
	EXPECT_EVENT("unbind", "pci");
	EXPECT_STREQ(self->bdf, name_of(&self->event));
}

/* Opening and closing is nobody's business. */
TEST_F(one, use_is_silent)
{
	struct vfio vfio;

	vfio_open(&vfio, self->bdf, HOST_IOMMU);
	EXPECT_EVENT("add", "vfio");
	EXPECT_EVENT("add", "vfio-dev");
	EXPECT_EVENT("bind", "pci");
	vfio_close(&vfio);
	EXPECT_EVENT("remove", "vfio-dev");
}

FIXTURE(pair)
{
	struct event event;
	char first[BDF_LEN], second[BDF_LEN];
	int fd;
};

FIXTURE_SETUP(pair)
{
	if (!pci_find_pair(ID_EDU, self->first, self->second))
		SKIP(return, "no two edu devices in one group");
	pci_unbind(self->first);
	pci_unbind(self->second);
	self->fd = listen_uevents();
}

FIXTURE_TEARDOWN(pair)
{
	pci_unbind(self->first);
	pci_unbind(self->second);
	close(self->fd);
}

/* The group comes with its first device and goes with its last. */
TEST_F(pair, one_group)
{
	pci_bind(self->first, "vfio-pci");
	EXPECT_EVENT("add", "vfio");
	EXPECT_EVENT("add", "vfio-dev");
	EXPECT_EVENT("bind", "pci");
	pci_bind(self->second, "vfio-pci");
	EXPECT_EVENT("add", "vfio-dev");
	EXPECT_EVENT("bind", "pci");
	EXPECT_STREQ(self->second, name_of(&self->event));

	pci_unbind(self->first);
	EXPECT_EVENT("remove", "vfio-dev");
	EXPECT_EVENT("unbind", "pci");
	EXPECT_STREQ(self->first, name_of(&self->event));
	pci_unbind(self->second);
	EXPECT_EVENT("remove", "vfio-dev");
	EXPECT_EVENT("remove", "vfio");
	EXPECT_EVENT("unbind", "pci");
}

TEST_HARNESS_MAIN
