# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Start the guest inside the build root, by virtme-ng or for POWER by QEMU itself, and wait for it.
#
# Host and guest talk through the run folder: 'session.env' and 'argv' go in, 'status' comes back.
# It is deleted after a good run and kept, with the log, after a bad one.

make_run_dir() {
	mkdir -p "$CACHE/runs"
	find "$CACHE/runs" -mindepth 1 -maxdepth 1 -mmin +1440 -exec rm -rf {} +
	run=$(mktemp -d "$CACHE/runs/$(date +%H%M%S)-$machine-$driver-XXXX") || exit 1
	log=$run/console.log
	mkdir -p "${out:=$run/out}"
	guest_pid=''
	trap 'stop_guest; exit 130' INT TERM HUP
}

stop_guest() {
	[ -z "$guest_pid" ] || kill "$guest_pid" 2>/dev/null
	wait
}

share_slot=addr=1e      # where on the PCI bus the shared folders are

# export_folder TAG FOLDER ACCESS: a 9p share
export_folder() {
	local n=${exported:=0}
	qemu+=(-fsdev "local,id=fs-$1,path=$2,security_model=none,multidevs=remap$([ "$3" = rw ] || echo ,readonly=on)"
		-device "virtio-9p-pci,fsdev=fs-$1,mount_tag=$1,$share_slot.$n,multifunction=on")
	printf 'share_%s=%q\n' "$n" "$1 $3 $2" >>"$run/session.env"
	exported=$((n + 1))
	bind_list=${bind_list:+$bind_list:}$2
}

# What the guest's session script needs to know.
write_session() {
	local name n=0 dir
	{
		printf 'driver=%q\ncwd=%q\nproject=%q\nVM_OUT=%q\nVM_MACHINE=%q\n' \
			"$driver" "$PWD" "$PROJECT" "$out" "$machine"
		printf 'VM_MONITOR=%q\n' "${monitor:+/dev/virtio-ports/vm.monitor}"
		printf 'module_tree=%q\n' "$module_tree"
		for name in "${!test_env[@]}"; do
			printf '%s=%q\n' "$name" "${test_env[$name]}"
		done
	} >"$run/session.env"
	printf '%s\0' "${command[@]}" >"$run/argv"
	# Outer folders first: a later mount may lie inside an earlier one.
	export_folder project "$PROJECT" ro
	export_folder cache "$CACHE" ro
	export_folder run "$run" rw
	[ "$out" = "$run/out" ] || export_folder out "$out" rw
	for dir in "${shares[@]}"; do
		export_folder "share$((n++))" "$dir" rw
	done
}

# Look for freed pages that devices still reach; two memory nodes, for pages to be moved between. All is
# slow here, on a busy host very slow: that alone is no soft lockup. The session writes long reports.
debug_parameters=(watchdog_thresh=60 printk.devkmsg=on)
pc_debug_parameters=(iommu.debug_pagealloc=1 numa=fake=2)
# KASAN is for the radix tree only.
power_debug_parameters=(disable_radix=no)

guest_parameters() {
	# On a busy host the boot-time check of the timer counts too few ticks, and the kernel panics.
	is_power || append+=(no_timer_check)
	# Nothing here needs these, and each costs time at boot; modprobe by name still loads them.
	blacklist+=(kvm_amd kvm_intel psmouse pcspkr iTCO_wdt sr_mod sg evdev serio_raw)
	case $hugepages in
	0) ;;
	1G:*)
		# QEMU's default processor for PCs has no pages of 1 GiB.
		is_power || qemu+=(-cpu "qemu64,+pdpe1gb")
		append+=(default_hugepagesz=2M hugepagesz=1G "hugepages=${hugepages#1G:}")
		;;
	*) append+=("hugepages=$hugepages") ;;
	esac
	if [ -z "$native" ]; then
		append+=("modprobe.blacklist=$(IFS=, && echo "${blacklist[*]}")")
	fi
	if [ -n "$CHECKED" ]; then
		append+=("${debug_parameters[@]}")
		if is_power; then append+=("${power_debug_parameters[@]}"); else append+=("${pc_debug_parameters[@]}"); fi
	fi
	[ -z "$monitor" ] || add_monitor
	[ -z "$icount" ] || qemu+=(-icount shift=1,sleep=off)
	append+=(loglevel=7 "${kernel_args[@]}")
}

# Both ends of the socket are QEMU's: what the guest writes to a serial port reaches the monitor. Devices
# come and go as ACPI has it: the kernel's own pciehp takes two of its locks in both orders, and lockdep,
# having said so, says no more.
add_monitor() {
	is_power || qemu+=(-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=on)
	qemu+=(-chardev "socket,id=monitor,path=$run/monitor,server=on,wait=off" -mon chardev=monitor,mode=control
		-chardev "socket,id=monitorport,path=$run/monitor"
		-device virtserialport,chardev=monitorport,name=vm.monitor)
}

virtme_command() {
	local arg kopts=()
	for arg in "${append[@]}"; do
		kopts+=(-a "$arg")
	done
	launch=(python3 "$PROJECT/tools/testing/rig/virtme-run.py" "$run" --kimg "$KIMAGE" --mods auto --disable-kvm
		--force-9p --name vfio-test --memory "$memory" --cpus "$smp" "${kopts[@]}"
		--script-sh "exec bash $(printf '%q' "$PROJECT/tools/testing/guest/session") $(printf '%q' "$run")"
		--qemu-opts "${qemu[@]}" "${qemu_args[@]}")
}

boot_guest() {
	local launch=()
	guest_parameters
	if is_power; then power_command; else virtme_command; fi
	: >"$log"
	started=$SECONDS
	export VFIO_RUST_BIND=$bind_list
	# Standard output and error go through pipes: QEMU opens them by name, and would truncate a file.
	timeout --kill-after=5 "$timeout" "$PROJECT/tools/setup/enter-root" "${launch[@]}" \
		</dev/null > >(cat) 2> >(cat >&2) &
	guest_pid=$!
	[ -z "$verbose" ] || tail -f --pid="$guest_pid" "$log" >&2 &
	wait "$guest_pid"
	qemu_status=$?
	guest_pid=''
	sleep 0.1
}
