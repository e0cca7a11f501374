#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# gen.sh OUT KERNEL_BINDINGS HEADER -- CLANG_FLAGS...
#
# Binds what kernel::bindings lacks, and nothing else.  A second complete run of
# bindgen would make a second, incompatible `struct pci_dev`; so every type name
# that kernel::bindings defines is put on the blocklist, and the generated items
# refer to the kernel crate's types.  keep.ty names the types that the kernel
# crate only forward-declares and that are needed here in full.
set -eu
export LC_ALL=C

out=$1 kernel=$2 header=$3
shift 4
dir=$(dirname "$header")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

{
	tr ';{}' '\n\n\n' <"$kernel" |
		grep -oE 'pub (struct|union|type) [A-Za-z0-9_]+' | awk '{ print $3 }'
	grep -oE 'pub use self ?:: ?[A-Za-z0-9_]+ as [A-Za-z0-9_]+' "$kernel" | awk '{ print $NF }'
} | grep -v '^__Bindgen\|^__IncompleteArray' | sort -u >"$tmp/all"
sort -u "$dir/keep.ty" | comm -23 "$tmp/all" - >"$tmp/block"

# One argument may not grow without bound: pass the list in pieces.
split -l 400 "$tmp/block" "$tmp/chunk."
set -- -- "$@"
for chunk in "$tmp"/chunk.*; do
	set -- "--blocklist-type=$(paste -sd'|' "$chunk")" "$@"
done
add() {
	while read -r name; do
		[ -z "$name" ] || printf '%s\n' "--allowlist-$1=$name"
	done <"$dir/allow.$2"
}
for arg in $(add function fn; add type ty; add var var); do
	set -- "$arg" "$@"
done

"${BINDGEN:-bindgen}" "$header" --no-doc-comments \
	--blocklist-type '__kernel_s?size_t' --blocklist-type __kernel_ptrdiff_t \
	--with-derive-custom-struct '.*=MaybeZeroable' \
	--with-derive-custom-union '.*=MaybeZeroable' \
	--rust-target 1.85 --use-core --with-derive-default --ctypes-prefix ffi \
	--no-debug '.*' --enable-function-attribute-detection --formatter none \
	-o "$out" "$@"
