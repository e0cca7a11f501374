// SPDX-License-Identifier: GPL-2.0-only
/* What the module! macro cannot say: a writable parameter and a soft dependency. */
#include <linux/module.h>
#include <linux/moduleparam.h>

bool vfio_strict_viability = true;
module_param_named(strict_viability, vfio_strict_viability, bool, 0644);
MODULE_PARM_DESC(strict_viability,
		 "Give access to a group only when every device of it is bound to a VFIO driver (default: 1)");

unsigned int vfio_isolation;

static int set_isolation(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 0, 2);
}

static const struct kernel_param_ops isolation_ops = {
	.set = set_isolation,
	.get = param_get_uint,
};
module_param_cb(isolation, &isolation_ops, &vfio_isolation, 0644);
MODULE_PARM_DESC(isolation,
		 "What a program must own to have a group, unless /sys/class/vfio/GROUP/isolation says otherwise: 0 the group, 1 all functions of its slots, 2 all devices on its buses (default: 0)");

bool vfio_enable_unsafe_noiommu_mode;
#ifdef CONFIG_VFIO_NOIOMMU
module_param_named(enable_unsafe_noiommu_mode, vfio_enable_unsafe_noiommu_mode, bool, 0644);
MODULE_PARM_DESC(enable_unsafe_noiommu_mode,
		 "UNSAFE: let programs with CAP_SYS_RAWIO have devices that no IOMMU keeps from any memory, and taint the kernel (default: 0)");
#endif

#if IS_ENABLED(CONFIG_IOMMUFD)
MODULE_IMPORT_NS("IOMMUFD");
MODULE_IMPORT_NS("IOMMUFD_VFIO");
#endif

MODULE_SOFTDEP("post: vfio_iommu_type1 vfio_iommu_spapr_tce");
