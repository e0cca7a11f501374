// SPDX-License-Identifier: GPL-2.0-only
/* One session after the other; files handed from one process to another. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "stress.h"

/* ---- The post --------------------------------------------------------------- */

static int post[2];

void post_make(void)
{
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, post))
		fail("socketpair: %s", strerror(errno));
}

/* A message of a byte and a descriptor. */
struct letter {
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec data;
	struct msghdr head;
};

static struct msghdr *letter_make(struct letter *letter)
{
	memset(letter, 0, sizeof(*letter));
	letter->data = (struct iovec){ &letter->byte, 1 };
	letter->head = (struct msghdr){
		.msg_iov = &letter->data,
		.msg_iovlen = 1,
		.msg_control = &letter->control,
		.msg_controllen = sizeof(letter->control.bytes),
	};
	return &letter->head;
}

void post_send(int fd)
{
	struct letter letter;
	struct msghdr *message = letter_make(&letter);
	struct cmsghdr *head = CMSG_FIRSTHDR(message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	/* What nobody fetches keeps its device from ever leaving: not many of them. */
	if (sendmsg(post[0], message, 0) < 0)
		counted(PASS, -1);
}

int post_receive(void)
{
	struct letter letter;
	struct msghdr *message = letter_make(&letter);
	struct cmsghdr *head;
	int fd = -1;

	if (recvmsg(post[1], message, MSG_CMSG_CLOEXEC) < 0)
		return -1;
	head = CMSG_FIRSTHDR(message);
	if (head && head->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* ---- Sessions --------------------------------------------------------------- */

void reap(pid_t pid, const char *what)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL : status)
		broken("%s ended with status %#x", what, status);
}

static void one_session(struct random *random)
{
	bool killed = rarely(random, 3);
	uint64_t seed = random_next(random);
	unsigned int patience = below(random, 400000);
	pid_t pid = fork();

	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		session_run(seed);
	}
	if (killed) {
		usleep(patience);
		counted(KILL, kill(pid, SIGKILL));
	}
	reap(pid, "a session");
}

void worker_run(unsigned int number, uint64_t seed)
{
	struct random random = { seed };
	int fd;

	while (!stopped()) {
		stress_step(number);
		one_session(&random);
		fd = post_receive();
		if (fd < 0)
			continue;
		counted(PASS, 0);
		session_with(fd, &random);
	}
}
