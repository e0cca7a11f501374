// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO and KVM: the "VFIO device" of a virtual machine, which is told about
 * groups and devices; and how long the machine lives with a device assigned.
 *
 * No virtual processor runs, so emulated virtualisation is enough. Uses an edu
 * device alone in its group; the kernel needs kvm-amd or kvm-intel.
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "kselftest_harness.h"
#include "vfio_cdev.h"
#include "vfio_irq.h"
#include "vfio_kvm.h"

#define DEBUGFS	"/sys/kernel/debug"

/* A machine with a VFIO device, and a group in a container. */
FIXTURE(machine)
{
	struct vfio vfio;
	int kvm, vm, kvm_vfio;
	/* References to kvm.ko with no device assigned. */
	int unassigned;
};

FIXTURE_SETUP(machine)
{
	char bdf[BDF_LEN];

	self->kvm = self->vm = self->kvm_vfio = -1;
	self->vfio.container = self->vfio.group = self->vfio.device = -1;
	if (!pci_find_alone(ID_EDU, 0, bdf))
		SKIP(return, "no edu device alone in its group");
	self->kvm = __kvm_open();
	if (self->kvm < 0)
		SKIP(return, "no KVM");
	self->vm = must(__call(self->kvm, KVM_CREATE_VM, NULL));
	self->kvm_vfio = must(__create_device(self->vm));
	vfio_open_group(&self->vfio, bdf);
	set_iommu(self->vfio.container, VFIO_TYPE1v2_IOMMU);
	self->unassigned = refcount("kvm");
}

FIXTURE_TEARDOWN(machine)
{
	close_fd(&self->kvm_vfio);
	close_fd(&self->vm);
	close_fd(&self->kvm);
	if (*self->vfio.bdf)
		vfio_close(&self->vfio);
}

/* ---- The calls -------------------------------------------------------------- */

TEST_F(machine, one_vfio_device_per_machine)
{
	EXPECT_EQ(-EBUSY, __create_device(self->vm));
	close_fd(&self->kvm_vfio);
	self->kvm_vfio = __create_device(self->vm);
	EXPECT_LE(0, self->kvm_vfio);
}

TEST_F(machine, attributes)
{
	int fd = self->kvm_vfio;

	EXPECT_EQ(0, __has_attr(fd, KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_FILE_ADD));
	EXPECT_EQ(0, __has_attr(fd, KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_FILE_DEL));
	/* POWER has it. */
	EXPECT_EQ(-ENXIO, __has_attr(fd, KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE));
	EXPECT_EQ(-ENXIO, __has_attr(fd, KVM_DEV_VFIO_FILE, 0));
	EXPECT_EQ(-ENXIO, __has_attr(fd, KVM_DEV_VFIO_FILE + 1, KVM_DEV_VFIO_FILE_ADD));

	EXPECT_EQ(-ENXIO, __set_attr(fd, KVM_DEV_VFIO_FILE, 0, NULL));
	EXPECT_EQ(-ENXIO, __set_attr(fd, KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, NULL));
	EXPECT_EQ(-ENXIO, __set_attr(fd, KVM_DEV_VFIO_FILE + 1, KVM_DEV_VFIO_FILE_ADD, NULL));
	EXPECT_EQ(-EFAULT, __set_attr(fd, KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_FILE_ADD, NULL));
	EXPECT_EQ(-EFAULT, __set_attr(fd, KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_FILE_DEL, NULL));
}

TEST_F(machine, which_files_count)
{
	int event = eventfd(0, EFD_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC);

	self->vfio.device = group_get_device(self->vfio.group, self->vfio.bdf);
	EXPECT_EQ(-EBADF, __file_add(self->kvm_vfio, -1));
	EXPECT_EQ(-EINVAL, __file_add(self->kvm_vfio, event));
	EXPECT_EQ(-EINVAL, __file_add(self->kvm_vfio, null));
	EXPECT_EQ(-EINVAL, __file_add(self->kvm_vfio, self->vm));
	EXPECT_EQ(-EINVAL, __file_add(self->kvm_vfio, self->vfio.container));
	EXPECT_EQ(0, __file_add(self->kvm_vfio, self->vfio.group));
	EXPECT_EQ(0, __file_add(self->kvm_vfio, self->vfio.device));
	close(event);
	close(null);
}

