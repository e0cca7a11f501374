/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of the backend; trace.rs has the functions for them.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfio_type1

#if !defined(_VFIO_TYPE1_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _VFIO_TYPE1_TRACE_H

#include <linux/tracepoint.h>

/* MAP_DMA has ended: the range of I/O addresses, the memory, and 0 or -errno. */
TRACE_EVENT(vfio_type1_map,
	TP_PROTO(u64 iova, u64 size, u64 vaddr, s32 result),
	TP_ARGS(iova, size, vaddr, result),
	TP_STRUCT__entry(
		__field(u64, iova)
		__field(u64, size)
		__field(u64, vaddr)
		__field(s32, result)
	),
	TP_fast_assign(
		__entry->iova = iova;
		__entry->size = size;
		__entry->vaddr = vaddr;
		__entry->result = result;
	),
	TP_printk("iova=0x%llx size=0x%llx vaddr=0x%llx result=%d",
		  __entry->iova, __entry->size, __entry->vaddr, __entry->result)
);

/* UNMAP_DMA has ended: the range asked for, what was unmapped of it, and 0 or -errno. */
TRACE_EVENT(vfio_type1_unmap,
	TP_PROTO(u64 iova, u64 size, u64 unmapped, s32 result),
	TP_ARGS(iova, size, unmapped, result),
	TP_STRUCT__entry(
		__field(u64, iova)
		__field(u64, size)
		__field(u64, unmapped)
		__field(s32, result)
	),
	TP_fast_assign(
		__entry->iova = iova;
		__entry->size = size;
		__entry->unmapped = unmapped;
		__entry->result = result;
	),
	TP_printk("iova=0x%llx size=0x%llx unmapped=0x%llx result=%d",
		  __entry->iova, __entry->size, __entry->unmapped, __entry->result)
);

#endif /* _VFIO_TYPE1_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
