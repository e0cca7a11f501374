/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run of random calls by several workers, which may be threads or processes:
 * its options, its end, and who is stuck.
 */
#ifndef VFIO_STRESS_H
#define VFIO_STRESS_H

#include <stdbool.h>

#define STRESS_WORKERS	16
#define STRESS_STUCK	300	/* seconds without a step: longer than a busy host explains */

/* Set by stress_begin(), the same in all processes. */
extern unsigned long stress_seed;
extern unsigned long stress_seconds;

/*
 * Before any worker: takes --seconds and --seed. Returns the first argument that
 * is no option, or NULL; `usage` is what to say if there is a wrong one.
 */
const char *stress_begin(const char *name, const char *usage, int argc, char **argv);

/* A worker, below STRESS_WORKERS, has made a step. */
void stress_step(unsigned int worker);

/* Notes a failure and tells all to stop. Safe in a child of a threaded process. */
void broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool is_broken(void);
bool stopped(void);

/*
 * Waits for the time to be over, or a failure; calls `show` with the seconds since
 * the begin every ten seconds. Then tells all to stop. Returns how long it took.
 */
unsigned long stress_watch(unsigned int workers, void (*show)(unsigned long now));

/* Says passed or FAILED, the former with `how`; returns the exit status. */
int stress_verdict(const char *how);

#endif /* VFIO_STRESS_H */