TEST_F(machine, each_file_once)
{
	struct vfio *vfio = &self->vfio;
	int copy = dup(vfio->group), second;

	vfio->device = group_get_device(vfio->group, vfio->bdf);
	second = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(-EBADF, __file_del(self->kvm_vfio, -1));
	EXPECT_EQ(-ENOENT, __file_del(self->kvm_vfio, vfio->container));
	EXPECT_EQ(-ENOENT, __file_del(self->kvm_vfio, vfio->group));

	EXPECT_EQ(0, __file_add(self->kvm_vfio, vfio->group));
	EXPECT_EQ(-EEXIST, __file_add(self->kvm_vfio, vfio->group));
	/* It is the file that counts, not its number. */
	EXPECT_EQ(-EEXIST, __file_add(self->kvm_vfio, copy));
	EXPECT_EQ(0, __file_del(self->kvm_vfio, copy));
	EXPECT_EQ(-ENOENT, __file_del(self->kvm_vfio, vfio->group));
	EXPECT_EQ(0, __file_add(self->kvm_vfio, vfio->group));

	EXPECT_EQ(0, __file_add(self->kvm_vfio, vfio->device));
	EXPECT_EQ(-EEXIST, __file_add(self->kvm_vfio, vfio->device));
	EXPECT_EQ(0, __file_add(self->kvm_vfio, second));
	EXPECT_EQ(0, __file_del(self->kvm_vfio, vfio->device));
	EXPECT_EQ(-ENOENT, __file_del(self->kvm_vfio, vfio->device));
	close(second);
	close(copy);
}

/* ---- Who keeps whom --------------------------------------------------------- */

TEST_F(machine, keeps_the_group_open)
{
	struct vfio *vfio = &self->vfio;

	ASSERT_EQ(0, __file_add(self->kvm_vfio, vfio->group));
	close_fd(&vfio->group);
	EXPECT_EQ(-EBUSY, __group_open(vfio->group_id));
	close_fd(&self->kvm_vfio);
	vfio->group = __group_open(vfio->group_id);
	EXPECT_LE(0, vfio->group);
}

TEST_F(machine, ends_with_its_vfio_device_open)
{
	struct vfio *vfio = &self->vfio;

	ASSERT_EQ(0, __file_add(self->kvm_vfio, vfio->group));
	close_fd(&self->vm);
	EXPECT_EQ(-ENOENT, __file_del(self->kvm_vfio, vfio->container));
	close_fd(&vfio->group);
	EXPECT_EQ(-EBUSY, __group_open(vfio->group_id));
	close_fd(&self->kvm_vfio);
	vfio->group = __group_open(vfio->group_id);
	EXPECT_LE(0, vfio->group);
}

TEST_F(machine, kvm_stays_while_a_device_is_open)
{
	struct vfio *vfio = &self->vfio;
	int second;

	ASSERT_EQ(0, __file_add(self->kvm_vfio, vfio->group));
	EXPECT_EQ(self->unassigned, refcount("kvm"));
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(self->unassigned + 1, refcount("kvm"));
	second = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(self->unassigned + 1, refcount("kvm"));

	/* What was taken at the first open stays until the last close. */
	EXPECT_EQ(0, __file_del(self->kvm_vfio, vfio->group));
	EXPECT_EQ(self->unassigned + 1, refcount("kvm"));
	close_fd(&vfio->device);
	EXPECT_EQ(self->unassigned + 1, refcount("kvm"));
	close(second);
	EXPECT_EQ(self->unassigned, refcount("kvm"));

	vfio->device = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(self->unassigned, refcount("kvm"));
}

TEST_F(machine, counts_from_the_next_first_open)
{
	struct vfio *vfio = &self->vfio;

	vfio->device = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(0, __file_add(self->kvm_vfio, vfio->group));
	EXPECT_EQ(self->unassigned, refcount("kvm"));
	close_fd(&vfio->device);
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(self->unassigned + 1, refcount("kvm"));
}

TEST_F(machine, a_device_file_says_nothing_of_its_group)
{
	struct vfio *vfio = &self->vfio;
	int second;

	second = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(0, __file_add(self->kvm_vfio, second));
	EXPECT_EQ(0, __file_del(self->kvm_vfio, second));
	EXPECT_EQ(0, __file_add(self->kvm_vfio, second));
	close(second);
	/* KVM has the file, so the device is not closed. */
	EXPECT_EQ(-EBUSY, __group_unset_container(vfio->group));
	EXPECT_EQ(self->unassigned, refcount("kvm"));
	close_fd(&self->kvm_vfio);
	EXPECT_EQ(0, __group_unset_container(vfio->group));
}

