// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reset of a whole slot or bus that comes with the last close of a device on
 * it.
 */
#include "kselftest_harness.h"
#include "vfio_hot_reset.h"
#include "vfio_log.h"

/* How often the kernel says that it reset the device on behalf of a driver. */
static int resets_in(int log, const char *bdf)
{
	char line[8192], what[48];
	int count = 0;
	ssize_t len;

	snprintf(what, sizeof(what), "%s: reset done", bdf);
	while ((len = read(log, line, sizeof(line) - 1)) > 0) {
		line[len] = '\0';
		count += strstr(line, what) != NULL;
	}
	return count;
}

struct logs {
	int first, second;
};

static struct logs logs_open(void)
{
	return (struct logs){ log_open(), log_open() };
}

/* Whether each of the two devices was reset so many times since; closes the logs. */
static bool both_reset(struct logs logs, const char *first, const char *second, int times)
{
	bool both = resets_in(logs.first, first) == times &&
		    resets_in(logs.second, second) == times;

	close(logs.first);
	close(logs.second);
	return both;
}

/* Nobody uses the bus any more, and an edu cannot be reset alone. */
TEST_F(pair, last_close)
{
	struct logs logs = logs_open();

	close(self->fd);
	self->vfio.device = -1;
	EXPECT_TRUE(both_reset(logs, self->vfio.bdf, self->other, 1));
}

/* The traces of the first one are still there when the second one is closed. */
TEST_F(pair, first_close)
{
	struct logs logs;

	self->other_fd = group_get_device(self->vfio.group, self->other);
	logs = logs_open();
	close(self->fd);
	self->vfio.device = -1;
	EXPECT_TRUE(both_reset(logs, self->vfio.bdf, self->other, 0));
	logs = logs_open();
	close(self->other_fd);
	self->other_fd = -1;
	EXPECT_TRUE(both_reset(logs, self->vfio.bdf, self->other, 1));
}

/* A second file of the same device is a use as well. */
TEST_F(pair, close_of_one_file)
{
	int again = group_get_device(self->vfio.group, self->vfio.bdf);
	struct logs logs = logs_open();

	close(self->fd);
	self->vfio.device = -1;
	EXPECT_TRUE(both_reset(logs, self->vfio.bdf, self->other, 0));
	logs = logs_open();
	close(again);
	EXPECT_TRUE(both_reset(logs, self->vfio.bdf, self->other, 1));
}

/* Somebody else may be using the other one. */
TEST_F(pair, close_beside_stranger)
{
	struct logs logs;

	pci_unbind(self->other);
	logs = logs_open();
	close(self->fd);
	self->vfio.device = -1;
	EXPECT_TRUE(both_reset(logs, self->vfio.bdf, self->other, 0));
}

/* It was reset alone, which is not told. */
TEST_F(port, last_close)
{
	int log = log_open();

	close(self->fd);
	self->vfio.device = -1;
	EXPECT_EQ(0, resets_in(log, self->vfio.bdf));
	close(log);
}

TEST_HARNESS_MAIN
