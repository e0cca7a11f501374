// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints, events/vfio_type1 and events/vfio_pci: what a trace shows of
 * mappings, interrupts, resets and page faults. Only our modules have them.
 *
 * Each case traces into an instance of its own, and skips without tracefs. Uses an
 * edu device, and an igb, each alone in its group.
 */
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "vfio_debugfs.h"
#include "vfio_irq.h"

#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/vfio_trace_test"

FIXTURE(trace)
{
	struct vfio vfio;
	char bdf[BDF_LEN], want[256];
};

static void trace_event(const char *event, const char *on)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), INSTANCE "/events/%s/enable", event);
	write_text(path, on);
}

/* Whether the trace has a line with this text, now or soon. */
static bool traced(const char *text)
{
	double end = seconds() + 10;
	char line[1024];
	bool found = false;
	FILE *file;

	while (!found) {
		file = fopen(INSTANCE "/trace", "re");
		if (!file)
			fail("trace: %s", strerror(errno));
		while (!found && fgets(line, sizeof(line), file))
			found = strstr(line, text);
		fclose(file);
		if (seconds() > end)
			break;
		wait_a_moment();
	}
	return found;
}

#define EXPECT_TRACED(...) \
	do { \
		snprintf(self->want, sizeof(self->want), __VA_ARGS__); \
		EXPECT_TRUE(traced(self->want)) { \
			TH_LOG("not in the trace: %s", self->want); \
		} \
	} while (0)

FIXTURE_SETUP(trace)
{
	if (access(TRACING "/events", F_OK))
		mount("none", TRACING, "tracefs", 0, NULL);
	if (access(TRACING "/events", F_OK))
		SKIP(return, "no tracefs");
	if (!driver_is_rust())
		SKIP(return, "only our modules have tracepoints");
	if (!pci_find_alone(ID_EDU, 0, self->bdf))
		SKIP(return, "no edu device alone in its group");
	rmdir(INSTANCE);
	if (mkdir(INSTANCE, 0700))
		fail("instance: %s", strerror(errno));
}

FIXTURE_TEARDOWN(trace)
{
	if (self->vfio.container > 0)
		vfio_close(&self->vfio);
	rmdir(INSTANCE);
}

TEST_F(trace, mappings)
{
	char *mem = memory(2 * PAGE);

	vfio_open(&self->vfio, self->bdf, VFIO_TYPE1v2_IOMMU);
	dma_map(self->vfio.container, mem, 0x100000, PAGE, DMA_RW);
	dma_unmap(self->vfio.container, 0x100000, PAGE);
	trace_event("vfio_type1", "1");
	dma_map(self->vfio.container, mem, 0x200000, 2 * PAGE, DMA_RW);
	EXPECT_EQ(-EEXIST, __dma_map(self->vfio.container, mem, 0x201000, PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, __dma_unmap(self->vfio.container, 0x200000, PAGE));
	dma_unmap(self->vfio.container, 0, 0x400000);
	trace_event("vfio_type1", "0");
	dma_map(self->vfio.container, mem, 0x300000, PAGE, DMA_RW);

	EXPECT_TRACED("vfio_type1_map: iova=0x200000 size=0x2000 vaddr=0x%lx result=0",
		      (unsigned long)mem);
	EXPECT_TRACED("vfio_type1_map: iova=0x201000 size=0x1000 vaddr=0x%lx result=%d",
		      (unsigned long)mem, -EEXIST);
	EXPECT_TRACED("vfio_type1_unmap: iova=0x200000 size=0x1000 unmapped=0x0 result=%d",
		      -EINVAL);
	EXPECT_TRACED("vfio_type1_unmap: iova=0x0 size=0x400000 unmapped=0x2000 result=0");
	/* Only while it was on. */
	must(__read_text(INSTANCE "/trace", self->want, sizeof(self->want)));
	EXPECT_NE(NULL, strstr(self->want, "entries-in-buffer/entries-written: 4/4")) {
		TH_LOG("%s", self->want);
	}
	munmap(mem, 2 * PAGE);
}

TEST_F(trace, interrupts)
{
	int event = eventfd_new();
	struct edu edu;

	vfio_open(&self->vfio, self->bdf, VFIO_TYPE1v2_IOMMU);
	edu_open(&edu, self->vfio.device);
	trace_event("vfio_pci/vfio_pci_irq", "1");
	must(set_fd(self->vfio.device, TRIGGER, MSI, event));
	edu_raise(&edu);
	ASSERT_EQ(1, eventfd_wait(event, SOON));
	edu_ack(&edu);
	EXPECT_TRACED("vfio_pci_irq: %s msi vector=0", self->bdf);
	must(__irq_disable(self->vfio.device, MSI));

	must(set_fd(self->vfio.device, TRIGGER, INTX, event));
	edu_raise(&edu);
	ASSERT_EQ(1, eventfd_wait(event, SOON));
	edu_ack(&edu);
	EXPECT_TRACED("vfio_pci_irq: %s intx vector=0", self->bdf);
	edu_close(&edu);
	close(event);
}

TEST_F(trace, faults)
{
	struct child child;
	struct edu edu;

	vfio_open(&self->vfio, self->bdf, VFIO_TYPE1v2_IOMMU);
	trace_event("vfio_pci/vfio_pci_fault", "1");
	edu_open(&edu, self->vfio.device);
	edu_read(&edu, 0);
	/* VM_FAULT_NOPAGE: the page was put there. */
	EXPECT_TRACED("vfio_pci_fault: %s bar=0 page=0 order=0 outcome=0x100", self->bdf);

	/* VM_FAULT_SIGBUS, in a child that dies of it. */
	pci_command(self->vfio.device, 0, 2);
	if (start_child(&child)) {
		edu_read(&edu, 0);
		_exit(0);
	}
	EXPECT_TRUE(WIFSIGNALED(end_of(&child)));
	EXPECT_TRACED("vfio_pci_fault: %s bar=0 page=0 order=0 outcome=0x2", self->bdf);
	pci_command(self->vfio.device, 2, 0);
	edu_close(&edu);
}

TEST_F(trace, resets)
{
	char igb[BDF_LEN];

	if (!pci_find_alone(ID_IGB, 0, igb))
		SKIP(return, "no igb alone in its group");
	trace_event("vfio_pci/vfio_pci_reset", "1");
	vfio_open(&self->vfio, igb, VFIO_TYPE1v2_IOMMU);
	EXPECT_TRACED("vfio_pci_reset: %s open result=0", igb);
	call(self->vfio.device, VFIO_DEVICE_RESET, NULL);
	EXPECT_TRACED("vfio_pci_reset: %s ioctl result=0", igb);
	close(self->vfio.device);
	self->vfio.device = -1;
	EXPECT_TRACED("vfio_pci_reset: %s close result=0", igb);
}

TEST_HARNESS_MAIN
