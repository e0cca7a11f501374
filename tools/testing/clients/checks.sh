# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Counted checks for the scripts of this folder; sourced, in the guest.
#
# Each check prints "pass TEXT" or "fail TEXT" and, when it failed, what its command had to say. A script
# ends with 'verdict', or before with 'give_up'.

passed=0 failed=0
said=$(mktemp)

# check TEXT COMMAND...
check() {
	local text=$1
	shift
	if "$@" >"$said" 2>&1; then
		passed=$((passed + 1))
		echo "pass $client: $text"
	else
		failed=$((failed + 1))
		echo "fail $client: $text"
		tail -n 40 "$said" | tr -d '\r' | sed 's/^/    /'
		return 1
	fi
}

# need TEXT COMMAND...: a check without which the rest makes no sense.
need() {
	check "$@" || verdict
}

verdict() {
	echo "$client: $passed passed, $failed failed"
	[ "$failed" = 0 ]
	exit
}

# within SECONDS COMMAND...: does COMMAND come true in that time?
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.5
	done
}

driver_of() {
	basename "$(readlink "/sys/bus/pci/devices/$1/driver" || echo none)"
}

# bound_to DRIVER BDF...
bound_to() {
	local driver=$1 bdf
	shift
	for bdf; do
		[ "$(driver_of "$bdf")" = "$driver" ] || {
			echo "$bdf is bound to $(driver_of "$bdf"), not to $driver"
			return 1
		}
	done
}

# The network interface of a PCI device.
interface_of() {
	basename "$(echo "/sys/bus/pci/devices/$1/net/"*)"
}

# writable FOLDER: let programs write there; what they write is gone with the guest.
writable() {
	local layer=/run/writable$1
	! grep -q "^writable $1 " /proc/self/mounts || return 0
	mkdir -p "$layer/upper" "$layer/work" &&
		mount -t overlay -o "lowerdir=$1,upperdir=$layer/upper,workdir=$layer/work" writable "$1"
}
