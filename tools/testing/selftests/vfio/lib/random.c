// SPDX-License-Identifier: GPL-2.0-only
/* Random numbers and random arguments. */
#include "vfio_random.h"
#include "vfio_test.h"

/* splitmix64 */
uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint64_t below(struct random *random, uint64_t n)
{
	return random_next(random) % n;
}

bool rarely(struct random *random, uint64_t n)
{
	return !below(random, n);
}

uint64_t interesting(struct random *random)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 3, 4, 8, 0xfff, 0x1000, 0x1001, 0x2000, 0xfee00000, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, 1ULL << 47, 1ULL << 63, -0x1000ULL, -1ULL,
	};

	switch (below(random, 4)) {
	case 0:
		return random_next(random);
	case 1:
		return below(random, 64) * PAGE;
	case 2:
		return below(random, 16);
	default:
		return numbers[below(random, sizeof(numbers) / sizeof(numbers[0]))];
	}
}

int any_fd(struct random *random, const struct ingredients *of)
{
	static const int none[] = { -1, 0, 1000 };
	size_t nth = below(random, of->fd_count + 3);

	return nth < of->fd_count ? of->fds[nth] : none[nth - of->fd_count];
}

void nearly_right(struct random *random, const struct ingredients *of, uint8_t *arg)
{
	uint32_t head[2] = {
		below(random, 8) ? below(random, 256) : interesting(random),
		1U << below(random, 20),
	};
	int i;

	if (below(random, 2))
		head[1] |= 1U << below(random, 6);
	if (rarely(random, 4))
		head[1] = below(random, 64);
	if (rarely(random, 4))
		head[1] = below(random, 16) | below(random, 8) << 16;
	memcpy(arg, head, sizeof(head));
	for (i = 8; i < 64; i += 8) {
		uint64_t wide = interesting(random);
		uint32_t narrow[2] = {
			below(random, 12),
			below(random, 2) ? below(random, 4) : interesting(random),
		};

		if (rarely(random, 4))
			wide = (uintptr_t)of->mem + below(random, of->pages) * PAGE;
		if (rarely(random, 4))
			narrow[1] = any_fd(random, of);
		memcpy(arg + i, below(random, 2) ? (void *)&wide : narrow, 8);
	}
}

void noise(struct random *random, uint8_t *arg, size_t size)
{
	size_t i;

	for (i = 0; i + 8 <= size; i += 8)
		memcpy(arg + i, &(uint64_t){ random_next(random) }, 8);
}
