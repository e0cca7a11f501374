// SPDX-License-Identifier: GPL-2.0-only
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/pci.h>

bool vfio_helper_pci_is_root_bus(struct pci_bus *bus)
{
	return pci_is_root_bus(bus);
}

int vfio_helper_pci_domain_nr(struct pci_bus *bus)
{
	return pci_domain_nr(bus);
}

struct pci_dev *vfio_helper_pci_physfn(struct pci_dev *pdev)
{
	return pci_physfn(pdev);
}

struct pci_dev *vfio_helper_pci_upstream_bridge(struct pci_dev *pdev)
{
	return pci_upstream_bridge(pdev);
}

unsigned long vfio_helper_pci_resource_flags(struct pci_dev *pdev, int bar)
{
	return pci_resource_flags(pdev, bar);
}

struct resource *vfio_helper_pci_resource_n(struct pci_dev *pdev, int bar)
{
	return pci_resource_n(pdev, bar);
}

bool vfio_helper_pci_dev_is_virtfn(struct pci_dev *pdev)
{
	return pdev->is_virtfn;
}

bool vfio_helper_pci_dev_is_physfn(struct pci_dev *pdev)
{
	return pdev->is_physfn;
}

bool vfio_helper_pci_dev_no_command_memory(struct pci_dev *pdev)
{
	return pdev->no_command_memory;
}

bool vfio_helper_pci_dev_non_mappable_bars(struct pci_dev *pdev)
{
	return pdev->non_mappable_bars;
}

bool vfio_helper_pci_intx_mask_supported(struct pci_dev *pdev)
{
	return !pdev->broken_intx_masking;
}

u64 vfio_helper_ioread64(const void __iomem *addr)
{
	return ioread64(addr);
}

void vfio_helper_iowrite64(u64 value, void __iomem *addr)
{
	iowrite64(value, addr);
}
