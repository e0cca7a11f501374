// SPDX-License-Identifier: GPL-2.0-only
#include <linux/aperture.h>
#include <linux/vgaarb.h>

int vfio_helper_vga_get_interruptible(struct pci_dev *pdev, unsigned int rsrc)
{
	return vga_get_interruptible(pdev, rsrc);
}

void vfio_helper_vga_put(struct pci_dev *pdev, unsigned int rsrc)
{
	vga_put(pdev, rsrc);
}

int vfio_helper_vga_client_register(struct pci_dev *pdev,
				    unsigned int (*set_decode)(struct pci_dev *pdev, bool state))
{
	return vga_client_register(pdev, set_decode);
}

void vfio_helper_vga_set_legacy_decoding(struct pci_dev *pdev, unsigned int decodes)
{
	vga_set_legacy_decoding(pdev, decodes);
}

int vfio_helper_aperture_remove_conflicting_pci_devices(struct pci_dev *pdev, const char *name)
{
	return aperture_remove_conflicting_pci_devices(pdev, name);
}
