/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Out-of-line copies of kernel macros and inline functions, for Rust.
 *
 * One block per file of this folder.  Every name starts with vfio_helper_ and
 * continues with the name of the C original; a helper does nothing else.
 */
#ifndef VFIO_RUST_HELPERS_H
#define VFIO_RUST_HELPERS_H

#include <linux/types.h>

struct ratelimit_state;

/* ratelimit.c */
void vfio_helper_ratelimit_state_init(struct ratelimit_state *rs, int interval, int burst);

#endif
