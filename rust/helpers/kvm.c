// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of KVM, looked up by name: VFIO must load where KVM is not.  The compiler checks that
 * each has the type that helpers.h says.
 */
#include <linux/module.h>
#if IS_ENABLED(CONFIG_KVM)
#include <linux/kvm_host.h>
#endif
#include "helpers.h"

#if IS_ENABLED(CONFIG_KVM)

bool (*vfio_helper_symbol_get_kvm_get_kvm_safe(void))(struct kvm *kvm)
{
	return symbol_get(kvm_get_kvm_safe);
}

void vfio_helper_symbol_put_kvm_get_kvm_safe(void)
{
	symbol_put(kvm_get_kvm_safe);
}

void (*vfio_helper_symbol_get_kvm_put_kvm(void))(struct kvm *kvm)
{
	return symbol_get(kvm_put_kvm);
}

void vfio_helper_symbol_put_kvm_put_kvm(void)
{
	symbol_put(kvm_put_kvm);
}

#else

bool (*vfio_helper_symbol_get_kvm_get_kvm_safe(void))(struct kvm *kvm)
{
	return NULL;
}

void vfio_helper_symbol_put_kvm_get_kvm_safe(void)
{
}

void (*vfio_helper_symbol_get_kvm_put_kvm(void))(struct kvm *kvm)
{
	return NULL;
}

void vfio_helper_symbol_put_kvm_put_kvm(void)
{
}

#endif
