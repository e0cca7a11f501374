/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of PCI devices; trace.rs has the functions for them.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfio_pci

#if !defined(_VFIO_PCI_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _VFIO_PCI_TRACE_H

#include <linux/tracepoint.h>

/* An interrupt was taken and is about to be signalled. */
TRACE_EVENT(vfio_pci_irq,
	TP_PROTO(const char *device, const char *mode, u32 vector),
	TP_ARGS(device, mode, vector),
	TP_STRUCT__entry(
		__string(device, device)
		__string(mode, mode)
		__field(u32, vector)
	),
	TP_fast_assign(
		__assign_str(device);
		__assign_str(mode);
		__entry->vector = vector;
	),
	TP_printk("%s %s vector=%u", __get_str(device), __get_str(mode), __entry->vector)
);

/* A reset has ended: why it was made, and 0 or -errno. */
TRACE_EVENT(vfio_pci_reset,
	TP_PROTO(const char *device, const char *kind, s32 result),
	TP_ARGS(device, kind, result),
	TP_STRUCT__entry(
		__string(device, device)
		__string(kind, kind)
		__field(s32, result)
	),
	TP_fast_assign(
		__assign_str(device);
		__assign_str(kind);
		__entry->result = result;
	),
	TP_printk("%s %s result=%d", __get_str(device), __get_str(kind), __entry->result)
);

/* A program touched a BAR where nothing was mapped yet: 2^order pages, and VM_FAULT_*. */
TRACE_EVENT(vfio_pci_fault,
	TP_PROTO(const char *device, u32 bar, u64 page, u32 order, u32 outcome),
	TP_ARGS(device, bar, page, order, outcome),
	TP_STRUCT__entry(
		__string(device, device)
		__field(u32, bar)
		__field(u64, page)
		__field(u32, order)
		__field(u32, outcome)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->bar = bar;
		__entry->page = page;
		__entry->order = order;
		__entry->outcome = outcome;
	),
	TP_printk("%s bar=%u page=%llu order=%u outcome=0x%x", __get_str(device), __entry->bar,
		  __entry->page, __entry->order, __entry->outcome)
);

#endif /* _VFIO_PCI_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