TEST_F(machine, lives_until_the_device_is_closed)
{
	struct vfio *vfio = &self->vfio;
	char statistics[64];

	/* KVM shows each machine that there is. */
	snprintf(statistics, sizeof(statistics), DEBUGFS "/kvm/%d-%d", getpid(), self->vm);
	if (access(DEBUGFS "/kvm", F_OK))
		mount("debugfs", DEBUGFS, "debugfs", 0, NULL);
	ASSERT_EQ(0, access(statistics, F_OK));

	ASSERT_EQ(0, __file_add(self->kvm_vfio, vfio->group));
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	close_fd(&self->kvm_vfio);
	close_fd(&self->vm);

	/* Nobody has a file of it any more. */
	EXPECT_EQ(0, access(statistics, F_OK));
	EXPECT_EQ(0x1234, config_read(vfio->device, 0, 2));
	close_fd(&vfio->device);
	EXPECT_EQ(-1, access(statistics, F_OK));
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(self->unassigned, refcount("kvm"));
}

TEST_F(machine, a_group_of_two_machines_has_the_last)
{
	struct vfio *vfio = &self->vfio;
	int vm = must(__call(self->kvm, KVM_CREATE_VM, NULL)), other = must(__create_device(vm));

	EXPECT_EQ(0, __file_add(self->kvm_vfio, vfio->group));
	EXPECT_EQ(0, __file_add(other, vfio->group));
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(self->unassigned + 1, refcount("kvm"));
	close_fd(&vfio->device);

	/* Whichever goes takes the note with it. */
	close_fd(&self->kvm_vfio);
	close_fd(&self->vm);
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(self->unassigned, refcount("kvm"));
	close_fd(&vfio->device);
	EXPECT_EQ(0, __file_del(other, vfio->group));
	EXPECT_EQ(0, __file_add(other, vfio->group));
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(self->unassigned + 1, refcount("kvm"));
	close(other);
	close(vm);
}

/* A device by its own node: the machine is known to the file before it is bound. */
TEST_F(machine, takes_the_file_of_a_node)
{
	struct vfio *vfio = &self->vfio;
	char bdf[BDF_LEN], path[280];
	int iommu, fd;

	strcpy(bdf, vfio->bdf);
	if (!node_find(bdf, path, sizeof(path)))
		SKIP(return, "devices have no nodes");
	/* A group that is open has its devices to itself. */
	close_fd(&vfio->group);
	close_fd(&vfio->container);
	iommu = must(__iommu_open());
	fd = must(node_open(path));
	EXPECT_EQ(0, __file_add(self->kvm_vfio, fd));
	EXPECT_EQ(-EEXIST, __file_add(self->kvm_vfio, fd));
	EXPECT_EQ(self->unassigned, refcount("kvm"));
	EXPECT_EQ(0, __bind(fd, iommu));
	EXPECT_EQ(self->unassigned + 1, refcount("kvm"));

	/* What was taken with the binding stays until the close. */
	EXPECT_EQ(0, __file_del(self->kvm_vfio, fd));
	EXPECT_EQ(self->unassigned + 1, refcount("kvm"));
	close_fd(&fd);
	EXPECT_EQ(self->unassigned, refcount("kvm"));
	close(iommu);
}

/* ---- Coherency ---------------------------------------------------------------- */

#define TRACEFS	"/sys/kernel/tracing"

/* Counts the calls of a function of KVM from now on. */
static bool count_calls(const char *function)
{
	char text[128];
	int fd, len;
	bool done;

	if (access(TRACEFS "/kprobe_events", F_OK))
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	len = snprintf(text, sizeof(text), "p:vfio_kvm_test/%s kvm:%s\n", function, function);
	fd = open(TRACEFS "/kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC);
	done = write(fd, text, len) == len;
	close(fd);
	snprintf(text, sizeof(text), TRACEFS "/events/vfio_kvm_test/%s/enable", function);
	return done && !__write_text(text, "1");
}

static int calls(const char *function)
{
	char name[64];
	int hits, found = -1;
	FILE *file = fopen(TRACEFS "/kprobe_profile", "re");

	while (file && found < 0 && fscanf(file, "%63s %d %*d", name, &hits) == 2)
		if (!strcmp(name, function))
			found = hits;
	if (file)
		fclose(file);
	return found;
}

static void count_no_more(void)
{
	__write_text(TRACEFS "/events/vfio_kvm_test/enable", "0");
	/* Truncating the list removes the probes. */
	close(open(TRACEFS "/kprobe_events", O_WRONLY | O_TRUNC | O_CLOEXEC));
}

/* Whether no device can make the IOMMU leave the caches out; Intel's says so itself. */
static bool iommu_is_coherent(void)
{
	char text[32];

	if (__read_text("/sys/class/iommu/dmar0/intel-iommu/ecap", text, sizeof(text)))
		return true;
	return strtoull(text, NULL, 16) & 1 << 7;
}

TEST_F(machine, is_told_of_dma_beside_the_caches)
{
	static const char came[] = "kvm_arch_register_noncoherent_dma";
	static const char went[] = "kvm_arch_unregister_noncoherent_dma";
	struct vfio *vfio = &self->vfio;
	int incoherent = !iommu_is_coherent();

	if (!count_calls(came) || !count_calls(went)) {
		count_no_more();
		SKIP(return, "functions of KVM cannot be traced");
	}
	EXPECT_EQ(0, __file_add(self->kvm_vfio, vfio->group));
	EXPECT_EQ(incoherent, calls(came));
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	EXPECT_EQ(0, __file_add(self->kvm_vfio, vfio->device));
	EXPECT_EQ(0, __file_del(self->kvm_vfio, vfio->group));
	/* The device alone as well. */
	EXPECT_EQ(incoherent, calls(came));
	EXPECT_EQ(0, calls(went));
	EXPECT_EQ(0, __file_del(self->kvm_vfio, vfio->device));
	EXPECT_EQ(incoherent, calls(went));
	count_no_more();
}

/* ---- Interrupts ------------------------------------------------------------- */

/* Interrupts of the machine's first controller that wait for a processor. */
static uint8_t pending(int vm)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_PIC_MASTER };

	call(vm, KVM_GET_IRQCHIP, &chip);
	return chip.chip.pic.irr;
}

