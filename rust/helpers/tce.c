// SPDX-License-Identifier: GPL-2.0-only
/* Inline functions for TCE tables and EEH, for rust/kernel/{tce,eeh}. */

#include <linux/mm.h>
#include <linux/page-flags.h>
#include "helpers.h"

#ifdef CONFIG_SPAPR_TCE_IOMMU

#include <asm/eeh.h>
#include <asm/firmware.h>
#include <asm/io.h>
#include <asm/plpar_wrappers.h>

bool vfio_helper_eeh_enabled(void)
{
	return eeh_enabled();
}

bool vfio_helper_has_put_tce_indirect(void)
{
	return firmware_has_feature(FW_FEATURE_LPAR) &&
	       firmware_has_feature(FW_FEATURE_PUT_TCE_IND);
}

long vfio_helper_plpar_tce_put_indirect(unsigned long liobn, unsigned long ioba,
					unsigned long page, unsigned long count)
{
	return plpar_tce_put_indirect(liobn, ioba, page, count);
}

long vfio_helper_plpar_tce_put(unsigned long liobn, unsigned long ioba, unsigned long tce)
{
	return plpar_tce_put(liobn, ioba, tce);
}

u64 vfio_helper_virt_to_phys(const void *address)
{
	return virt_to_phys((volatile void *)address);
}

void *vfio_helper_phys_to_virt(u64 address)
{
	return phys_to_virt(address);
}

unsigned int vfio_helper_page_shift_of_pfn(unsigned long pfn)
{
	return page_shift(compound_head(pfn_to_page(pfn)));
}

void vfio_helper_set_page_dirty(struct page *page)
{
	SetPageDirty(page);
}

void vfio_helper_get_page(struct page *page)
{
	get_page(page);
}

void vfio_helper_put_page(struct page *page)
{
	put_page(page);
}

#endif
