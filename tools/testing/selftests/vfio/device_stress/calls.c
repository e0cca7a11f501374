// SPDX-License-Identifier: GPL-2.0-only
/* ioctls on a device file: mostly right, some of them nonsense. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "stress.h"

#define INDEXES	10	/* of regions; one more than there are */

static int an_event(struct session *session)
{
	return rarely(&session->random, 5) ? -1 : session->events[below(&session->random, EVENTS)];
}

/* ---- Questions -------------------------------------------------------------- */

static void info(struct session *session, int device)
{
	struct vfio_device_info *info = (void *)session->arg;

	info->argsz = rarely(&session->random, 8) ? below(&session->random, 64) : ARG;
	counted(INFO, __call(device, VFIO_DEVICE_GET_INFO, info));
}

static void ask_region(struct session *session, int device)
{
	struct vfio_region_info *info = (void *)session->arg;

	*info = (struct vfio_region_info){
		.argsz = rarely(&session->random, 8) ? below(&session->random, 64) : ARG,
		.index = below(&session->random, INDEXES),
	};
	counted(REGION_INFO, __call(device, VFIO_DEVICE_GET_REGION_INFO, info));
}

static void irq_info(struct session *session, int device)
{
	struct vfio_irq_info info = {
		.argsz = sizeof(info),
		.index = below(&session->random, 6),
	};

	counted(IRQ_INFO, __call(device, VFIO_DEVICE_GET_IRQ_INFO, &info));
}

/* ---- Interrupts ------------------------------------------------------------- */

static void irqs_off(struct session *session, int device)
{
	counted(SET_IRQS, __irq_disable(device, below(&session->random, 6)));
}

/* Whole vectors, as a driver sets them up. */
static void irqs_on(struct session *session, int device)
{
	uint32_t index = below(&session->random, 5);
	uint32_t count = index == VFIO_PCI_MSI_IRQ_INDEX || index == VFIO_PCI_MSIX_IRQ_INDEX
		? 1 + below(&session->random, 4) : 1;
	int fds[4], i;

	for (i = 0; i < 4; i++)
		fds[i] = an_event(session);
	counted(SET_IRQS, __irq_eventfds(device, index, 0, count, fds));
}

static void irqs_any(struct session *session, int device)
{
	static const uint32_t kinds[] = {
		VFIO_IRQ_SET_DATA_NONE, VFIO_IRQ_SET_DATA_BOOL, VFIO_IRQ_SET_DATA_EVENTFD,
	};
	static const uint32_t actions[] = {
		VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_UNMASK, VFIO_IRQ_SET_ACTION_TRIGGER,
	};
	uint32_t kind = kinds[below(&session->random, 3)];
	uint32_t count = below(&session->random, 5), i;
	uint8_t bools[8];
	int fds[8];

	for (i = 0; i < 8; i++) {
		bools[i] = below(&session->random, 2);
		fds[i] = an_event(session);
	}
	counted(SET_IRQS, __irq_set(device, kind | actions[below(&session->random, 3)],
				    below(&session->random, 6), below(&session->random, 3), count,
				    kind == VFIO_IRQ_SET_DATA_BOOL ? (void *)bools : fds,
				    kind == VFIO_IRQ_SET_DATA_NONE ? 0 :
				    kind == VFIO_IRQ_SET_DATA_BOOL ? count : count * sizeof(int)));
}

static void irqs(struct session *session, int device)
{
	switch (below(&session->random, 4)) {
	case 0:
		irqs_off(session, device);
		break;
	case 1:
		irqs_on(session, device);
		break;
	default:
		irqs_any(session, device);
		break;
	}
}

/* ---- Resets ----------------------------------------------------------------- */

static void reset(struct session *session, int device)
{
	if (rarely(&session->random, 8))
		counted(RESET, __call(device, VFIO_DEVICE_RESET, NULL));
}

static void hot_info(struct session *session, int device)
{
	struct vfio_pci_hot_reset_info *info = (void *)session->arg;

	*info = (struct vfio_pci_hot_reset_info){
		.argsz = rarely(&session->random, 4) ? below(&session->random, 64) : ARG,
	};
	counted(HOT_INFO, __call(device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info));
}

static void hot_reset(struct session *session, int device)
{
	struct vfio_pci_hot_reset *request = (void *)session->arg;
	uint32_t i;

	if (below(&session->random, 8))
		return;
	*request = (struct vfio_pci_hot_reset){
		.argsz = ARG,
		.count = rarely(&session->random, 4) ? below(&session->random, 4) : 1,
	};
	for (i = 0; i < 4; i++)
		request->group_fds[i] = rarely(&session->random, 8) ? an_event(session) : session->group;
	counted(HOT_RESET, __call(device, VFIO_DEVICE_PCI_HOT_RESET, request));
}

