# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Machines and test devices: QEMU arguments, fixed addresses, names in the guest's environment.
#
# virtme-ng's own devices take slots 01 and 03 to 08 as they come, further --device texts what is free above.
# 09 and 14 are the AMD machine's, 1e carries the shared folders, 1f is the chipset. The virtual functions of
# an igb lie 16 slots above it (1a to 1d) and must not pass 1f; vga-port is where the fifth of the
# second igb would be.

qemu=()                 # QEMU arguments gathered so far
append=()               # kernel parameters gathered so far
blacklist=()            # native drivers to keep off the test devices
declare -A taken=()     # how many of each kind there are
declare -A test_env=()  # VFIO_TEST_x -> addresses; @ADDRESS means "the devices below this bridge"

# add_machine intel|amd|none|pseries|powernv
add_machine() {
	! is_power || { add_power_machine; return; }
	qemu+=(-machine q35,kernel-irqchip=split)
	case $1 in
	intel)
		qemu+=(-device intel-iommu,intremap=on,caching-mode=on,aw-bits=48)
		append+=(intel_iommu=on)
		;;
	amd)
		# Without a device of class SMBus at 00:14.0, where the chipset has it, Linux turns
		# interrupt remapping off; without dma-remap=on QEMU does not translate device DMA.
		truncate -s 1M "$run/smbus.img"
		qemu+=(-device AMDVI-PCI,id=amdvi,addr=09.0
			-device amd-iommu,pci-id=amdvi,intremap=on,dma-remap=on,xtsup=on
			-drive "if=none,id=smbus,format=raw,file=$run/smbus.img"
			-device virtio-blk-pci,drive=smbus,addr=14.0,class=0x0c05)
		;;
	esac
}

