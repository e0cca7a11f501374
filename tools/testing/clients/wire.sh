# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Two network cards of the guest on one wire: do the kernel's own drivers get packets across? Sourced after
# checks.sh.

# The second card gets a network namespace of its own; otherwise the kernel would not use the wire.
wire_up() {
	local far
	far=$(interface_of "$2")
	ip netns add far &&
		ip link set "$far" netns far &&
		ip -n far address add 192.0.2.2/24 dev "$far" &&
		ip -n far link set "$far" up &&
		ip address add 192.0.2.1/24 dev "$(interface_of "$1")" &&
		ip link set "$(interface_of "$1")" up
}

# The first packets may be lost while the link comes up.
wire_carries() {
	within 60 busybox ping -c 1 -W 2 192.0.2.2 && busybox ping -c 5 -W 10 192.0.2.2
}

# Deleting a namespace gives its card back, some time later.
wire_down() {
	ip netns delete far
	ip address flush dev "$(interface_of "$1")"
	ip link set "$(interface_of "$1")" down
	within 60 test -d "/sys/bus/pci/devices/$2/net" -a -n "$(ls "/sys/bus/pci/devices/$2/net")"
}
