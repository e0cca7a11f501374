# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The steps of set-up. Each runs with its output in a log file and fails by its status.

host_has_all() {
	local name
	for name in mmdebstrap mount unshare flock awk xargs; do
		command -v "$name" >/dev/null || return 1
	done
	host_mirror >/dev/null
}

host_packages() {
	host_has_all && return 0
	command -v apt-get >/dev/null || {
		echo "this host has no apt-get: the set-up needs Debian 12 or 13"
		return 1
	}
	export DEBIAN_FRONTEND=noninteractive
	apt-get update &&
		apt-get install -y --no-install-recommends mmdebstrap debian-archive-keyring util-linux mount mawk findutils
}

# packages_of FILE: as mmdebstrap wants them.
packages_of() {
	grep -v '^#' "$PROJECT/tools/setup/$1" | paste -s -d ,
}

# The packages file, with the kernel's own added.
package_list() {
	local release
	release=$(cat "$CACHE/apt/release")
	{
		packages_of packages
		printf '%s/%s-backports\n' "linux-image-$release" "$SUITE" "linux-headers-$release" "$SUITE" \
			"linux-source-$SERIES" "$SUITE"
	} | paste -s -d ,
}

# make_tree FOLDER SUITE SOURCES MMDEBSTRAP_OPTION...: a tree of Debian packages. No manuals and
# translations, no initial RAM disk, no waiting for the disk: a broken tree is made anew.
make_tree() {
	local folder=$1 suite=$2 sources=$3 options=("${@:4}") line
	while read -r line; do
		options+=(--aptopt="$line")
	done < <(apt_options)
	rm -rf --one-file-system "$folder" "$folder.new"
	INITRD=No mmdebstrap --verbose --mode=root "${options[@]}" --dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		"$suite" "$folder.new" "$sources" || return 1
	: >"$folder.new/etc/fstab"
	touch "$folder.new/.complete"
	mv "$folder.new" "$folder"
}

# make_root PACKAGES: the build root; PACKAGES as mmdebstrap wants them.
make_root() {
	make_tree "$ROOT" "$SUITE" "$CACHE/apt/sources.list" --variant=minbase --architectures=amd64 --include="$1"
}

unpack_source() {
	local part=$KTREE.new
	rm -rf "$part"
	mkdir -p "$part"
	VFIO_RUST_KERNEL=stock "$PROJECT/tools/setup/enter-root" tar -C "$part" --strip-components=1 -xf \
		"/usr/src/linux-source-$SERIES.tar.xz" || return 1
	touch "$part/.vfio-unpacked"
	rm -rf "$KTREE"
	mv "$part" "$KTREE"
}

# The metadata of the kernel's Rust crates is not in Debian's header package; build it from the same
# source with the same configuration. No kernel is compiled.
prepare_kernel() {
	local headers=$ROOT/usr/src/linux-headers-$KREL
	cp "$headers/.config" "$KTREE/.config" || return 1
	"$PROJECT/tools/setup/enter-root" sh -ec '
		cd "$1"
		make olddefconfig
		make -j"$(nproc)" KERNELRELEASE="$2" modules_prepare
	' sh "$KTREE" "$KREL" || return 1
	cp "$headers/Module.symvers" "$KTREE/" || return 1
	touch "$KTREE/.vfio-prepared"
}
