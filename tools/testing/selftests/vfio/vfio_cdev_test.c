// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices by themselves: /dev/vfio/devices/vfioN, and binding a file of it to a
 * context of IOMMUFD.
 *
 * Uses an edu device alone in its group; the kernel needs CONFIG_VFIO_DEVICE_CDEV.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "vfio_cdev.h"
#include "vfio_touch.h"

TEST_F(node, is_a_device_below_the_device)
{
	char name[300], text[32], numbers[32];
	struct stat stat_;

	ASSERT_EQ(0, stat(self->path, &stat_));
	EXPECT_TRUE(S_ISCHR(stat_.st_mode));
	EXPECT_EQ(0600, stat_.st_mode & 0777);
	snprintf(name, sizeof(name), "/sys/bus/pci/devices/%s/vfio-dev/%s/dev", self->bdf,
		 strrchr(self->path, '/') + 1);
	EXPECT_LE(0, __read_text(name, text, sizeof(text)));
	snprintf(numbers, sizeof(numbers), "%u:%u", (unsigned int)(stat_.st_rdev >> 8 & 0xfff),
		 (unsigned int)(stat_.st_rdev & 0xff));
	EXPECT_STREQ(numbers, text);
}

TEST_F(node, gives_no_access_before_it_is_bound)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	uint64_t at = (uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40;
	uint32_t word = 0;

	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_GET_INFO, NULL));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_RESET, NULL));
	EXPECT_EQ(-EINVAL, __call(self->fd, _IO(VFIO_TYPE, VFIO_BASE + 99), NULL));
	EXPECT_EQ(-EINVAL, __attach(self->fd, 1));
	EXPECT_EQ(-EINVAL, __detach(self->fd));
	EXPECT_EQ(-1, pread(self->fd, &word, 4, at));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pread(self->fd, &word, 0, at));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pwrite(self->fd, &word, 4, at));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(node, bind_gives_access)
{
	struct vfio_device_bind_iommufd bind = { .argsz = 16, .iommufd = self->iommu };

	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind));
	EXPECT_NE(0, bind.out_devid);
	EXPECT_EQ(0x1234, config_read(self->fd, 0, 2));
	EXPECT_EQ(-EINVAL, __bind(self->fd, self->iommu));
	EXPECT_EQ(-ENOTTY, __call(self->fd, _IO(VFIO_TYPE, VFIO_BASE + 99), NULL));
}

TEST_F(node, bind_errors)
{
	struct {
		struct vfio_device_bind_iommufd bind;
		uint64_t more;
	} arg = { .bind = { .argsz = 15, .iommufd = self->iommu } };
	struct vfio_device_bind_iommufd *end = (void *)memory_end();

	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_BIND_IOMMUFD, NULL));
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));
	arg.bind.argsz = sizeof(arg);
	arg.more = 1;
	EXPECT_EQ(-E2BIG, __call(self->fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));
	arg.bind.argsz = sizeof(arg.bind);
	arg.bind.flags = 2;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));
	/* An edu device has no use for a token. */
	arg.bind.flags = VFIO_DEVICE_BIND_FLAG_TOKEN;
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));
	arg.bind.token_uuid_ptr = (uintptr_t)&arg;
	EXPECT_EQ(-EINVAL, __call(self->fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));
	EXPECT_EQ(-EINVAL, __bind(self->fd, -1));
	EXPECT_EQ(-EBADF, __bind(self->fd, 1000));
	EXPECT_EQ(-EBADFD, __bind(self->fd, self->fd));
	/* The argument cannot be read to its end. */
	end = (void *)((char *)end - 16);
	end->argsz = 24;
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_BIND_IOMMUFD, end));
	EXPECT_EQ(-1, pread(self->fd, &arg, 4, 0));
	/* None of this has left anything behind. */
	arg.bind.flags = 0;
	arg.bind.argsz = sizeof(arg);
	arg.more = 0;
	EXPECT_EQ(0, __call(self->fd, VFIO_DEVICE_BIND_IOMMUFD, &arg));
}

