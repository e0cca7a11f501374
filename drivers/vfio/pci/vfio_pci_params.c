// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parameters of vfio-pci.ko.  They are here because Rust's module! macro knows
 * neither strings nor parameters that can be changed later.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>

char vfio_pci_ids[1024];
module_param_string(ids, vfio_pci_ids, sizeof(vfio_pci_ids), 0);
MODULE_PARM_DESC(ids, "Devices to take from the start: vendor:device[:subvendor[:subdevice[:class[:class_mask]]]], several separated by commas");

bool vfio_pci_nointxmask;
module_param_named(nointxmask, vfio_pci_nointxmask, bool, 0644);
MODULE_PARM_DESC(nointxmask, "Mask INTx at the interrupt controller only, never in the device");

bool vfio_pci_disable_vga = !IS_ENABLED(CONFIG_VFIO_PCI_VGA);
#ifdef CONFIG_VFIO_PCI_VGA
module_param_named(disable_vga, vfio_pci_disable_vga, bool, 0444);
MODULE_PARM_DESC(disable_vga, "Do not offer the legacy VGA ranges of display devices");
#endif

bool vfio_pci_disable_idle_d3;
module_param_named(disable_idle_d3, vfio_pci_disable_idle_d3, bool, 0644);
MODULE_PARM_DESC(disable_idle_d3, "Keep unused devices awake instead of in D3");

bool vfio_pci_enable_sriov;
#ifdef CONFIG_PCI_IOV
module_param_named(enable_sriov, vfio_pci_enable_sriov, bool, 0644);
MODULE_PARM_DESC(enable_sriov, "Let sriov_numvfs make virtual functions of bound devices");
#endif

bool vfio_pci_disable_denylist;
module_param_named(disable_denylist, vfio_pci_disable_denylist, bool, 0444);
MODULE_PARM_DESC(disable_denylist, "Also take devices that are known to harm the host in the hands of untrusted users");
