#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# gen.sh OUT HEADER BINDGEN [CLANG_FLAGS]
#
# Turns the ABI header into Rust.  The header is bound alone and with the
# user-space <linux/types.h>, because user space is what it is written for; the
# result depends on nothing but core.  The _IOC_ numbers, which differ between
# architectures, are what the crate makes request numbers from: where that is
# not the one this runs on, the flags name its headers.
set -eu

out=$1 header=$2 bindgen=${3:-bindgen}
"$bindgen" "$header" --use-core --ctypes-prefix core::ffi --rust-target 1.85 \
	--with-derive-default --formatter none \
	--allowlist-file '.*/linux/vfio\.h' --allowlist-var '_IOC_.*' \
	-o "$out" -- -D__user= -I "$(dirname "$header")/.." ${4-}
