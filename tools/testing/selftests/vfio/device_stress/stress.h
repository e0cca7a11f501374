/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio_device_stress: random calls on device files from several processes, while
 * the host binds, unbinds and resets the same devices.
 *
 *   main.c     processes, progress, verdict
 *   targets.c  which devices there are
 *   worker.c   one session after the other, each in a process of its own; files
 *              handed from one process to another
 *   session.c  open a device, make calls, end in one of many ways
 *   calls.c    ioctls
 *   access.c   reads, writes and mappings of regions
 *   host.c     the administrator: binding, virtual functions, sysfs, parameters
 *
 * Nothing is known about the outcome of a single call. What must not happen is
 * a message from the kernel that it is in trouble, which whoever runs the guest
 * looks for; a process that does not end; and a kind of call that never works.
 */
#ifndef DEVICE_STRESS_H
#define DEVICE_STRESS_H

#include <stdatomic.h>

#include "../lib/vfio_random.h"
#include "../lib/vfio_stress.h"
#include "../lib/vfio_test.h"

#define WORKERS		5
#define HOSTS		2	/* one binds, one looks and turns parameters */

/* Kinds of calls, as the lines of progress name them. */
#define KINDS(X) \
	X(OPEN, "open") X(VF_OPEN, "VF open") X(INFO, "info") X(REGION_INFO, "region info") \
	X(IRQ_INFO, "irq info") X(SET_IRQS, "set irqs") X(RESET, "reset") \
	X(HOT_INFO, "hot reset info") X(HOT_RESET, "hot reset") X(IOEVENTFD, "ioeventfd") \
	X(FEATURE, "feature") X(LOW_POWER, "low power") X(TOKEN, "token") \
	X(DMA_BUF, "dma-buf") X(NONSENSE, "nonsense") X(CONFIG_READ, "config read") \
	X(CONFIG_WRITE, "config write") X(REGION_READ, "region read") \
	X(REGION_WRITE, "region write") X(MMAP, "mmap") X(TOUCH, "touch") X(FORK, "fork") \
	X(PASS, "pass fd") X(KILL, "kill") X(BIND, "bind") X(UNBIND, "unbind") \
	X(REMOVE, "remove") X(SRIOV, "sriov") X(HOST_RESET, "host reset") \
	X(LOOK, "look") X(PARAMETER, "parameter")

enum kind {
#define ONE(name, text) name,
	KINDS(ONE)
#undef ONE
	KIND_COUNT
};

/* Shared by all processes. */
struct shared {
	atomic_long good[KIND_COUNT], bad[KIND_COUNT];
};

extern struct shared *shared;

/* Counts a call by its result: negative is refused. Returns whether it worked. */
static inline bool counted(enum kind kind, long ret)
{
	atomic_fetch_add(ret < 0 ? &shared->bad[kind] : &shared->good[kind], 1);
	return ret >= 0;
}

/* ---- targets.c -------------------------------------------------------------- */

#define TARGETS	16
#define VFS	3	/* virtual functions of one target, at most */

struct target {
	char bdf[BDF_LEN];
	unsigned int vendor, device;
	int total_vfs;
};

extern struct target targets[TARGETS];
extern unsigned int target_count;
/* Two that share a group, as indices; -1 if there are none. */
extern int pair[2];

void targets_find(void);
const struct target *target_any(struct random *random);
/*
 * What is opened: a target or a virtual function of one, by address. False if it
 * is not there now.
 */
bool target_pick(struct random *random, const struct target **target, char *bdf);

/* ---- worker.c --------------------------------------------------------------- */

/* Before any worker: the pair of sockets through which files are passed. */
void post_make(void);
void post_send(int fd);
/* A file that somebody sent, or -1. */
int post_receive(void);
void worker_run(unsigned int number, uint64_t seed);
/* Waits for a child; a death that nobody meant is a failure. */
void reap(pid_t pid, const char *what);

/* ---- session.c -------------------------------------------------------------- */

#define EVENTS	4
#define MAPS	6
#define PAGES	16
#define ARG	512

/* A region's mapping; base is NULL for none. */
struct map {
	volatile uint8_t *base;
	size_t size;
	bool safe;		/* may be written */
};

struct session {
	struct random random;
	const struct target *target;
	char bdf[BDF_LEN];
	int container, group;
	int devices[2];		/* the second one of the same group, or -1 */
	int events[EVENTS];
	struct map maps[MAPS];
	void *mem;
	uint8_t *arg;
};

/* Runs in a process of its own and does not return. */
void session_run(uint64_t seed) __attribute__((noreturn));
/*
 * A session, in a process of its own, with a file that came from elsewhere; then
 * closes it and returns.
 */
void session_with(int device, struct random *random);

/* ---- calls.c, access.c ------------------------------------------------------ */

void call_random(struct session *session, int device);
void access_random(struct session *session, int device);
/* Once per process: SIGBUS ends an access, not the process. */
void access_begin(void);

/* ---- host.c ----------------------------------------------------------------- */

/* A file that is locked while somebody unplugs a device, or NULL. */
extern const char *unplug_lock;

/* Binds all targets; takes virtual functions, drivers and parameters back. */
void host_begin(void);
void host_end(void);
void host_bind_run(unsigned int number, uint64_t seed);
void host_look_run(unsigned int number, uint64_t seed);

#endif /* DEVICE_STRESS_H */
