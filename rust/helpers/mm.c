// SPDX-License-Identifier: GPL-2.0-only
/* Inline functions of the memory manager, for rust/kernel/mm/. */

#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/fs.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_notifier.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include "helpers.h"

unsigned long vfio_helper_page_to_pfn(struct page *page)
{
	return page_to_pfn(page);
}

struct page *vfio_helper_pfn_to_page(unsigned long pfn)
{
	return pfn_to_page(pfn);
}

bool vfio_helper_pfn_valid(unsigned long pfn)
{
	return pfn_valid(pfn);
}

bool vfio_helper_page_reserved(struct page *page)
{
	return PageReserved(page);
}

size_t vfio_helper_num_pages_contiguous(struct page **pages, size_t count)
{
	return num_pages_contiguous(pages, count);
}

unsigned long vfio_helper_untagged_addr_remote(struct mm_struct *mm,
					       unsigned long addr)
{
	return untagged_addr_remote(mm, addr);
}

int vfio_helper_mmap_write_lock_killable(struct mm_struct *mm)
{
	return mmap_write_lock_killable(mm);
}

void vfio_helper_mmap_read_lock(struct mm_struct *mm)
{
	mmap_read_lock(mm);
}

void vfio_helper_mmap_read_unlock(struct mm_struct *mm)
{
	mmap_read_unlock(mm);
}

int vfio_helper_mm_users(struct mm_struct *mm)
{
	return atomic_read(&mm->mm_users);
}

bool vfio_helper_vma_is_attached(struct vm_area_struct *vma)
{
	return vma_is_attached(vma);
}

void vfio_helper_mmap_write_lock(struct mm_struct *mm)
{
	mmap_write_lock(mm);
}

void vfio_helper_mmap_write_unlock(struct mm_struct *mm)
{
	mmap_write_unlock(mm);
}

unsigned long vfio_helper_rlimit(unsigned int limit)
{
	return rlimit(limit);
}

bool vfio_helper_access_ok(const void __user *ptr, unsigned long size)
{
	return access_ok(ptr, size);
}

unsigned long vfio_helper_untagged_addr(unsigned long addr)
{
	return untagged_addr(addr);
}

struct folio *vfio_helper_page_folio(struct page *page)
{
	return page_folio(page);
}

unsigned long vfio_helper_page_pgoff(struct folio *folio, struct page *page)
{
	return page_pgoff(folio, page);
}

unsigned long vfio_helper_folio_nr_pages(struct folio *folio)
{
	return folio_nr_pages(folio);
}

unsigned long vfio_helper_folio_page_idx(struct folio *folio, struct page *page)
{
	return folio_page_idx(folio, page);
}

bool vfio_helper_folio_test_anon(struct folio *folio)
{
	return folio_test_anon(folio);
}

bool vfio_helper_folio_test_hugetlb(struct folio *folio)
{
	return folio_test_hugetlb(folio);
}

void vfio_helper_folio_lock(struct folio *folio)
{
	folio_lock(folio);
}

void vfio_helper_folio_unlock(struct folio *folio)
{
	folio_unlock(folio);
}

unsigned long vfio_helper_linear_page_index(struct vm_area_struct *vma,
					    unsigned long addr)
{
	return linear_page_index(vma, addr);
}

struct file *vfio_helper_get_file(struct file *file)
{
	return get_file(file);
}

void vfio_helper_inode_lock_shared(struct inode *inode)
{
	inode_lock_shared(inode);
}

void vfio_helper_inode_unlock_shared(struct inode *inode)
{
	inode_unlock_shared(inode);
}

void vfio_helper_mmu_interval_set_seq(struct mmu_interval_notifier *sub,
				      unsigned long seq)
{
	mmu_interval_set_seq(sub, seq);
}

bool vfio_helper_mmu_notifier_range_blockable(const struct mmu_notifier_range *range)
{
	return mmu_notifier_range_blockable(range);
}
