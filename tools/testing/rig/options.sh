# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# The options of tools/testing/vm.

usage() {
	cat <<'EOF'
usage: tools/testing/vm [options] -- COMMAND [ARGUMENT...]

Boots a guest, runs COMMAND in it as root, prints its output as it comes and exits with its status.
The project, the cache and the build root are visible in the guest at the same paths, read-only;
COMMAND starts in the current folder (if the guest has it). $VM_OUT is a folder to write results to:
the host finds them in the folder given with --out.

  --machine intel|amd|none|pseries|powernv
                        q35 with an Intel or an AMD IOMMU, or without one; a POWER partition, or a POWER9
                        without hypervisor: these have a kernel of their own, built on first use (10 minutes,
                        5 GB), for which VFIO_RUST_KERNEL=powerpc make modules builds ours. (Not yet: virtio)
  --driver rust|c|none  our modules, the kernel's own, or no VFIO loaded before COMMAND starts
  --kernel stock|debug  Debian's kernel; or one that is built on first use (10 minutes, 3 GB) to find bugs:
                        KASAN, UBSAN, lockdep, kmemleak, fault injection, DEBUG_VM, IOMMUFD, no-IOMMU mode, the device
                        cdev, a look at each freed page whether a device still reaches it. Builds our
                        modules for it too. Guests take three times as long. Default: VFIO_RUST_KERNEL.
                        On POWER: powerpc-debug, with most of the same (built in 25 minutes)
  --device SPEC         a test device, or any QEMU -device text; repeatable. Test devices:
                          nvme[:SIZE]   NVMe disk, empty, 128M      VFIO_TEST_NVME       00:10.0 00:11.0
                          edu           MSI, INTx, 28-bit DMA       VFIO_TEST_EDU        00:12.0 00:13.0
                          edu-pair      two edu below a PCI bridge  VFIO_TEST_EDU_PAIR   bridge at 00:15.0
                          edu-switch    two edu below a switch, in  VFIO_TEST_EDU_SWITCH port at 00:1c.0
                                        groups of their own
                          edu-igb       both in one slot, in groups VFIO_TEST_EDU_IGB    port at 00:19.0
                                        of their own
                          igb           NIC: MSI-X, reset, SR-IOV   VFIO_TEST_IGB        00:0a.0 00:0c.0
                          igb-pair      two igb on one wire         VFIO_TEST_IGB_PAIR   00:0a.0 00:0c.0
                          igb-port      an igb below a root port    VFIO_TEST_IGB_PORT   port at 00:17.0
                          e1000e        NIC with an option ROM      VFIO_TEST_E1000E     00:18.0 00:19.0
                          e1000e-pair   two e1000e on one wire      VFIO_TEST_E1000E_PAIR 00:0b.0 00:0d.0
                          e1000-pair    two e1000, INTx, one group  VFIO_TEST_E1000_PAIR bridge at 00:1d.0
                          ivshmem:SIZE  a big memory BAR            VFIO_TEST_IVSHMEM    00:0e.0
                          testdev       pci-testdev, has a port BAR VFIO_TEST_TESTDEV    00:0f.0
                          xhci-msi      USB host, 16 MSI vectors    VFIO_TEST_XHCI_MSI   00:16.0
                          xhci          USB host with MSI-X         VFIO_TEST_XHCI       00:09.0
                          vga           VGA card with a ROM         VFIO_TEST_VGA        00:0d.0
                          vga-port      a VGA card below a port     VFIO_TEST_VGA_PORT   port at 00:1d.0
                          virtio-rng    vendor's own capabilities   VFIO_TEST_VIRTIO_RNG 00:0b.0
                          denylisted    what vfio-pci refuses       VFIO_TEST_DENYLISTED 00:0b.0
                          igd           Intel's graphics; OpRegions VFIO_TEST_IGD        00:02.0
                                        are where VFIO_TEST_IGD_OPREGION says (FORM=ADDRESS)
                        The variables list full addresses (0000:00:10.0), in order, in the guest.
                        No native driver takes a test device at boot; 'modprobe nvme' and the like work.
  --native              let native drivers take the test devices at boot
  --smp N               processors (2)
  --memory M            memory (2G)
  --hugepages N         2 MiB pages to reserve (0); 1G:N for gigantic pages
  --share DIR           a further folder, writable, at the same path; repeatable
  --out DIR             a folder that the guest sees, writable, as $VM_OUT
  --monitor             let the guest use QEMU's monitor: 'vm-monitor device_del ...' in it
  --icount              the guest clock counts instructions: repeatable figures (forces --smp 1)
  --append TEXT         further kernel parameters; repeatable
  --qemu ARG            a further QEMU argument; repeatable
  --timeout S           seconds until the guest is given up (300, debug: 900)
  --allow-splat         do not fail the run for a kernel warning (to test the rig itself)
  --verbose             print the guest's kernel log while it runs

Exit status:
  0..255  the status of COMMAND; when it is one of the three below and not COMMAND's own,
          the last line on standard error says so
  124     time-out: COMMAND did not end within --timeout seconds
  125     the kernel reported a bug: oops, BUG, WARNING, KASAN, UBSAN, lockdep, hung task, stall, panic;
          or, on the debug kernel, memory that VFIO modules leaked
  126     the guest did not boot, could not be prepared, or died before COMMAND ended
  2       wrong usage, or something that comes with a later part
The guest's log is kept, and its path printed, whenever the run fails for one of these reasons.

In the guest: vfio-load rust|c|none swaps the modules, vfio-bind BDF... and vfio-unbind BDF... give
devices to vfio-pci and back. 'make test' and 'make demo' are built from these.
EOF
}

