/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading an address behind which there may be nothing.
 *
 * Included once by each test program.
 */
#ifndef VFIO_TOUCH_H
#define VFIO_TOUCH_H

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>

static sigjmp_buf after_fault;

static void on_fault(int signal)
{
	siglongjmp(after_fault, signal);
}

/* Returns 0 if @addr can be read, else the signal that reading it raises. */
static int touch(volatile uint32_t *addr, uint32_t *value)
{
	struct sigaction old, action = { .sa_handler = on_fault };
	int signal;

	sigaction(SIGBUS, &action, &old);
	signal = sigsetjmp(after_fault, 1);
	if (!signal)
		*value = *addr;
	sigaction(SIGBUS, &old, NULL);
	return signal;
}

#endif /* VFIO_TOUCH_H */