TEST_F(node, bind_undone_if_the_answer_fails)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vfio_device_bind_iommufd *bind = page;
	int group;

	ASSERT_NE(MAP_FAILED, page);
	bind->argsz = sizeof(*bind);
	bind->iommufd = self->iommu;
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, __call(self->fd, VFIO_DEVICE_BIND_IOMMUFD, bind));
	EXPECT_EQ(-EINVAL, __detach(self->fd));
	group = __group_open(pci_group(self->bdf));
	EXPECT_LE(0, group);
	close(group);
	EXPECT_EQ(0, __bind(self->fd, self->iommu));
}

TEST_F(node, only_one_file_is_bound)
{
	int other = must(node_open(self->path));

	EXPECT_EQ(0, __bind(self->fd, self->iommu));
	EXPECT_EQ(-EINVAL, __bind(other, self->iommu));
	EXPECT_EQ(-EINVAL, __detach(other));
	close_fd(&self->fd);
	EXPECT_EQ(0, __bind(other, self->iommu));
	EXPECT_EQ(0x1234, config_read(other, 0, 2));
	close(other);
}

TEST_F(node, and_group_exclude_each_other)
{
	int id = pci_group(self->bdf), group = group_open(id);

	EXPECT_EQ(-EBUSY, __bind(self->fd, self->iommu));
	close(group);
	EXPECT_EQ(0, __bind(self->fd, self->iommu));
	EXPECT_EQ(-EBUSY, __group_open(id));
	EXPECT_EQ(0x1234, config_read(self->fd, 0, 2));
	close_fd(&self->fd);
	group = __group_open(id);
	EXPECT_LE(0, group);
	close(group);
}

TEST_F(node, calls_are_not_for_files_from_a_group)
{
	struct vfio vfio;

	vfio_open(&vfio, self->bdf, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(-EINVAL, __bind(vfio.device, self->iommu));
	EXPECT_EQ(-EINVAL, __bind(vfio.device, -1));
	EXPECT_EQ(-EFAULT, __call(vfio.device, VFIO_DEVICE_BIND_IOMMUFD, NULL));
	EXPECT_EQ(-ENOTTY, __attach(vfio.device, 1));
	EXPECT_EQ(-ENOTTY, __detach(vfio.device));
	close_fd(&self->fd);
	vfio_close(&vfio);
}

TEST_F(node, mappings_are_taken_back)
{
	volatile uint32_t *regs;
	uint32_t value = 0;

	ASSERT_EQ(0, __bind(self->fd, self->iommu));
	pci_command(self->fd, 2, 0);
	regs = region_map(self->fd, VFIO_PCI_BAR0_REGION_INDEX);
	EXPECT_EQ(0, touch(regs, &value));
	EXPECT_EQ(EDU_ID, value);
	pci_command(self->fd, 0, 2);
	EXPECT_EQ(SIGBUS, touch(regs, &value));
	pci_command(self->fd, 2, 0);
	EXPECT_EQ(0, touch(regs, &value));
	EXPECT_EQ(EDU_ID, value);
	/* A mapping keeps the file open. */
	munmap((void *)regs, region_info(self->fd, VFIO_PCI_BAR0_REGION_INDEX).size);
}

TEST_F(node, goes_with_the_driver)
{
	close_fd(&self->fd);
	pci_unbind(self->bdf);
	EXPECT_EQ(-ENOENT, node_open(self->path));
	pci_bind(self->bdf, "vfio-pci");
	EXPECT_TRUE(node_find(self->bdf, self->path, sizeof(self->path)));
	self->fd = node_open(self->path);
	EXPECT_LE(0, self->fd);
	EXPECT_EQ(0, __bind(self->fd, self->iommu));
}

TEST_HARNESS_MAIN
