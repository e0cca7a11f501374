# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The stages of 'make test'. What stands here is what there is: a stage appears with what it tests.

# What is tested on POWER is a run of its own, with VFIO_RUST_KERNEL=powerpc; the stage 'power' is that. It
# goes first, as it may have to build the kernel.
host_stages=(rules fmt shell layout host clippy)
guest_stages=(power selftests_intel_rust selftests_amd_rust selftests_intel_c selftests_amd_c
	nvme_intel_rust nvme_amd_rust vfioctl_intel_rust vfioctl_intel_c config clients_intel_rust clients_amd_rust clients_intel_c rig
	upstream)
case $KERNEL in
debug)
	# Debian's kernel has no no-IOMMU mode.
	guest_stages=("${guest_stages[@]:1}" noiommu_rust noiommu_c)
	;;
powerpc*)
	host_stages=(clippy)
	guest_stages=(selftests_pseries_rust selftests_powernv_rust selftests_pseries_c selftests_powernv_c
		vfioctl_pseries_rust vfioctl_powernv_rust)
	;;
esac

vm=$PROJECT/tools/testing/vm
selftests=$BUILD/selftests

# Devices for the tests to find: one of each kind, alone or in a group as its kind says; two edu, for
# the tests of a container that two groups share.
test_devices=(--device nvme --device edu --device edu --device edu-pair --device edu-switch --device igb
	--device igb-port --device edu-igb --device e1000e --device ivshmem:16M --device testdev --device xhci-msi
	--device vga --device vga-port --device denylisted --device igd --hugepages 16)
cross=()
if [ -n "$POWER" ]; then
	test_devices=(--device nvme --device edu --device edu --device edu-pair --device e1000e --device igb)
	cross=(CC=powerpc64le-linux-gnu-gcc LDFLAGS=-static)
fi

build_all() {
	"$PROJECT/tools/setup/build-modules" modules >"$logs/modules.log" 2>&1 || {
		grep -E -A 10 '(^error|: error|\*\*\*)' "$logs/modules.log" | head -n 40
		warn "the modules do not build; log: $logs/modules.log"
		return 1
	}
	build_selftests >"$logs/selftests-build.log" 2>&1 || {
		tail -n 30 "$logs/selftests-build.log"
		warn "the selftests do not build; log: $logs/selftests-build.log"
		return 1
	}
}

in_selftests() {
	"$PROJECT/tools/setup/enter-root" make -s -C "$PROJECT/tools/testing/selftests/vfio" \
		KSRC="$KTREE" OUTPUT="$selftests" PATIENCE="$PATIENCE" "${cross[@]}" "$@"
}

build_selftests() {
	mkdir -p "$selftests"
	in_selftests -j"$(nproc)" all && in_selftests list >"$selftests/list"
}

stage_rules() { "$PROJECT/tools/testing/check" rules; }
stage_fmt() { "$PROJECT/tools/testing/check" fmt; }
stage_shell() { "$PROJECT/tools/testing/check" shell; }
stage_clippy() { "$PROJECT/tools/testing/check" clippy; }

# Our ABI header against the kernel's: needs no guest.
stage_layout() {
	local out=$logs/layout.ktap
	"$PROJECT/tools/setup/enter-root" "$selftests/vfio_uapi_layout_test" >"$out" 2>&1
	echo "# exit status $?" >>"$out"
	cat "$out"
	ktap "$out" layout >>"$logs/layout.results"
}

stage_host() {
	local out=$logs/host.out status
	"$PROJECT/tools/testing/host/run" >"$out" 2>&1
	status=$?
	cat "$out"
	sed -n -E 's/^test (.*) \.\.\. ok$/pass \1/p; s/^test (.*) \.\.\. FAILED$/fail \1/p' "$out" \
		>>"$logs/host.results"
	return "$status"
}

# run_noiommu DRIVER: the one program that needs a machine without an IOMMU.
run_noiommu() {
	local out=$logs/noiommu_$1
	mkdir -p "$out"
	"$vm" --machine none --driver "$1" --device edu --device edu --out "$out" --share "$selftests" \
		-- sh -c '"$1" >"$VM_OUT/ktap"; echo "# exit status $?" >>"$VM_OUT/ktap"' sh "$selftests/vfio_noiommu_test" ||
		echo "fail the guest ended with status $?" >>"$logs/noiommu_$1.results"
	cat "$out/ktap"
	ktap "$out/ktap" vfio_noiommu_test >>"$logs/noiommu_$1.results"
}

stage_noiommu_rust() { run_noiommu rust; }
stage_noiommu_c() { run_noiommu c; }

# run_selftests MACHINE DRIVER: every program in one guest, the modules reloaded after each.
run_selftests() {
	local name=selftests_$1_$2 out=$logs/selftests_$1_$2 list=$selftests/list test status known=()
	mkdir -p "$out"
	if [ "$1" = powernv ]; then
		# There each open of a device takes seconds: what shows the tables, and groups.
		list=$selftests/list-powernv
		grep -E '^vfio_(spapr_.*|(group|windows|nic_dma|capture|synthetic|isolation)_test)$' "$selftests/list" >"$list"
	fi
	# The kernel's check of freed pages takes a mapping of the last page of all 2^64 bytes, which only
	# the AMD IOMMU lets the tests make, for an overflow, and the page for one that stays mapped.
	[ "${KERNEL-stock}-$1" != debug-amd ] || known=(--append iommu.debug_pagealloc=0)
	"$vm" --machine "$1" --driver "$2" "${test_devices[@]}" "${known[@]}" --out "$out" \
		--share "$selftests" --timeout $((2400 * PATIENCE)) \
		-- "$PROJECT/tools/testing/runner/selftests-in-guest" "$2" "$selftests" $((300 * PATIENCE)) "$list"
	status=$?
	while read -r test; do
		if [ -e "$out/$test.ktap" ]; then
			ktap "$out/$test.ktap" "$test"
		else
			echo "fail $test did not run"
		fi
	done <"$list" >>"$logs/$name.results"
	cat "$out/reload.results" >>"$logs/$name.results" 2>/dev/null
	[ "$status" -eq 0 ] || echo "fail the guest ended with status $status" >>"$logs/$name.results"
	return "$status"
}

