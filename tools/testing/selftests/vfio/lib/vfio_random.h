/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random numbers and random arguments (lib/random.c): the same for the same seed.
 * Nothing here allocates, so a child of a threaded process may use it.
 */
#ifndef VFIO_RANDOM_H
#define VFIO_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

uint64_t random_next(struct random *random);
/* 0 <= result < @n */
uint64_t below(struct random *random, uint64_t n);
/* True once in @n times. */
bool rarely(struct random *random, uint64_t n);
/* A number of the kind that goes wrong. */
uint64_t interesting(struct random *random);

/* What random arguments are made of. */
struct ingredients {
	const int *fds;
	size_t fd_count;
	void *mem;
	size_t pages;	/* of @mem */
};

/* One of the files, or a number that is none. */
int any_fd(struct random *random, const struct ingredients *of);
/*
 * 64 bytes of a structure that opens with argsz and flags, with 32 or 64-bit
 * fields after.
 */
void nearly_right(struct random *random, const struct ingredients *of, uint8_t *arg);
/* @size bytes without sense. */
void noise(struct random *random, uint8_t *arg, size_t size);

#endif /* VFIO_RANDOM_H */
