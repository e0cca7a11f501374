// SPDX-License-Identifier: GPL-2.0-only
/*
 * POWER: a virtual machine that maps memory for its devices by hypercalls, which KVM
 * turns into entries of the hardware's tables without asking the program. KVM finds
 * the tables through the file of the group.
 *
 * Needs KVM of the bare machine (kvm-hv), and an edu device alone in its group.
 */
#include "kselftest_harness.h"
#include "vfio_kvm.h"
#include "vfio_spapr.h"

#ifndef __powerpc64__

TEST(no_power)
{
	SKIP(return, "no POWER machine");
}

#else

#define LIOBN		0x100	/* how the machine names its table */
#define IOVA		SPAPR_IOVA
#define TCE		4096ULL	/* what an entry of the 32-bit window is for */
#define TCE_RW		3ULL
#define CODE		(3 * PAGE)	/* guest addresses: the last page is the program's */
#define H_PUT_TCE	0x20
#define H_UNKNOWN	0x7ff0	/* ends the machine's run */
#define TOO_HARD	9999

FIXTURE(kvm)
{
	struct vfio vfio;
	struct edu edu;
	int fd, kvm, vm, vcpu, device, table;
	struct kvm_run *run;
	char *mem;	/* four pages: the machine's memory, registered */
	long locked;
};

/* A machine with one processor, the memory @mem from address 0, and the program. */
static bool make_machine(FIXTURE_DATA(kvm) *self)
{
	struct kvm_userspace_memory_region slot = {
		.memory_size = 4 * PAGE,
		.userspace_addr = (uintptr_t)self->mem,
	};
	static const uint32_t program[] = {
		0x44000022,	/* sc 1: what the registers say */
		0x7c671b78,	/* mr r7, r3 */
		0x38600000 | H_UNKNOWN,	/* li r3, H_UNKNOWN */
		0x44000022,	/* sc 1 */
		0x48000000,	/* b . */
	};
	struct kvm_enable_cap papr = { .cap = KVM_CAP_PPC_PAPR };
	struct kvm_sregs sregs;
	int size;

	self->vm = __call(self->kvm, KVM_CREATE_VM, NULL);
	if (self->vm < 0)
		return false;
	memcpy(self->mem + CODE, program, sizeof(program));
	call(self->vm, KVM_SET_USER_MEMORY_REGION, &slot);
	self->vcpu = must(__call(self->vm, KVM_CREATE_VCPU, NULL));
	/* Of the same kind as that of the host. */
	call(self->vcpu, KVM_GET_SREGS, &sregs);
	asm volatile("mfpvr %0" : "=r"(sregs.pvr));
	call(self->vcpu, KVM_SET_SREGS, &sregs);
	call(self->vcpu, KVM_ENABLE_CAP, &papr);
	size = must(__call(self->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL));
	self->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, self->vcpu, 0);
	return self->run != MAP_FAILED;
}

FIXTURE_SETUP(kvm)
{
	struct vfio_iommu_spapr_tce_info info;
	struct kvm_create_spapr_tce_64 table = { .liobn = LIOBN, .page_shift = 12 };

	self->locked = my_locked();
	self->kvm = __kvm_open();
	if (self->kvm < 0)
		SKIP(return, "no KVM for this machine");
	if (!spapr_fixture(&self->vfio, VFIO_SPAPR_TCE_v2_IOMMU))
		SKIP(return, "no TCE tables, or no edu alone in its group");
	edu_open(&self->edu, self->vfio.device);
	self->fd = self->vfio.container;
	self->mem = memory(4 * PAGE);
	if (!make_machine(self))
		SKIP(return, "KVM makes no machine");
	must(__spapr_register(self->fd, self->mem, 4 * PAGE));
	must(__spapr_info(self->fd, &info));
	table.size = info.dma32_window_size / TCE;
	self->table = must(__call(self->vm, KVM_CREATE_SPAPR_TCE_64, &table));
	self->device = must(__create_device(self->vm));
}

FIXTURE_TEARDOWN(kvm)
{
	close(self->device);
	close(self->table);
	close(self->vcpu);
	close(self->vm);
	munmap(self->run, must(__call(self->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL)));
	edu_close(&self->edu);
	vfio_close(&self->vfio);
	munmap(self->mem, 4 * PAGE);
	close(self->kvm);
	EXPECT_EQ(self->locked, my_locked());
}