/* ---- ioeventfd -------------------------------------------------------------- */

/* Only where a write does no harm: the inverter of an edu. */
static void ioeventfd(struct session *session, int device)
{
	bool edu = session->target && session->target->device == 0x11e8;
	uint32_t width = 1U << below(&session->random, 4);
	uint64_t at = edu ? EDU_LIVE : 0;

	if (rarely(&session->random, 4))
		at = interesting(&session->random);
	if (!edu && session->events[0] >= 0 && below(&session->random, 4))
		return;
	counted(IOEVENTFD, __ioeventfd(device, width, below(&session->random, edu ? 2 : 10), at,
				       random_next(&session->random), an_event(session)));
}

/* ---- Features --------------------------------------------------------------- */

static const uint32_t feature_flags[] = {
	VFIO_DEVICE_FEATURE_GET, VFIO_DEVICE_FEATURE_SET,
	VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET,
	VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET,
	VFIO_DEVICE_FEATURE_PROBE,
};

static void any_feature(struct session *session, int device)
{
	struct vfio_device_feature *feature = (void *)session->arg;
	uint32_t number = below(&session->random, 14);

	noise(&session->random, session->arg, 64);
	feature->argsz = sizeof(*feature) + below(&session->random, 40);
	feature->flags = number | feature_flags[below(&session->random, 5)];
	/* That with a random token would shut the virtual functions. */
	if (number == VFIO_DEVICE_FEATURE_PCI_VF_TOKEN && below(&session->random, 16))
		return;
	counted(FEATURE, __call(device, VFIO_DEVICE_FEATURE, feature));
}

static void low_power(struct session *session, int device)
{
	static const uint32_t numbers[] = {
		VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
		VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
	};
	uint32_t number = numbers[below(&session->random, 3)];
	struct {
		struct vfio_device_feature head;
		struct vfio_device_low_power_entry_with_wakeup entry;
	} set = {
		.head.argsz = sizeof(set.head),
		.head.flags = VFIO_DEVICE_FEATURE_SET | number,
		.entry.wakeup_eventfd = an_event(session),
	};

	if (number == VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP)
		set.head.argsz = sizeof(set);
	counted(LOW_POWER, __call(device, VFIO_DEVICE_FEATURE, &set));
}

/* A buffer that outlives its region or not, with or without a mapping. */
static void dma_buf(struct session *session, int device)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_feature_dma_buf buffer;
		struct vfio_region_dma_range ranges[2];
	} get = {
		.head.argsz = sizeof(get),
		.head.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		.buffer.region_index = below(&session->random, 6),
		.buffer.open_flags = O_RDWR | O_CLOEXEC,
		.buffer.nr_ranges = 1 + rarely(&session->random, 4),
		.ranges = { { 0, PAGE }, { below(&session->random, 4) * PAGE, PAGE } },
	};
	int fd = __call(device, VFIO_DEVICE_FEATURE, &get);

	if (!counted(DMA_BUF, fd))
		return;
	if (below(&session->random, 2))
		close(fd);
	else
		mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
}

/* ---- Nonsense --------------------------------------------------------------- */

static bool waits_or_shuts(unsigned long request, const uint8_t *arg)
{
	uint32_t flags;

	memcpy(&flags, arg + 4, sizeof(flags));
	return request == VFIO_DEVICE_RESET || request == VFIO_DEVICE_PCI_HOT_RESET ||
	       /* A write to no one knows which register. */
	       request == VFIO_DEVICE_IOEVENTFD ||
	       (request == VFIO_DEVICE_FEATURE && !(flags & VFIO_DEVICE_FEATURE_MASK));
}

static void nonsense(struct session *session, int device)
{
	unsigned long request = _IO(VFIO_TYPE, VFIO_BASE + below(&session->random, 28));
	struct ingredients of = { session->events, EVENTS, session->mem, PAGES };
	void *pointer = session->arg;

	nearly_right(&session->random, &of, session->arg);
	if (rarely(&session->random, 4))
		noise(&session->random, session->arg, ARG);
	if (waits_or_shuts(request, session->arg))
		return;
	if (rarely(&session->random, 16))
		pointer = (void *)(uintptr_t)interesting(&session->random);
	counted(NONSENSE, __call(device, request, pointer));
}

void call_random(struct session *session, int device)
{
	static void (*const calls[])(struct session *session, int device) = {
		info, ask_region, irq_info, irqs, irqs, irqs, reset, hot_info, hot_reset,
		ioeventfd, any_feature, low_power, low_power, dma_buf, nonsense, nonsense,
	};

	calls[below(&session->random, sizeof(calls) / sizeof(calls[0]))](session, device);
}
