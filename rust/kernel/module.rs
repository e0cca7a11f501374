// SPDX-License-Identifier: GPL-2.0-only

//! References to loaded modules.
//!
//! A trait object that comes from another module is only callable while that module's code is in
//! memory. Whoever keeps one holds a [`ModuleRef`] beside it.
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)

use crate::bindings;
use kernel::prelude::*;

/// Keeps a module from being unloaded.
///
/// # Invariants
///
/// This value owns one reference taken with `try_module_get`.
#[must_use = "the module may be unloaded as soon as this is dropped"]
pub struct ModuleRef(&'static ThisModule);

impl ModuleRef {
    /// Takes a reference, or returns `None` if the module is being unloaded.
    pub fn get(module: &'static ThisModule) -> Option<Self> {
        // SAFETY: A `&'static ThisModule` is either null, for built-in code, which the call
        // accepts, or the descriptor of a module whose code is running now: the caller got it from
        // that module, whose initialisation or registration has not been undone.
        let taken = unsafe { bindings::try_module_get(module.as_ptr()) };
        // INVARIANT: The reference was taken just above.
        // (Made only then: dropping one that is not true would give back a foreign reference.)
        taken.then(|| Self(module))
    }
}

impl Drop for ModuleRef {
    fn drop(&mut self) {
        // SAFETY: The reference belongs to this value by the type invariant.
        unsafe { bindings::module_put(self.0.as_ptr()) };
    }
}
