// SPDX-License-Identifier: GPL-2.0-only

#include <linux/list.h>
#include <linux/poll.h>

void vfio_helper_list_del_init(struct list_head *entry)
{
	list_del_init(entry);
}

__poll_t vfio_helper_vfs_poll(struct file *file, struct poll_table_struct *pt)
{
	return vfs_poll(file, pt);
}
