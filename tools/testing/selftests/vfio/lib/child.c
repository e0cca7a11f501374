// SPDX-License-Identifier: GPL-2.0-only
/* A second process that takes turns with the test. */
#include <sys/socket.h>
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

/* A message of one byte, with room for a descriptor. */
struct passing {
	char byte, room[CMSG_SPACE(sizeof(int))];
	struct iovec data;
	struct msghdr message;
};

static void passing(struct passing *passing)
{
	memset(passing, 0, sizeof(*passing));
	passing->data = (struct iovec){ &passing->byte, 1 };
	passing->message = (struct msghdr){
		.msg_iov = &passing->data,
		.msg_iovlen = 1,
		.msg_control = passing->room,
		.msg_controllen = sizeof(passing->room),
	};
}

void pass_fd(int socket, int fd)
{
	struct passing it;
	struct cmsghdr *head;

	passing(&it);
	head = CMSG_FIRSTHDR(&it.message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	if (sendmsg(socket, &it.message, 0) != 1)
		fail("sendmsg: %s", strerror(errno));
}

int take_fd(int socket)
{
	struct passing it;
	struct cmsghdr *head;
	int fd;

	passing(&it);
	if (recvmsg(socket, &it.message, MSG_CMSG_CLOEXEC) != 1)
		fail("recvmsg: %s", strerror(errno));
	head = CMSG_FIRSTHDR(&it.message);
	if (!head || head->cmsg_type != SCM_RIGHTS)
		fail("no descriptor came");
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}