static int __set_table(FIXTURE_DATA(kvm) *self, int group, int table)
{
	struct kvm_vfio_spapr_tce what = { .groupfd = group, .tablefd = table };

	return __set_attr(self->device, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, &what);
}

/* Has the 32-bit window made, which the first mapping does. */
static void make_window(FIXTURE_DATA(kvm) *self)
{
	must(__dma_map(self->fd, self->mem, 0, TCE, DMA_RW));
	must(__dma_unmap(self->fd, 0, TCE));
}

/* What a monitor does before its machine runs. (KVM warns of groups that it was given for nothing.) */
static void give_group(FIXTURE_DATA(kvm) *self)
{
	make_window(self);
	must(__file_add(self->device, self->vfio.group));
	must(__set_table(self, self->vfio.group, self->table));
}

/* Lets the machine make a hypercall; returns what it gave, or that KVM leaves it to the program. */
static int64_t hypercall(FIXTURE_DATA(kvm) *self, uint64_t liobn, uint64_t iova, uint64_t tce)
{
	struct kvm_regs regs;

	call(self->vcpu, KVM_GET_REGS, &regs);
	regs.pc = CODE;
	regs.msr = 1ULL << 63 | 1ULL << 12 | 1;	/* 64 bits, machine checks, little-endian */
	regs.gpr[3] = H_PUT_TCE;
	regs.gpr[4] = liobn;
	regs.gpr[5] = iova;
	regs.gpr[6] = tce;
	call(self->vcpu, KVM_SET_REGS, &regs);
	/* From the second run on these are in place of the registers: the answer to the last hypercall. */
	self->run->papr_hcall.ret = H_PUT_TCE;
	memcpy(self->run->papr_hcall.args, &regs.gpr[4], 3 * sizeof(regs.gpr[4]));
	call(self->vcpu, KVM_RUN, NULL);
	if (self->run->exit_reason == KVM_EXIT_PAPR_HCALL && self->run->papr_hcall.nr == H_PUT_TCE)
		return TOO_HARD;
	if (self->run->exit_reason != KVM_EXIT_PAPR_HCALL || self->run->papr_hcall.nr != H_UNKNOWN)
		fail("the machine stopped for reason %u, hypercall %#llx", self->run->exit_reason,
		     self->run->papr_hcall.nr);
	/* Arguments begin with r4, and the program left the result in r7. */
	return self->run->papr_hcall.args[3];
}

TEST_F(kvm, finds_the_table_of_a_group)
{
	int other = open("/dev/null", O_RDWR | O_CLOEXEC);

	must(__file_add(self->device, self->vfio.group));
	/* The platform has no table before the window is made. */
	EXPECT_EQ(-EINVAL, __set_table(self, self->vfio.group, self->table));
	make_window(self);
	EXPECT_EQ(0, __set_table(self, self->vfio.group, self->table));
	EXPECT_EQ(0, __set_table(self, self->vfio.group, self->table));
	EXPECT_EQ(-EINVAL, __set_table(self, self->vfio.group, other));
	EXPECT_EQ(-EBADF, __set_table(self, -1, self->table));
	EXPECT_EQ(-ENOENT, __set_table(self, other, self->table));
	EXPECT_EQ(0, __file_del(self->device, self->vfio.group));
	EXPECT_EQ(-ENOENT, __set_table(self, self->vfio.group, self->table));
	close(other);
}

