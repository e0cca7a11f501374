# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Names and places that every script of the project shares. Sourced, never run.
#
#   PROJECT   the checkout
#   CACHE     downloads and built trees, outside the checkout (VFIO_RUST_CACHE)
#   ROOT      the build root: a Debian tree with the tool chain (VFIO_RUST_ROOT)
#   GUEST     the guest's root file system: the build root, but for POWER a tree of its own
#   KERNEL    stock (Debian's), or built here: debug, powerpc, powerpc-debug (VFIO_RUST_KERNEL)
#   POWER     not empty if that is a kernel for POWER
#   CHECKED   not empty if that is a debug kernel
#   FRAGMENTS for a kernel that is built here: the files of its configuration, the later of which win
#   KTREE     the kernel source, prepared for Rust modules (VFIO_RUST_KTREE)
#   KREL      the kernel release that is built for and booted, e.g. 7.3.4+deb13-amd64
#   KIMAGE    the image that guests boot, as seen in the build root
#   KMODULES  the kernel's own modules: what is /lib/modules/$KREL in a guest
#   KMAKE     arguments that this kernel's build system needs
#   PATIENCE  how many times as long as on Debian's kernel a test may take on this one
#   BUILD     where the modules of this checkout are built (VFIO_RUST_MODULES)

PROJECT=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${VFIO_RUST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/vfio-rust}
SERIES=7.3          # the kernel series that the code is written for
SUITE=trixie        # the Debian suite of the build root

say()  { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die()  { warn "$*"; exit 1; }

# The newest kernel release of our series in a root, or nothing.
newest_release() {
	local image
	for image in "$1"/boot/vmlinuz-"$SERIES"*; do
		[ -e "$image" ] && printf '%s\n' "${image##*/vmlinuz-}"
	done | sort -V | tail -n 1
}

# A changed list of packages is another root, a changed configuration another kernel.
key_of() {
	(cd "$PROJECT/tools/setup" && cat "$@") | grep -v '^#' | cksum | cut -d ' ' -f 1
}

# use_built_kernel FRAGMENT...: a kernel that is built here, with modules: its folder, and what of it there is.
use_built_kernel() {
	FRAGMENTS=("$@")
	place=${KREL:-none}-$KERNEL-$(key_of "$@")
	KTREE=$CACHE/linux-$place
	KREL=$(cat "$KTREE/.vfio-prepared" 2>/dev/null || true)
	KIMAGE=$KTREE/vmlinuz
	KMODULES=$KTREE/installed/lib/modules/$KREL
	KMAKE=(LLVM=1)
}

# What the kernels for POWER have in common. Rust for it takes a later compiler than Debian's kernel for amd64
# was built with.
use_power() {
	POWER=1
	ROOT=$CACHE/root-$SUITE-powerpc-$(key_of powerpc.packages)
	GUEST=$CACHE/guest-powerpc-$(key_of powerpc.guest)
	KMAKE+=(ARCH=powerpc)
}

# use_kernel stock|debug|powerpc|powerpc-debug: set all that depends on the kernel. KREL stays empty while there
# is none.
use_kernel() {
	local place
	KERNEL=$1
	ROOT=${VFIO_RUST_ROOT:-$CACHE/root-$SUITE-$(key_of packages)}
	GUEST=$ROOT
	KREL=$(newest_release "$ROOT")
	PATIENCE=1
	POWER='' CHECKED='' FRAGMENTS=()
	case $KERNEL in
	stock)
		KTREE=${VFIO_RUST_KTREE:-$CACHE/linux-${KREL:-none}}
		KIMAGE=/boot/vmlinuz-$KREL
		KMODULES=$ROOT/lib/modules/$KREL
		KMAKE=()
		place=${KREL:-none}
		;;
	debug)
		use_built_kernel debug.config
		CHECKED=1
		PATIENCE=10
		;;
	powerpc)
		use_built_kernel powerpc.config
		use_power
		# Resets go through firmware, which takes seconds.
		PATIENCE=4
		;;
	powerpc-debug)
		use_built_kernel powerpc.config powerpc-debug.config
		use_power
		CHECKED=1
		PATIENCE=12
		;;
	*)
		die "there is no kernel '$KERNEL' (stock, debug, powerpc, powerpc-debug)"
		;;
	esac
	BUILD=${VFIO_RUST_MODULES:-$CACHE/build/$(printf '%s' "$PROJECT" | cksum | cut -d ' ' -f 1)-${PROJECT##*/}-$place}
}
use_kernel "${VFIO_RUST_KERNEL:-stock}"
