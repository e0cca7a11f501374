// SPDX-License-Identifier: GPL-2.0-only
/* A second process that takes turns with the test. */
#include <sys/wait.h>

#include "vfio_test.h"

bool start_child(struct child *child)
{
	int down[2], up[2];

	if (pipe(down) || pipe(up))
		fail("pipe: %s", strerror(errno));
	child->pid = fork();
	if (child->pid < 0)
		fail("fork: %s", strerror(errno));
	child->to = child->pid ? down[1] : up[1];
	child->from = child->pid ? up[0] : down[0];
	close(child->pid ? down[0] : down[1]);
	close(child->pid ? up[1] : up[0]);
	return !child->pid;
}

void tell(struct child *child)
{
	if (write(child->to, "x", 1) != 1)
		fail("the other process is gone");
}

void wait_for(struct child *child)
{
	char byte;

	if (read(child->from, &byte, 1) != 1)
		fail("the other process is gone");
}

int end_of(struct child *child)
{
	int status;

	close(child->to);
	close(child->from);
	if (waitpid(child->pid, &status, 0) != child->pid)
		fail("waitpid: %s", strerror(errno));
	return status;
}