# claim KIND SLOT...: the next free slot of a kind, in $slot, and how QEMU is told of it, in $place; the
# device's number, from 0, in $nth. On POWER a host bridge takes the place of a slot.
claim() {
	local kind=$1 slots=("${@:2}") name
	nth=${taken[$kind]-0}
	[ "$nth" -lt ${#slots[@]} ] || bad_usage "at most ${#slots[@]} devices of kind $kind"
	taken[$kind]=$((nth + 1))
	slot=${slots[nth]}
	place=addr=$slot.0
	address=0000:00:$slot.0
	! is_power || claim_bridge
	name=VFIO_TEST_${kind^^}
	name=${name//-/_}
	test_env[$name]="${test_env[$name]-}${test_env[$name]+ }$address"
}

add_nvme() {
	local size=${1#:}
	size=${size:-128M}
	claim nvme 10 11
	truncate -s "$size" "$run/nvme$nth.img" || bad_usage "nvme: bad size '$size'"
	qemu+=(-drive "if=none,id=nvme$nth,format=raw,cache=unsafe,file=$run/nvme$nth.img"
		-device "nvme,drive=nvme$nth,serial=vfio-test-$nth,$place")
	blacklist+=(nvme)
}

add_edu_pair() {
	claim edu-pair 15
	! is_power || {
		test_env[VFIO_TEST_EDU_PAIR]="$address ${address%.0}.1"
		qemu+=(-device "edu,multifunction=on,$place" -device "edu,${place%.0}.1")
		return
	}
	test_env[VFIO_TEST_EDU_PAIR]=@0000:00:$slot.0
	qemu+=(-device "pci-bridge,id=pair,chassis_nr=1,addr=$slot.0"
		-device edu,bus=pair,addr=1.0 -device edu,bus=pair,addr=2.0)
}

# Two groups that only a bridge has in common. The port has the place of a virtual function.
add_edu_switch() {
	local nth
	claim edu-switch 1c
	test_env[VFIO_TEST_EDU_SWITCH]=0000:00:$slot.0
	qemu+=(-device "pcie-root-port,id=switch,chassis=4,slot=4,addr=$slot.0"
		-device x3130-upstream,bus=switch,id=upstream)
	for nth in 0 1; do
		qemu+=(-device "xio3130-downstream,bus=upstream,id=downstream$nth,chassis=$((5 + nth)),slot=$((5 + nth))"
			-device "edu,id=behind$nth,bus=downstream$nth")
	done
}

# Below a port of 2.5 GT/s the kernel waits for the device after a reset; below a faster one also for the
# link, which QEMU does not report.
add_igb_port() {
	claim igb-port 17
	test_env[VFIO_TEST_IGB_PORT]=@0000:00:$slot.0
	qemu+=(-device "pcie-root-port,id=igbport,chassis=2,slot=2,x-speed=2_5,addr=$slot.0"
		-device igb,id=igbcard,bus=igbport)
	blacklist+=(igb)
}

# Two functions of one slot in groups of their own, which a reset of the bus hits both: the kernel has it from
# the card's maker that the igb's cannot reach others. The edu goes first, because the igb would be asked
# for its next function and says that there is none. As no slot that devices are plugged into, the port is no
# slot to be reset. Instead of e1000e 1.
add_edu_igb() {
	claim edu-igb 19
	test_env[VFIO_TEST_EDU_IGB]=@0000:00:$slot.0
	qemu+=(-device "pcie-root-port,id=mixed,chassis=7,slot=7,x-speed=2_5,hotplug=off,addr=$slot.0"
		-device edu,bus=mixed,addr=0.0,multifunction=on -device igb,bus=mixed,addr=0.1)
	blacklist+=(igb)
}

# add_wire MODEL WIRE SLOT SLOT: two cards on one wire, each alone in its group
add_wire() {
	local model=$1 wire=$2 one=$3 two=$4
	local name=VFIO_TEST_${model^^}_PAIR
	claim "$model-pair" "$one"
	test_env[$name]="0000:00:$one.0 0000:00:$two.0"
	qemu+=(-netdev "hubport,id=wire$wire-a,hubid=$wire" -device "$model,netdev=wire$wire-a,addr=$one.0"
		-netdev "hubport,id=wire$wire-b,hubid=$wire" -device "$model,netdev=wire$wire-b,addr=$two.0")
	blacklist+=("$model")
}

# The same with INTx only and below a bridge, in one group. The bridge has the place of a virtual function.
add_e1000_pair() {
	claim e1000-pair 1d
	test_env[VFIO_TEST_E1000_PAIR]=@0000:00:$slot.0
	qemu+=(-device "pci-bridge,id=wires,chassis_nr=3,addr=$slot.0"
		-netdev hubport,id=wire2,hubid=1 -device e1000,netdev=wire2,bus=wires,addr=1.0
		-netdev hubport,id=wire3,hubid=1 -device e1000,netdev=wire3,bus=wires,addr=2.0)
	blacklist+=(e1000)
}

add_ivshmem() {
	claim ivshmem 0e
	qemu+=(-object "memory-backend-ram,id=ivshmem,size=$1,share=on"
		-device "ivshmem-plain,memdev=ivshmem,$place")
}

# A plain VGA card is what Linux's vgacon writes its text to; with a driver of its own the legacy
# ranges would be that driver's.
add_vga() {
	claim vga 0d
	qemu+=(-device "VGA,addr=$slot.0")
	blacklist+=(bochs)
}

# The second card, behind a bridge that passes the legacy addresses on when it is told to.
add_vga_port() {
	claim vga-port 1d
	test_env[VFIO_TEST_VGA_PORT]=@0000:00:$slot.0
	qemu+=(-device "pcie-root-port,id=vgaport,chassis=3,slot=3,addr=$slot.0" -device VGA,bus=vgaport)
	blacklist+=(bochs)
}

# add_made NAME ARGUMENT...: a device in $slot that QEMU does not have: rig/pci-device makes it from the
# arguments. It is started right before QEMU, by virtme-run.py.
add_made() {
	printf '%q ' --socket "$run/$1.socket" "${@:2}" >>"$run/pci-devices"
	echo >>"$run/pci-devices"
	qemu+=(-device "{\"driver\":\"vfio-user-pci\",\"id\":\"$1\",\"addr\":\"$slot.0\",
		\"socket\":{\"type\":\"unix\",\"path\":\"$run/$1.socket\"}}")
}

# One of those that vfio-pci refuses: Intel's Data Streaming Accelerator.
add_denylisted() {
	claim denylisted 0b
	add_made denylisted --vendor 0x8086 --device 0x0b25 --class 0x088000 --pin
	blacklist+=(idxd)
}

# Intel graphics with what the firmware leaves for their driver, in memory that the kernel does not use:
# above what it unpacks itself to, below what firmware and the initial RAM disk take at the end. The
# device's register has the first one's address.
add_igd() {
	local at=0x10000000 forms
	claim igd 02
	forms=$("$PROJECT/tools/setup/enter-root" "$PROJECT/tools/testing/rig/opregion" "$at" "$run/opregion") ||
		die "the OpRegions could not be made"
	qemu+=(-device "loader,file=$run/opregion,addr=$at,force-raw=on")
	append+=("memmap=256K\$$at")
	test_env[VFIO_TEST_IGD_OPREGION]=${forms//$'\n'/ }
	add_made igd --vendor 0x8086 --device 0x3e92 --class 0x030000 --pin --register "0xfc=$at"
	blacklist+=(i915 xe)
}

# add_device SPEC
add_device() {
	case $machine-$1 in
	p*-igb-p* | p*-edu-switch | p*-edu-igb | p*-e1000*-pair | p*-vga* | p*-denylisted | p*-igd) bad_usage "there is no $1 on $machine" ;;
	esac
	case $1 in
	nvme | nvme:*) add_nvme "${1#nvme}" ;;
	edu) claim edu 12 13 && qemu+=(-device "edu,$place") ;;
	edu-pair) add_edu_pair ;;
	edu-switch) add_edu_switch ;;
	igb) claim igb 0a 0c && qemu+=(-device "igb,$place") && blacklist+=(igb) ;;
	# The first one's virtual functions are on the wire, too. Instead of igb 0 and 1.
	igb-pair) add_wire igb 2 0a 0c ;;
	igb-port) add_igb_port ;;
	edu-igb) add_edu_igb ;;
	e1000e) claim e1000e 18 19 && qemu+=(-device "e1000e,$place") && blacklist+=(e1000e) ;;
	e1000e-pair) add_wire e1000e 0 0b 0d ;;
	e1000-pair) add_e1000_pair ;;
	denylisted) add_denylisted ;;
	igd) add_igd ;;
	ivshmem:?*) add_ivshmem "${1#ivshmem:}" ;;
	testdev) claim testdev 0f && qemu+=(-device "pci-testdev,$place") ;;
	vga) add_vga ;;
	vga-port) add_vga_port ;;
	virtio-rng) claim virtio-rng 0b && qemu+=(-device "virtio-rng-pci,$place") ;;
	xhci) claim xhci 09 && qemu+=(-device "qemu-xhci,$place") && blacklist+=(xhci_pci) ;;
	xhci-msi)
		claim xhci-msi 16
		qemu+=(-device "qemu-xhci,msi=on,msix=off,$place")
		blacklist+=(xhci_pci)
		;;
	*) qemu+=(-device "$1") ;;
	esac
}
