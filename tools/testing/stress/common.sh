# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the stress scripts share: the kernel's own count of pinned pages.

failed() { echo "failed: $*" >&2 && exit 1; }

# Pages that are pinned for DMA now, by the kernel's counters.
pinned_now() {
	local name value acquired released
	echo 1 >/proc/sys/vm/stat_refresh # fold the per-CPU parts in
	while read -r name value; do
		case $name in
		nr_foll_pin_acquired) acquired=$value ;;
		nr_foll_pin_released) released=$value ;;
		esac
	done </proc/vmstat
	[ -z "${acquired-}" ] || echo $((acquired - released))
}

# The least of some looks within 5 s, or the first that is at most $1: others pin as well, while they read a
# file of the host, but not for long.
pinned_pages() {
	local least now i
	least=$(pinned_now)
	for ((i = 0; i < 50 && ${least:-0} > $1; i++)); do
		sleep 0.1
		now=$(pinned_now)
		[ "$now" -ge "$least" ] || least=$now
	done
	echo "$least"
}

expect_nothing_pinned() {
	local now
	now=$(pinned_pages "$pinned_before")
	[ "$now" -le "$pinned_before" ] || failed "$((now - pinned_before)) pages stay pinned $1"
}

pinned_before=$(pinned_pages 0)
[ -n "$pinned_before" ] || failed "the kernel has no counters of pinned pages"
