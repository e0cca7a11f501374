/* SPDX-License-Identifier: GPL-2.0-only */
/* A physical function, its virtual functions, and users of both (lib/sriov.c). */
#ifndef VFIO_SRIOV_H
#define VFIO_SRIOV_H

#include "vfio_test.h"

#define ID_IGB_VF	0x8086, 0x10ca

/* A parameter of vfio-pci: without it no virtual functions are made. */
#define ENABLE_SRIOV	"/sys/module/vfio_pci/parameters/enable_sriov"

/* Two tokens, as text. */
#define TOKEN_A		"52ac9bff-3a88-4fbd-901a-0d767c3b6c97"
#define TOKEN_B		"88594674-90a0-47a9-aea8-9d9b352ac08a"

/* Writes text, or a number, to sriov_numvfs. Returns -errno. */
int __sriov_write(const char *pf, const char *text);
int __sriov_set(const char *pf, int count);
void sriov_set(const char *pf, int count);
/* How many there are, and how many there can be. */
int sriov_count(const char *pf);
int sriov_total(const char *pf);
/* Address of the nth virtual function. Returns false if there is none. */
bool sriov_vf(const char *pf, int nth, char *vf);

/*
 * Binds a physical function and turns the parameter on; the other one also
 * takes the virtual functions away, which waits for their users.
 */
void sriov_begin(const char *pf);
void sriov_end(const char *pf);

/*
 * Whether the kernel complains when a physical function leaves its driver
 * before its virtual functions are gone. With lockdep it does, whatever the
 * driver: the PCI core has them removed without its own lock.
 */
bool sriov_unbind_warns(void);

/* A device in use that stays bound when it is closed. */
struct user {
	int container;
	int group;
	int device;
};

#define NO_USER	((struct user){ -1, -1, -1 })

/* Opens a bound device with a token, or NULL. Returns the device or -errno. */
int __user_open(struct user *user, const char *bdf, const char *token);
void user_open(struct user *user, const char *bdf, const char *token);
void user_close(struct user *user);

#endif /* VFIO_SRIOV_H */