TEST_F(machine, an_msi_reaches_the_machine)
{
	struct kvm_irqfd irqfd = { .gsi = 5 };
	struct vfio *vfio = &self->vfio;
	double end = seconds() + 10;
	struct edu edu;
	int ret;

	ASSERT_EQ(0, __file_add(self->kvm_vfio, vfio->group));
	vfio->device = group_get_device(vfio->group, vfio->bdf);
	ret = __call(self->vm, KVM_CREATE_IRQCHIP, NULL);
	if (ret == -ENOTTY)
		SKIP(return, "KVM was built without interrupt controllers");
	ASSERT_EQ(0, ret);
	irqfd.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	call(self->vm, KVM_IRQFD, &irqfd);
	ASSERT_EQ(0, set_fd(vfio->device, TRIGGER, MSI, irqfd.fd));
	EXPECT_EQ(0, pending(self->vm) & 1 << 5);

	edu_open(&edu, vfio->device);
	edu_write(&edu, EDU_IRQ_RAISE, 1);
	while (!(pending(self->vm) & 1 << 5) && seconds() < end)
		usleep(10000);
	EXPECT_EQ(1 << 5, pending(self->vm) & 1 << 5);
	edu_write(&edu, EDU_IRQ_ACK, 1);
	edu_close(&edu);

	EXPECT_EQ(0, __irq_disable(vfio->device, MSI));
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	EXPECT_EQ(0, __call(self->vm, KVM_IRQFD, &irqfd));
	close(irqfd.fd);
}

/* ---- Loading ---------------------------------------------------------------- */

TEST_F_TIMEOUT(machine, vfio_may_come_later, 120)
{
	char bdf[BDF_LEN];

	strcpy(bdf, self->vfio.bdf);
	EXPECT_EQ(0, __file_add(self->kvm_vfio, self->vfio.group));
	/* KVM has the group, so VFIO has to stay. */
	close_fd(&self->vfio.group);
	close_fd(&self->vfio.container);
	pci_unbind(bdf);
	*self->vfio.bdf = '\0';
	EXPECT_NE(0, system("rmmod vfio_pci vfio_pci_core vfio_iommu_type1 vfio 2>/dev/null"));
	ASSERT_EQ(0, access("/sys/module/vfio", F_OK));
	close_fd(&self->kvm_vfio);
	ASSERT_EQ(0, system("rmmod vfio"));

	/* Without VFIO no file is one of VFIO. */
	self->kvm_vfio = must(__create_device(self->vm));
	EXPECT_EQ(-EINVAL, __file_add(self->kvm_vfio, self->kvm));
	ASSERT_EQ(0, system("modprobe vfio-pci && modprobe vfio_iommu_type1"));
	EXPECT_EQ(-EINVAL, __file_add(self->kvm_vfio, self->kvm));

	self->unassigned = refcount("kvm");
	vfio_open_group(&self->vfio, bdf);
	set_iommu(self->vfio.container, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(0, __file_add(self->kvm_vfio, self->vfio.group));
	self->vfio.device = group_get_device(self->vfio.group, bdf);
	EXPECT_EQ(self->unassigned + 1, refcount("kvm"));
}

TEST_HARNESS_MAIN
