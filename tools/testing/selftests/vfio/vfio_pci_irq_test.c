// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of PCI devices in general: VFIO_DEVICE_GET_IRQ_INFO, the checks of
 * VFIO_DEVICE_SET_IRQS, one kind of interrupt at a time, and the two indexes by
 * which the host itself speaks, ERR and REQ.
 *
 * Uses an edu device, alone in its group.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "vfio_irq.h"

TEST_F(edu, info)
{
	static const struct { uint32_t index, flags, count; } want[] = {
		{ INTX, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED, 1 },
		{ MSI, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE, 1 },
		{ ERR, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE, 1 },
		{ REQ, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE, 1 },
	};
	struct vfio_irq_info info;
	unsigned int i;

	for (i = 0; i < sizeof(want) / sizeof(*want); i++) {
		info = irq_info(self->device, want[i].index);
		EXPECT_EQ(want[i].flags, info.flags);
		EXPECT_EQ(want[i].count, info.count);
	}
	EXPECT_EQ(0, irq_info(self->device, MSIX).count);

	info = (struct vfio_irq_info){ .argsz = sizeof(info), .index = VFIO_PCI_NUM_IRQS };
	EXPECT_EQ(-EINVAL, __call(self->device, VFIO_DEVICE_GET_IRQ_INFO, &info));
	info = (struct vfio_irq_info){ .argsz = sizeof(info) - 1, .index = INTX };
	EXPECT_EQ(-EINVAL, __call(self->device, VFIO_DEVICE_GET_IRQ_INFO, &info));
	EXPECT_EQ(-EFAULT, __call(self->device, VFIO_DEVICE_GET_IRQ_INFO, NULL));
}

/* The header, before any action is looked at. */
TEST_F(edu, header_refusals)
{
	struct vfio_irq_set *set = calloc(1, 4096);
	static const struct {
		uint32_t argsz, flags, index, start, count;
		int want;
	} tries[] = {
		{ 0, NONE | TRIGGER, INTX, 0, 1, -EINVAL },
		{ 19, NONE | TRIGGER, INTX, 0, 1, -EINVAL },
		{ 20, NONE | TRIGGER, VFIO_PCI_NUM_IRQS, 0, 1, -EINVAL },
		{ 20, NONE | TRIGGER, ~0u, 0, 1, -EINVAL },
		/* CVE-2016-9083 and CVE-2016-9084. */
		{ 20, NONE | TRIGGER, INTX, ~0u, 1, -EINVAL },
		{ 20, NONE | TRIGGER, INTX, ~0u, 0, -EINVAL },
		{ 20, NONE | TRIGGER, INTX, 1, ~0u, -EINVAL },
		{ 20, NONE | TRIGGER, INTX, 0, ~0u, -EINVAL },
		{ 20, NONE | TRIGGER, INTX, 0, 1u << 31, -EINVAL },
		{ ~0u, EVENTFD | TRIGGER, MSI, 0, 1u << 30, -EINVAL },
		{ ~0u, EVENTFD | TRIGGER, MSI, 0, (1u << 30) + 1, -EINVAL },
		{ 20, NONE | TRIGGER, INTX, 1, 0, -EINVAL },
		{ 20, NONE | TRIGGER, INTX, 1, 1, -EINVAL },
		{ 20, NONE | TRIGGER, INTX, 0, 2, -EINVAL },
		/* No MSI-X here, so there is nothing to ask of it. */
		{ 20, NONE | TRIGGER, MSIX, 0, 0, -EINVAL },
		{ 20, NONE | MASK, MSIX, 0, 0, -EINVAL },
		/* Flags that mean nothing; no data type; two; three. */
		{ 20, NONE | TRIGGER | 1u << 6, INTX, 0, 1, -EINVAL },
		{ 20, NONE | TRIGGER | 1u << 31, INTX, 0, 1, -EINVAL },
		{ 20, TRIGGER, INTX, 0, 1, -EINVAL },
		{ 24, NONE | BOOL | TRIGGER, INTX, 0, 1, -EINVAL },
		{ 24, BOOL | EVENTFD | TRIGGER, INTX, 0, 1, -EINVAL },
		{ 24, NONE | BOOL | EVENTFD | TRIGGER, INTX, 0, 1, -EINVAL },
		/* Not all of the data. */
		{ 20, BOOL | TRIGGER, INTX, 0, 1, -EINVAL },
		{ 20, EVENTFD | TRIGGER, INTX, 0, 1, -EINVAL },
		{ 23, EVENTFD | TRIGGER, INTX, 0, 1, -EINVAL },
		/* No action, or several. */
		{ 20, NONE, INTX, 0, 1, -ENOTTY },
		{ 20, NONE | MASK | UNMASK, INTX, 0, 1, -ENOTTY },
		{ 20, NONE | MASK | TRIGGER, MSI, 0, 1, -ENOTTY },
		{ 20, NONE | MASK | UNMASK | TRIGGER, ERR, 0, 1, -ENOTTY },
		/* Actions that an index does not have. */
		{ 20, NONE | MASK, MSI, 0, 1, -ENOTTY },
		{ 20, NONE | UNMASK, MSI, 0, 1, -ENOTTY },
		{ 24, EVENTFD | UNMASK, MSI, 0, 1, -ENOTTY },
		{ 20, NONE | MASK, ERR, 0, 1, -ENOTTY },
		{ 20, NONE | UNMASK, ERR, 0, 1, -ENOTTY },
		{ 20, NONE | MASK, REQ, 0, 1, -ENOTTY },
		{ 20, NONE | UNMASK, REQ, 0, 1, -ENOTTY },
	};
	unsigned int i;

	for (i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		*set = (struct vfio_irq_set){
			.argsz = tries[i].argsz,
			.flags = tries[i].flags,
			.index = tries[i].index,
			.start = tries[i].start,
			.count = tries[i].count,
		};
		EXPECT_EQ(tries[i].want, __call(self->device, VFIO_DEVICE_SET_IRQS, set)) {
			TH_LOG("try %u", i);
		}
	}
	free(set);
	EXPECT_EQ(-EFAULT, __call(self->device, VFIO_DEVICE_SET_IRQS, NULL));
}