stage_selftests_intel_rust() { run_selftests intel rust; }
stage_selftests_amd_rust() { run_selftests amd rust; }
stage_selftests_intel_c() { run_selftests intel c; }
stage_selftests_amd_c() { run_selftests amd c; }

stage_selftests_pseries_rust() { run_selftests pseries rust; }
stage_selftests_powernv_rust() { run_selftests powernv rust; }
stage_selftests_pseries_c() { run_selftests pseries c; }
stage_selftests_powernv_c() { run_selftests powernv c; }

# The other run, one guest at a time, with its stages and results as ours.
stage_power() {
	local status file
	VFIO_RUST_KERNEL=powerpc VFIO_RUST_GUESTS=1 "$PROJECT/tools/testing/run-tests"
	status=$?
	for file in "$logs-powerpc"/*.results; do
		sed -E "s/^(pass|fail|skip) /&$(basename "$file" .results) /" "$file"
	done >>"$logs/power.results"
	return "$status"
}

stage_nvme_intel_rust() { VM_MACHINE=intel VM_DRIVER=rust "$PROJECT/tools/testing/stress/run" nvme-io; }
stage_nvme_amd_rust() { VM_MACHINE=amd VM_DRIVER=rust "$PROJECT/tools/testing/stress/run" nvme-io; }

# run_checks NAME COMMAND...: a command that prints its results, as a stage has them, among other lines.
run_checks() {
	local name=$1 status
	shift
	"$@" >"$logs/$name.out" 2>&1
	status=$?
	cat "$logs/$name.out"
	grep -E '^(pass|fail|skip) ' "$logs/$name.out" >"$logs/$name.results"
	return "$status"
}

# run_vfioctl MACHINE DRIVER
run_vfioctl() {
	VM_MACHINE=$1 VFIOCTL_OUT=$logs/vfioctl_$1_$2 run_checks "vfioctl_$1_$2" "$PROJECT/tools/testing/vfioctl/run" "$2"
}

stage_vfioctl_intel_rust() { run_vfioctl intel rust; }
stage_vfioctl_intel_c() { run_vfioctl intel c; }
stage_vfioctl_pseries_rust() { run_vfioctl pseries rust; }
stage_vfioctl_powernv_rust() { run_vfioctl powernv rust; }

# What a user sees of configuration space, and what becomes of writes to each byte of it: the same on
# the C modules and on ours, in one guest. The virtual function is the second igb's.
stage_config() {
	local out=$logs/config
	mkdir -p "$out"
	# shellcheck disable=SC2016 # the guest's variables
	"$vm" --machine intel --driver none --device edu --device nvme --device igb --device igb \
		--device igb-port --device e1000e --device ivshmem:16M --device testdev --device xhci \
		--device xhci-msi --device vga --device virtio-rng --out "$out" --share "$selftests" \
		--timeout $((400 * PATIENCE)) -- sh -c 'exec "$0" "$@" $VFIO_TEST_EDU $VFIO_TEST_NVME \
			$VFIO_TEST_IGB $VFIO_TEST_IGB_PORT $VFIO_TEST_E1000E $VFIO_TEST_IVSHMEM \
			$VFIO_TEST_TESTDEV $VFIO_TEST_XHCI $VFIO_TEST_XHCI_MSI $VFIO_TEST_VGA \
			$VFIO_TEST_VIRTIO_RNG' \
		"$PROJECT/tools/testing/runner/config-diff-in-guest" "$selftests/vfio_pci_config_dump" \
		"$PROJECT/tools/testing/runner/config-deviations.sed"
	local status=$?
	cat "$out/config.results" >>"$logs/config.results"
	return "$status"
}

# run_clients MACHINE DRIVER
run_clients() {
	VM_MACHINE=$1 run_checks "clients_$1_$2" "$PROJECT/tools/testing/clients/run" "$2"
}

stage_clients_intel_rust() { run_clients intel rust; }
stage_clients_amd_rust() { run_clients amd rust; }
stage_clients_intel_c() { run_clients intel c; }

stage_rig() {
	"$PROJECT/tools/testing/rig/self-test" | tee -a "$logs/rig.results"
	return "${PIPESTATUS[0]}"
}

stage_upstream() {
	local status
	UPSTREAM_OUT=$logs/upstream "$PROJECT/tools/testing/upstream/run"
	status=$?
	sed -n 's/ pass$//; s/^/pass /p' "$logs/upstream/rust/both" >>"$logs/upstream.results"
	sed -n 's/ pass$//; s/^/fail /p' "$logs/upstream/rust/worse" >>"$logs/upstream.results"
	return "$status"
}
