/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls of KVM and of the "VFIO device" of a virtual machine.
 *
 * Included once by each test program.
 */
#ifndef VFIO_KVM_H
#define VFIO_KVM_H

#include <fcntl.h>
#include <linux/kvm.h>

#include "vfio_test.h"

/* A program need not use all of this. */
#pragma GCC diagnostic ignored "-Wunused-function"

/* Loads KVM if it is not there. Returns /dev/kvm, or -errno. */
static int __kvm_open(void)
{
	int fd;

	if (access("/sys/module/kvm/refcnt", F_OK) &&
	    system("modprobe -q kvm-amd || modprobe -q kvm-intel || modprobe -q kvm-hv"))
		return -ENOENT;
	fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static inline int refcount(const char *module)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	return __read_text(path, text, sizeof(text)) ? -1 : atoi(text);
}

static int __create_device(int vm)
{
	struct kvm_create_device create = { .type = KVM_DEV_TYPE_VFIO };
	int ret = __call(vm, KVM_CREATE_DEVICE, &create);

	return ret ? ret : (int)create.fd;
}

static inline int __has_attr(int kvm_vfio, uint32_t group, uint64_t attr)
{
	struct kvm_device_attr what = { .group = group, .attr = attr };

	return __call(kvm_vfio, KVM_HAS_DEVICE_ATTR, &what);
}

static int __set_attr(int kvm_vfio, uint32_t group, uint64_t attr, const void *addr)
{
	struct kvm_device_attr what = {
		.group = group,
		.attr = attr,
		.addr = (uintptr_t)addr,
	};

	return __call(kvm_vfio, KVM_SET_DEVICE_ATTR, &what);
}

static int __file_add(int kvm_vfio, int fd)
{
	int32_t arg = fd;

	return __set_attr(kvm_vfio, KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_FILE_ADD, &arg);
}

static int __file_del(int kvm_vfio, int fd)
{
	int32_t arg = fd;

	return __set_attr(kvm_vfio, KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_FILE_DEL, &arg);
}

#endif /* VFIO_KVM_H */