bad_usage() {
	warn "$*; see --help"
	exit 2
}

need_value() {
	[ "$2" -ge 2 ] || bad_usage "$1 needs a value"
}

not_yet() {
	warn "not yet: $1 comes with part $2"
	exit 2
}

check_machine() {
	case $machine in
	intel | amd | none) ;;
	pseries | powernv)
		case $kernel in
		*debug) kernel=powerpc-debug ;;
		*) kernel=powerpc ;;
		esac
		;;
	virtio) not_yet "--machine $machine" 4 ;;
	*) bad_usage "unknown machine '$machine' (intel, amd, none, pseries, powernv)" ;;
	esac
}

check_choices() {
	check_machine
	case $driver in
	rust | c | none) ;;
	*) bad_usage "unknown driver '$driver' (rust, c, none)" ;;
	esac
	case $kernel in
	stock | debug) ;;
	powerpc*) is_power || bad_usage "the kernel '$kernel' is for --machine pseries and powernv" ;;
	*) bad_usage "unknown kernel '$kernel' (stock, debug)" ;;
	esac
	[ -n "$timeout" ] || timeout=$([[ $kernel = *debug ]] && echo 900 || echo 300)
	case $smp$timeout in
	'' | *[!0-9]*) bad_usage "--smp and --timeout take whole numbers" ;;
	esac
	[[ $hugepages =~ ^(1G:)?[0-9]+$ ]] || bad_usage "--hugepages takes N or 1G:N, not '$hugepages'"
	[[ $memory =~ ^[0-9]+[MG]$ ]] || bad_usage "--memory takes a number with M or G, not '$memory'"
}

# Fill the option variables and COMMAND from the arguments of vm.
parse_options() {
	machine=intel driver=rust kernel=$KERNEL smp=2 memory=2G hugepages=0 timeout=''
	devices=() shares=() qemu_args=() kernel_args=() command=()
	icount='' monitor='' out='' native='' allow_splat='' verbose=''
	while [ $# -gt 0 ]; do
		case $1 in
		--machine | --driver | --kernel | --smp | --memory | --hugepages | --timeout)
			need_value "$1" $#
			printf -v "${1#--}" '%s' "$2"
			shift
			;;
		--device) need_value "$1" $# && devices+=("$2") && shift ;;
		--share) need_value "$1" $# && add_share "$2" && shift ;;
		--out) need_value "$1" $# && out=$(realpath -m -- "$2") && shift ;;
		--append) need_value "$1" $# && kernel_args+=("$2") && shift ;;
		--qemu) need_value "$1" $# && qemu_args+=("$2") && shift ;;
		--monitor) monitor=1 ;;
		--icount) icount=1 smp=1 ;;
		--native) native=1 ;;
		--allow-splat) allow_splat=1 ;;
		--verbose) verbose=1 ;;
		-h | --help) usage && exit 0 ;;
		--) shift && command=("$@") && break ;;
		-*) bad_usage "unknown option $1" ;;
		*) bad_usage "put -- before the command" ;;
		esac
		shift
	done
	[ ${#command[@]} -gt 0 ] || bad_usage "no command given"
	check_choices
}

# From here on all is about the kernel that was asked for. A debug kernel and our modules for it are
# made when they are missing: no other target does.
choose_guest_kernel() {
	export VFIO_RUST_KERNEL=$kernel
	[ "$kernel" = stock ] || "$PROJECT/tools/setup/setup" >&2 || exit 126
	use_kernel "$kernel"
	[ -n "$CHECKED" ] || return 0
	"$PROJECT/tools/setup/build-modules" modules >"$CACHE/logs/modules-$kernel.log" 2>&1 || {
		warn "the modules do not build for the debug kernel; log: $CACHE/logs/modules-$kernel.log"
		exit 126
	}
}

add_share() {
	[ -d "$1" ] || bad_usage "--share: no folder $1"
	shares+=("$(realpath -- "$1")")
	[ ${#shares[@]} -le 4 ] || bad_usage "at most four --share"
}