/* Data that is not there counts more than an action that is not. */
TEST_F(edu, data_fault)
{
	char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vfio_irq_set *set = (void *)(pages + PAGE - sizeof(*set));

	ASSERT_NE(MAP_FAILED, (void *)pages);
	ASSERT_EQ(0, munmap(pages + PAGE, PAGE));
	*set = (struct vfio_irq_set){
		.argsz = sizeof(*set) + 4, .flags = EVENTFD | TRIGGER, .index = INTX, .count = 1,
	};
	EXPECT_EQ(-EFAULT, __call(self->device, VFIO_DEVICE_SET_IRQS, set));
	set->flags = BOOL | MASK | UNMASK;
	EXPECT_EQ(-EFAULT, __call(self->device, VFIO_DEVICE_SET_IRQS, set));
	set->flags = NONE | MASK | UNMASK;
	EXPECT_EQ(-ENOTTY, __call(self->device, VFIO_DEVICE_SET_IRQS, set));
	munmap(pages, PAGE);
}

TEST_F(edu, one_type_at_a_time)
{
	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	EXPECT_EQ(-EINVAL, set_fd(self->device, TRIGGER, MSI, self->other));
	EXPECT_EQ(-EINVAL, __irq_disable(self->device, MSI));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	edu_ack(&self->edu);
	EXPECT_EQ(0, __irq_disable(self->device, INTX));

	EXPECT_EQ(0, set_fd(self->device, TRIGGER, MSI, self->other));
	EXPECT_EQ(-EINVAL, set_fd(self->device, TRIGGER, INTX, self->event));
	EXPECT_EQ(-EINVAL, set_fd(self->device, TRIGGER, INTX, -1));
	EXPECT_EQ(-EINVAL, set_none(self->device, MASK, INTX));
	EXPECT_EQ(-EINVAL, set_none(self->device, UNMASK, INTX));
	EXPECT_EQ(-EINVAL, __irq_disable(self->device, INTX));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->other, SOON));
	edu_ack(&self->edu);
	EXPECT_EQ(0, __irq_disable(self->device, MSI));

	/* The pin works again after MSI. */
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	edu_raise(&self->edu);
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
}

/* ---- ERR and REQ ------------------------------------------------------------ */

