# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A kernel that is built here from the build root's source, as $FRAGMENTS have it. Sourced after env.sh,
# progress.sh and steps.sh by debug-kernel and powerpc-kernel. As in setup, each step leaves its mark.

# The options that were asked for; where two files name the same, the later has the last word.
fragment() {
	(cd "$PROJECT/tools/setup" && cat "${FRAGMENTS[@]}") | awk -F = '
		/^CONFIG_/ { if (!($1 in line)) order[++n] = $1; line[$1] = $0 }
		END { for (i = 1; i <= n; i++) print line[order[i]] }'
}

make_kernel() {
	"$PROJECT/tools/setup/enter-root" make -C "$KTREE" "${KMAKE[@]}" "$@"
}

# What this kernel's source needs to have changed; powerpc-kernel has something.
mend_source() { :; }

# allnoconfig: what the fragment does not name is off.
configure() {
	mend_source || return 1
	fragment >"$KTREE/vfio.config" || return 1
	make_kernel KCONFIG_ALLCONFIG=vfio.config allnoconfig || return 1
	lost_options || return 1
	touch "$KTREE/.vfio-configured"
}

# Kconfig drops without a word what depends on something missing; a debug kernel without KASAN would
# pass every test.
lost_options() {
	local line lost=0
	while read -r line; do
		case $line in
		*=n) ! grep -q "^${line%=n}=" "$KTREE/.config" && continue ;;
		CONFIG_*) grep -q -x -F -- "$line" "$KTREE/.config" && continue ;;
		*) continue ;;
		esac
		echo "${FRAGMENTS[*]}: $line does not hold; a dependency is missing"
		lost=1
	done <"$KTREE/vfio.config"
	return "$lost"
}

# compile TARGET: the kernel's image, by the name of its make target, and the modules
compile() {
	nice -n 5 "$PROJECT/tools/setup/enter-root" make -C "$KTREE" "${KMAKE[@]}" -j"$(nproc)" "$1" modules
}

# install_kernel IMAGE: what guests and modules need stays; objects and the like, some 2 GB, do not. (Modules
# for POWER are linked with crtsavres.o.)
install_kernel() {
	make_kernel INSTALL_MOD_PATH="$KTREE/installed" modules_install || return 1
	cp "$KTREE/$1" "$KTREE/vmlinuz" || return 1
	find "$KTREE" -path "$KTREE/scripts" -prune -o -path "$KTREE/tools" -prune -o -path "$KTREE/installed" -prune \
		-o -type f ! -name crtsavres.o \( -name '*.o' -o -name '*.a' -o -name '*.ko' \) -exec rm -f {} +
	cp "$KTREE/include/config/kernel.release" "$KTREE/.vfio-prepared"
}

# lock_kernel FILE: wait for another run that builds it.
lock_kernel() {
	exec 9>"$1"
	flock -n 9 || {
		say "the $KERNEL kernel is being built by another run; waiting for it"
		flock 9
	}
	use_kernel "$KERNEL"
}

# build_kernel N M TARGET IMAGE: steps N to N+3 of M; IMAGE is what make's TARGET leaves
build_kernel() {
	local n=$1 m=$2 target=$3 image=$4
	[ -e "$KTREE/.vfio-unpacked" ] || step "$n" "$m" "unpacking the kernel source" unpack_source
	[ -e "$KTREE/.vfio-configured" ] || step $((n + 1)) "$m" "configuring the $KERNEL kernel" configure
	step $((n + 2)) "$m" "compiling the $KERNEL kernel" compile "$target"
	step $((n + 3)) "$m" "installing the $KERNEL kernel and its modules" install_kernel "$image"
}
