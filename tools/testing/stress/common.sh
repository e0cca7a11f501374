# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the stress scripts share: the kernel's own count of pinned pages.

failed() { echo "failed: $*" >&2 && exit 1; }

# Pages that are pinned for DMA now, by the kernel's counters.
pinned_pages() {
	echo 1 >/proc/sys/vm/stat_refresh # fold the per-CPU parts in
	awk '$1 == "nr_foll_pin_acquired" { a = $2 } $1 == "nr_foll_pin_released" { r = $2 }
		END { print a - r }' /proc/vmstat
}

expect_nothing_pinned() {
	local now
	now=$(pinned_pages)
	[ "$now" = "$pinned_before" ] || failed "$((now - pinned_before)) pages stay pinned $1"
}

pinned_before=$(pinned_pages)
[ -n "$pinned_before" ] || failed "the kernel has no counters of pinned pages"
