#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# gen.sh OUT HEADER BINDGEN
#
# Turns the ABI header into Rust.  The header is bound alone and with the
# user-space <linux/types.h>, because user space is what it is written for; the
# result depends on nothing but core.
set -eu

out=$1 header=$2 bindgen=${3:-bindgen}
"$bindgen" "$header" --use-core --ctypes-prefix core::ffi --rust-target 1.85 \
	--with-derive-default --allowlist-file '.*/linux/vfio\.h' --formatter none \
	-o "$out" -- -D__user= -I "$(dirname "$header")/.."