TEST_F(kvm, hypercalls_map_for_the_device)
{
	give_group(self);
	ASSERT_EQ(0, hypercall(self, LIOBN, IOVA, PAGE | TCE_RW));
	ASSERT_EQ(0, hypercall(self, LIOBN, IOVA + TCE, (PAGE + TCE) | TCE_RW));
	memset(self->mem + PAGE, 0x47, TCE);
	edu_copy(&self->edu, IOVA, IOVA + TCE, EDU_BUFFER);
	EXPECT_TRUE(is_all(self->mem + PAGE + TCE, EDU_BUFFER, 0x47));
	/* Another entry takes the place of the first, and none does. */
	ASSERT_EQ(0, hypercall(self, LIOBN, IOVA, 2 * PAGE | TCE_RW));
	memset(self->mem + 2 * PAGE, 0x48, TCE);
	edu_copy(&self->edu, IOVA, IOVA + TCE, EDU_BUFFER);
	EXPECT_TRUE(is_all(self->mem + PAGE + TCE, EDU_BUFFER, 0x48));
	EXPECT_EQ(0, hypercall(self, LIOBN, IOVA, 0));
	EXPECT_EQ(0, hypercall(self, LIOBN, IOVA + TCE, 0));
	/* Nothing is mapped any more. */
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, 4 * PAGE));
	EXPECT_EQ(-ENOENT, __spapr_unregister(self->fd, self->mem, 4 * PAGE));
}

TEST_F(kvm, only_what_is_registered_and_in_the_window)
{
	give_group(self);
	ASSERT_EQ(0, __spapr_unregister(self->fd, self->mem, 4 * PAGE));
	EXPECT_EQ(TOO_HARD, hypercall(self, LIOBN, IOVA, PAGE | TCE_RW));
	EXPECT_EQ(TOO_HARD, hypercall(self, LIOBN + 1, IOVA, PAGE | TCE_RW));
	ASSERT_EQ(0, __spapr_register(self->fd, self->mem, 4 * PAGE));
	EXPECT_EQ(0, hypercall(self, LIOBN, IOVA, PAGE | TCE_RW));
	EXPECT_NE(0, hypercall(self, LIOBN, 1ULL << 32, PAGE | TCE_RW));
	EXPECT_NE(0, hypercall(self, LIOBN, IOVA, 1ULL << 40 | TCE_RW));
}

/* The program unmaps and maps over what the machine has mapped, and the other way round. */
TEST_F(kvm, mixed_with_the_program)
{
	give_group(self);
	ASSERT_EQ(0, hypercall(self, LIOBN, IOVA, PAGE | TCE_RW));
	ASSERT_EQ(0, __dma_map(self->fd, self->mem + 2 * PAGE, IOVA + TCE, TCE, DMA_RW));
	memset(self->mem + PAGE, 0x51, TCE);
	edu_copy(&self->edu, IOVA, IOVA + TCE, EDU_BUFFER);
	EXPECT_TRUE(is_all(self->mem + 2 * PAGE, EDU_BUFFER, 0x51));
	EXPECT_EQ(TCE, __dma_unmap(self->fd, IOVA, TCE));
	EXPECT_EQ(0, hypercall(self, LIOBN, IOVA + TCE, 0));
	EXPECT_EQ(0, __spapr_unregister(self->fd, self->mem, 4 * PAGE));
	EXPECT_EQ(-ENOENT, __spapr_unregister(self->fd, self->mem, 4 * PAGE));
}

/* What is still mapped goes with the window, and with the group. */
TEST_F(kvm, left_mapped)
{
	give_group(self);
	ASSERT_EQ(0, hypercall(self, LIOBN, IOVA, PAGE | TCE_RW));
	ASSERT_EQ(0, hypercall(self, LIOBN, IOVA + TCE, 2 * PAGE | TCE_RW));
}

/* Memory that the program gives up is taken from the device, whoever has mapped it. */
TEST_F(kvm, the_tie)
{
	void *again;

	if (!driver_is_rust())
		SKIP(return, "C leaves it to the device");
	give_group(self);
	ASSERT_EQ(0, hypercall(self, LIOBN, IOVA, PAGE | TCE_RW));
	ASSERT_EQ(0, hypercall(self, LIOBN, IOVA + TCE, 2 * PAGE | TCE_RW));
	memset(self->mem + PAGE, 0x53, TCE);
	edu_copy(&self->edu, IOVA, IOVA + TCE, EDU_BUFFER);
	ASSERT_TRUE(is_all(self->mem + 2 * PAGE, EDU_BUFFER, 0x53));
	again = mmap(self->mem + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ(self->mem + 2 * PAGE, again);
	memset(self->mem + PAGE, 0x54, TCE);
	edu_copy(&self->edu, IOVA, IOVA + TCE, EDU_BUFFER);
	EXPECT_TRUE(is_all(again, EDU_BUFFER, 0));
}

#endif

TEST_HARNESS_MAIN
