// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/pgtable.h>

void vfio_helper_vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vm_flags_set(vma, flags);
}

vm_flags_t vfio_helper_vm_allow_any_uncached(void)
{
	return VM_ALLOW_ANY_UNCACHED;
}

pgprot_t vfio_helper_pgprot_noncached(pgprot_t prot)
{
	return pgprot_noncached(prot);
}

pgprot_t vfio_helper_pgprot_decrypted(pgprot_t prot)
{
	return pgprot_decrypted(prot);
}

unsigned int vfio_helper_pmd_order(void)
{
	return PMD_ORDER;
}

unsigned int vfio_helper_pud_order(void)
{
	return PUD_ORDER;
}
