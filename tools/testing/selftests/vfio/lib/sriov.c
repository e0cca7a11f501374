// SPDX-License-Identifier: GPL-2.0-only
/* SR-IOV: virtual functions and their users. */
#include <limits.h>

#include "vfio_sriov.h"

#define DEVICES	"/sys/bus/pci/devices"

int __sriov_write(const char *pf, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/sriov_numvfs", pf);
	return __write_text(path, text);
}

int __sriov_set(const char *pf, int count)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", count);
	return __sriov_write(pf, text);
}

void sriov_set(const char *pf, int count)
{
	int ret = __sriov_set(pf, count);

	if (ret)
		fail("%d virtual functions of %s: %s", count, pf, strerror(-ret));
}

static int number(const char *pf, const char *file)
{
	char path[PATH_MAX], text[16];

	snprintf(path, sizeof(path), DEVICES "/%s/%s", pf, file);
	must(__read_text(path, text, sizeof(text)));
	return atoi(text);
}

int sriov_count(const char *pf)
{
	return number(pf, "sriov_numvfs");
}

int sriov_total(const char *pf)
{
	return number(pf, "sriov_totalvfs");
}

bool sriov_vf(const char *pf, int nth, char *vf)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), DEVICES "/%s/virtfn%d", pf, nth);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	snprintf(vf, BDF_LEN, "%s", strrchr(target, '/') + 1);
	return true;
}

void sriov_begin(const char *pf)
{
	pci_bind(pf, "vfio-pci");
	write_text(ENABLE_SRIOV, "Y");
}

void sriov_end(const char *pf)
{
	char driver[64];

	write_text(ENABLE_SRIOV, "Y");
	pci_driver(pf, driver, sizeof(driver));
	if (driver[0])
		sriov_set(pf, 0);
	write_text(ENABLE_SRIOV, "N");
	pci_unbind(pf);
}

bool sriov_unbind_warns(void)
{
	return !access("/proc/lockdep_stats", F_OK);
}

int __user_open(struct user *user, const char *bdf, const char *token)
{
	char name[128];

	*user = NO_USER;
	user->container = container_open();
	user->group = __group_open(must(pci_group(bdf)));
	if (user->group < 0)
		return user->group;
	group_set_container(user->group, user->container);
	set_iommu(user->container, HOST_IOMMU);
	snprintf(name, sizeof(name), token ? "%s vf_token=%s" : "%s", bdf, token);
	user->device = __group_get_device(user->group, name);
	return user->device;
}

void user_open(struct user *user, const char *bdf, const char *token)
{
	int ret = __user_open(user, bdf, token);

	if (ret < 0)
		fail("%s does not open: %s", bdf, strerror(-ret));
}

void user_close(struct user *user)
{
	if (user->device >= 0)
		close(user->device);
	if (user->group >= 0)
		close(user->group);
	if (user->container >= 0)
		close(user->container);
	*user = NO_USER;
}
