# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Tell a command that failed, a kernel that complained, a guest that hung and one that died apart.

SPLAT='Call Trace:|nobody cared|BUG:|WARNING:|Oops|kernel BUG at|general protection fault|KASAN|UBSAN|KCSAN|vfio-debug-report:'
SPLAT+='|possible circular locking|possible recursive locking|inconsistent lock state|suspicious RCU'
SPLAT+='|blocked for more than|soft lockup|hard LOCKUP|detected stall|Kernel panic|Bad page state|double fault'

# The first line of a kernel report since the session began, if there is one.
#
# With DEBUG_VM the kernel remarks on every caller that does not wait for a program to provide pages by
# userfaultfd. That is what MAP_DMA promises, C's and ours.
find_splat() {
	tr -d '\r' <"$log" | sed -n '/vfio-vm: session begins/,$p' |
		sed '/FAULT_FLAG_ALLOW_RETRY missing/,/<\/TASK>/d' | grep -a -m 1 -E "$SPLAT" |
		sed 's/^\[[ 0-9.]*\] *//'
}

keep_log() {
	warn "$1"
	warn "guest log: $log"
	[ $# -lt 3 ] || cat "$run/qemu.log" "$log" 2>/dev/null | tail -n "$3" | tr -d '\r' | sed 's/^/    /' >&2
	exit "$2"
}

give_verdict() {
	local splat status='' late=''
	splat=$(find_splat)
	[ "$qemu_status" != 124 ] && [ "$qemu_status" != 137 ] || late=1
	[ ! -s "$run/status" ] || status=$(cat "$run/status")
	if [ -n "$splat" ] && [ -z "$allow_splat" ]; then
		keep_log "the guest's kernel reported: $splat${late:+ (and the command did not end in $timeout s)}" 125
	elif [ -n "$late" ] && [ -z "$status" ]; then
		keep_log "time-out: the command did not end within $timeout s" 124 15
	elif [ -e "$run/failed" ]; then
		keep_log "the guest could not be prepared: $(cat "$run/failed")" 126
	elif [ -z "$status" ]; then
		keep_log "the guest died or did not boot (QEMU ended with $qemu_status after $((SECONDS - started)) s)" 126 15
	fi
	[ "$status" = 0 ] || cp "$log" "$CACHE/runs/last-failed.log"
	rm -rf "$run"
	exit "$status"
}
