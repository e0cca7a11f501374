# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# POWER guests: a partition below a hypervisor (pseries), which is asked for each change of a TCE table, and
# the bare machine (powernv), whose kernel writes the tables itself.
#
# An IOMMU group is what hangs on one PCI host bridge, so each test device gets one of its own; the PCI domain
# tells which. virtme-ng does not boot these guests: guest/power-init does in them what its init does in others.

power_bridges=0         # PCI host bridges that test devices have

is_power() {
	[ "$machine" = pseries ] || [ "$machine" = powernv ]
}

# add_power_machine: the first host bridge carries the root file system and what the command prints. On
# powernv, where a bridge has one slot, the second carries the shared folders.
add_power_machine() {
	local slot=bus=pci.0,addr=2
	share_slot=bus=pci.0,addr=3
	if [ "$machine" = powernv ]; then
		# Six host bridges a chip.
		qemu+=(-machine powernv9 -smp "$((smp + smp % 2)),sockets=2")
		slot=bus=pcie.0,addr=0
		share_slot=bus=pcie.1,addr=0
	else
		qemu+=(-machine pseries -smp "$smp")
	fi
	qemu+=(-accel tcg -m "$memory" -nic none -vga none -display none -monitor none -no-reboot
		-kernel "$KIMAGE" -serial "file:$log"
		-fsdev "local,id=fs-root,path=$GUEST,security_model=none,multidevs=remap,readonly=on"
		-device "virtio-9p-pci,fsdev=fs-root,mount_tag=root,$slot.0,multifunction=on"
		-device "virtio-serial-pci,$slot.1"
		-chardev file,id=stdout,path=/proc/self/fd/1 -device virtserialport,chardev=stdout,name=vm.stdout
		-chardev file,id=stderr,path=/proc/self/fd/3 -device virtserialport,chardev=stderr,name=vm.stderr)
	append+=(root=root rootfstype=9p rootflags=trans=virtio,version=9p2000.L,cache=loose,msize=262144 ro
		console=hvc0 panic=-1)
}

# The place of one more test device, in $place and $address: alone on a host bridge.
claim_bridge() {
	power_bridges=$((power_bridges + 1))
	if [ "$machine" = pseries ]; then
		qemu+=(-device "spapr-pci-host-bridge,index=$power_bridges,id=bridge$power_bridges")
		place=bus=bridge$power_bridges.0,addr=1.0
		address=$(printf '%04x:00:01.0' "$power_bridges")
	else
		[ "$power_bridges" -le 10 ] || bad_usage "at most 10 devices on powernv"
		place=bus=pcie.$((power_bridges + 1)),addr=0.0
		address=$(printf '%04x:01:00.0' "$((power_bridges + 1))")
	fi
}

# What the kernel needs beside its parameters is what starts first, and the run folder.
power_command() {
	launch=("$PROJECT/tools/testing/rig/power-run" "$run" "${qemu[@]}" "${qemu_args[@]}"
		-append "${append[*]} init=$PROJECT/tools/testing/guest/power-init -- $run")
}