static void single(struct __test_metadata *_metadata, int device, uint32_t index)
{
	int event = eventfd_new(), other = eventfd_new(), null = no_eventfd();

	/* Nothing set. */
	EXPECT_EQ(-EINVAL, set_none(device, TRIGGER, index));
	EXPECT_EQ(-EINVAL, __irq_disable(device, index));
	EXPECT_EQ(0, set_bool(device, TRIGGER, index, &yes));
	EXPECT_EQ(-EBADF, set_fd(device, TRIGGER, index, 9999));
	EXPECT_EQ(-EINVAL, set_fd(device, TRIGGER, index, null));
	EXPECT_EQ(-EINVAL, set_fd(device, TRIGGER, index, -2));
	EXPECT_EQ(-EINVAL, __irq_set(device, EVENTFD | TRIGGER, index, 0, 0, NULL, 0));
	EXPECT_EQ(-EINVAL, __irq_set(device, BOOL | TRIGGER, index, 0, 0, NULL, 0));
	EXPECT_EQ(0, set_fd(device, TRIGGER, index, -1));

	/* Rung by hand. */
	EXPECT_EQ(0, set_fd(device, TRIGGER, index, event));
	EXPECT_EQ(0, set_none(device, TRIGGER, index));
	EXPECT_EQ(1, eventfd_wait(event, SOON));
	EXPECT_EQ(0, set_bool(device, TRIGGER, index, &no));
	EXPECT_EQ(0, eventfd_wait(event, QUIET));
	EXPECT_EQ(0, set_bool(device, TRIGGER, index, &yes));
	EXPECT_EQ(1, eventfd_wait(event, SOON));

	/* Replaced; a bad one leaves it; cleared both ways. */
	EXPECT_EQ(0, set_fd(device, TRIGGER, index, other));
	EXPECT_EQ(-EBADF, set_fd(device, TRIGGER, index, 9999));
	EXPECT_EQ(0, set_none(device, TRIGGER, index));
	EXPECT_EQ(1, eventfd_wait(other, SOON));
	EXPECT_EQ(0, eventfd_wait(event, 0));
	EXPECT_EQ(0, __irq_disable(device, index));
	EXPECT_EQ(-EINVAL, set_none(device, TRIGGER, index));
	EXPECT_EQ(0, set_fd(device, TRIGGER, index, event));
	EXPECT_EQ(0, set_fd(device, TRIGGER, index, -1));
	EXPECT_EQ(-EINVAL, set_none(device, TRIGGER, index));
	EXPECT_EQ(0, eventfd_wait(event, 0));

	close(event);
	close(other);
	close(null);
}

TEST_F(edu, err)
{
	single(_metadata, self->device, ERR);
}

TEST_F(edu, req)
{
	single(_metadata, self->device, REQ);
}

/* They do not stand in the way of the interrupts of the device. */
TEST_F(edu, err_and_req_beside_intx)
{
	int err = eventfd_new(), req = eventfd_new();

	ASSERT_EQ(0, set_fd(self->device, TRIGGER, INTX, self->event));
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, ERR, err));
	EXPECT_EQ(0, set_fd(self->device, TRIGGER, REQ, req));
	EXPECT_EQ(0, __irq_disable(self->device, INTX));
	EXPECT_EQ(0, set_none(self->device, TRIGGER, ERR));
	EXPECT_EQ(1, eventfd_wait(err, SOON));
	EXPECT_EQ(0, set_none(self->device, TRIGGER, REQ));
	EXPECT_EQ(1, eventfd_wait(req, SOON));
	close(err);
	close(req);
}

static void *unbinds(void *bdf)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", (char *)bdf);
	write_text(path, bdf);
	return NULL;
}

/* Taking the driver away rings REQ at once, and waits for the device. */
TEST_F(edu, req_on_unbind)
{
	char bdf[BDF_LEN];
	pthread_t thread;

	ASSERT_EQ(0, set_fd(self->device, TRIGGER, REQ, self->event));
	ASSERT_EQ(0, pthread_create(&thread, NULL, unbinds, self->vfio.bdf));
	EXPECT_EQ(1, eventfd_wait(self->event, SOON));
	usleep(QUIET * 1000);
	EXPECT_EQ(EBUSY, pthread_tryjoin_np(thread, NULL));
	edu_close(&self->edu);
	close(self->device);
	pthread_join(thread, NULL);

	/* For the teardown, the device again. */
	self->vfio.device = -1;
	vfio_close(&self->vfio);
	memcpy(bdf, self->vfio.bdf, sizeof(bdf));
	vfio_open(&self->vfio, bdf, HOST_IOMMU);
	self->device = self->vfio.device;
	edu_open(&self->edu, self->device);
}

TEST_HARNESS_MAIN
