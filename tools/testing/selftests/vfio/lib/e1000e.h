/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lib/e1000e.c: just enough of an Intel network card to send itself packets, which
 * it reads from memory and writes to memory.
 */
#ifndef E1000E_H
#define E1000E_H

#include "vfio_test.h"

#define E1000E_PACKET	1024	/* bytes of each */

struct e1000e {
	volatile uint32_t *regs;	/* BAR 0 */
	size_t size;
	uint8_t *rings;	/* a page: descriptors to send, from 2048 on those to receive */
	unsigned int next;
};

/* Resets the card and enables it, in loopback, with its rings at @iova: a page that the caller has mapped. */
void e1000e_start(struct e1000e *card, int device, void *rings, uint64_t iova);
void e1000e_stop(struct e1000e *card);
/*
 * Sends the packet at @from and receives it at @to. Returns false if it has not
 * come after a second, as when the card cannot reach one of the two.
 */
bool e1000e_loop(struct e1000e *card, uint64_t from, uint64_t to);

#endif /* E1000E_H */
