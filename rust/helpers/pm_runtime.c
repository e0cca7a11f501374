// SPDX-License-Identifier: GPL-2.0-only
#include <linux/pm_runtime.h>

int vfio_helper_pm_runtime_resume_and_get(struct device *dev)
{
	return pm_runtime_resume_and_get(dev);
}

void vfio_helper_pm_runtime_put(struct device *dev)
{
	pm_runtime_put(dev);
}

void vfio_helper_pm_runtime_put_noidle(struct device *dev)
{
	pm_runtime_put_noidle(dev);
}

void vfio_helper_pm_runtime_get_noresume(struct device *dev)
{
	pm_runtime_get_noresume(dev);
}
