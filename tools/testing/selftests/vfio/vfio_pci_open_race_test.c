// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that are reset together, opened and closed by several threads at once,
 * with resets of all of them in between.
 *
 * Uses the two edu below a PCI bridge: one group, one bus, and no reset of their
 * own, so that each last close resets the bus.
 */
#include <pthread.h>

#include "kselftest_harness.h"
#include "vfio_hot_reset.h"

#define ROUNDS		20

struct opener {
	pthread_t thread;
	int group;
	const char *bdf;
	unsigned int rounds, wrong;
	uint32_t id;		/* what register 0 of BAR 0 shows, if anything */
};

/* Opens a device, looks at it, and closes it. */
static void *open_and_close(void *arg)
{
	struct opener *opener = arg;
	unsigned int i;

	for (i = 0; i < opener->rounds; i++) {
		int fd = __group_get_device(opener->group, opener->bdf);
		uint32_t value = 0;

		if (fd < 0) {
			printf("# %s: %s\n", opener->bdf, strerror(-fd));
			opener->wrong++;
			continue;
		}
		pci_command(fd, 2, 0);
		/* Nobody has reset it since. */
		if (__region_read(fd, BAR(0), 0, &value, 4) != 4 ||
		    (opener->id && value != opener->id))
			opener->wrong++;
		close(fd);
	}
	return NULL;
}

static void start(struct opener *openers, unsigned int count)
{
	while (count--)
		must(-pthread_create(&openers[count].thread, NULL, open_and_close,
				     &openers[count]));
}

/* Returns how often something went wrong. */
static unsigned int join(struct opener *openers, unsigned int count)
{
	unsigned int wrong = 0;

	while (count--) {
		pthread_join(openers[count].thread, NULL);
		wrong += openers[count].wrong;
	}
	return wrong;
}

/* Two threads for each device; all of them may open the same one at the same time. */
TEST_F(pair, open_and_close)
{
	const struct opener first = {
		.group = self->vfio.group, .bdf = self->vfio.bdf, .rounds = ROUNDS, .id = EDU_ID,
	};
	struct opener openers[4] = { first, first, first, first };

	openers[2].bdf = self->other;
	openers[3].bdf = self->other;
	close(self->fd);
	self->vfio.device = -1;
	start(openers, 4);
	EXPECT_EQ(0, join(openers, 4));
	/* All is closed: nothing keeps the group in its container. */
	EXPECT_EQ(0, __group_unset_container(self->vfio.group));
}

/* A reset waits for whoever is opening or closing, and they for the reset. */
TEST_F(pair, reset_beside_open)
{
	struct opener opener = {
		.group = self->vfio.group, .bdf = self->other, .rounds = ROUNDS, .id = EDU_ID,
	};
	unsigned int i, done = 0;
	int ret = 0;

	start(&opener, 1);
	for (i = 0; i < ROUNDS; i++) {
		ret = __reset(self->fd, self->vfio.group, 1);
		/* The other device may be in the middle of an access. */
		if (ret && ret != -EBUSY)
			break;
		done += !ret;
	}
	EXPECT_EQ(0, join(&opener, 1));
	EXPECT_EQ(ROUNDS, i) {
		TH_LOG("the last reset: %d", ret);
	}
	EXPECT_LT(0, done);
}

/* As long as a device is being opened or is open, its group stays where it is. */
TEST_F(pair, no_unset_beside_open)
{
	struct opener opener = {
		.group = self->vfio.group, .bdf = self->other, .rounds = ROUNDS, .id = EDU_ID,
	};
	unsigned int i;

	start(&opener, 1);
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(-EBUSY, __group_unset_container(self->vfio.group));
	EXPECT_EQ(0, join(&opener, 1));
	close(self->fd);
	self->vfio.device = -1;
	EXPECT_EQ(0, __group_unset_container(self->vfio.group));
	EXPECT_EQ(-EINVAL, __group_get_device(self->vfio.group, self->other));
}

/* What is refused because the group is not whole for a moment leaves nothing behind. */
TEST_F(pair, open_beside_unbind)
{
	struct opener opener = {
		.group = self->vfio.group, .bdf = self->vfio.bdf, .rounds = ROUNDS, .id = EDU_ID,
	};

	close(self->fd);
	self->vfio.device = -1;
	start(&opener, 1);
	pci_unbind(self->other);
	pci_bind(self->other, "vfio-pci");
	join(&opener, 1);
	self->vfio.device = group_get_device(self->vfio.group, self->vfio.bdf);
	EXPECT_EQ(0, __reset(self->vfio.device, self->vfio.group, 1));
}

TEST_HARNESS_MAIN
