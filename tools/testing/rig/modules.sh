# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A modules folder for the guest as 'make install' would leave it: the kernel's own modules plus
# ours under updates/, with depmod's index. Made on the host, because depmod takes minutes in a
# guest; cached by the content of our modules.

# find_modules DRIVER: set $module_tree to such a folder, or to nothing when there are no modules of ours
find_modules() {
	local files key tree
	module_tree=''
	files=$(find "$BUILD" -name '*.ko' -type f 2>/dev/null | sort)
	if [ -z "$files" ]; then
		[ "$1" != rust ] || die "no modules of ours in $BUILD; run 'make modules' first"
		return 0
	fi
	key=$({ echo "$KTREE" && printf '%s\n' "$files" | xargs -d '\n' cat; } | sha256sum | cut -c 1-16)
	tree=$CACHE/modules/$KREL-$key
	mkdir -p "$CACHE/modules"
	(
		flock 9
		[ -e "$tree/complete" ] || make_module_tree "$tree" "$files"
		touch "$tree"
	) 9>"$CACHE/modules/lock" || die "the modules folder for the guest could not be made"
	module_tree=$tree/lib/modules/$KREL
}

# make_module_tree TREE FILES
make_module_tree() {
	local dest=$1/lib/modules
	rm -rf "$1"
	mkdir -p "$dest"
	cp -al "$KMODULES" "$dest/" 2>/dev/null || {
		rm -rf "${dest:?}/$KREL"
		cp -a "$KMODULES" "$dest/"
	} || return 1
	# depmod writes its index anew; never through the hard links.
	find "$dest/$KREL" -maxdepth 1 -name 'modules.*' ! -name 'modules.builtin*' ! -name modules.order \
		-delete
	rm -rf "$dest/$KREL/updates"
	mkdir -p "$dest/$KREL/updates"
	printf '%s\n' "$2" | xargs -d '\n' cp -t "$dest/$KREL/updates/" || return 1
	"$PROJECT/tools/setup/enter-root" depmod -b "$1" "$KREL" || return 1
	touch "$1/complete"
	drop_old_trees
}

# Keep the eight module folders used last, and those that a guest may still have: some run for hours.
drop_old_trees() {
	local used old limit
	limit=$(($(date +%s) - 6 * 3600))
	find "$CACHE/modules" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn | tail -n +9 |
		while read -r used old; do [ "${used%.*}" -ge "$limit" ] || rm -rf "$old"; done
}
