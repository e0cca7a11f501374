// SPDX-License-Identifier: GPL-2.0-only

//! Device memory that other devices reach without a detour through the processor's memory.
//!
//! A DMA-BUF is a file that stands for memory. A driver that gets one (an importer) attaches its
//! device and asks for DMA addresses. Here the memory is a part of a BAR, which may stop answering
//! at any time: so a [`BarBuffer`] can be revoked, upon which importers have to stop using the
//! addresses, and allowed again. Only importers that promise to do so can attach. IOMMUFD, which
//! fills the tables of an IOMMU itself, asks for the physical address instead: see [`hook`].
//!
//! # Locks
//!
//! The buffer's reservation lock, then `Shared::state`, a leaf. The kernel calls `map` and `unmap`
//! with the former; so does [`BarBuffer::revoke`], which then waits, with neither, until
//! everything is unmapped.
//!
//! C header: [`include/linux/dma-buf.h`](srctree/include/linux/dma-buf.h)

pub mod hook;

use crate::{
    bindings,
    pci::{
        BarIndex,
        Device, //
    }, //
};
use core::ptr::NonNull;
use kernel::{
    error::{
        code::EOPNOTSUPP,
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    sync::{
        new_condvar,
        new_mutex,
        Arc,
        CondVar,
        Mutex, //
    }, //
};

/// The kernel's `MAX_SCHEDULE_TIMEOUT`: to wait for as long as it takes.
const FOREVER: usize = isize::MAX.unsigned_abs();

/// A part of memory, by physical address.
pub type Part = bindings::phys_vec;

/// The right to let other devices reach a BAR.
///
/// # Invariants
///
/// `0` is the provider of a BAR of a device, which the device's binding keeps.
pub struct Provider(NonNull<bindings::p2pdma_provider>);

impl Device {
    /// Prepares the device for [`Device::provider`]. To be called while the device is being bound.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and `EOPNOTSUPP` if the machine cannot let devices reach each other.
    pub fn init_providers(&self) -> Result {
        // SAFETY: The device is valid and bound to us, which ends what the call makes.
        to_result(unsafe { bindings::pcim_p2pdma_init(self.as_raw()) })
    }

    /// Returns the right to let other devices reach a BAR; none if the BAR is not memory.
    pub fn provider(&self, bar: BarIndex) -> Option<Provider> {
        // CAST: The number of a BAR is below 6.
        let index = bar.number() as i32;
        // SAFETY: The device is valid and bound to us.
        let provider = unsafe { bindings::pcim_p2pdma_provider(self.as_raw(), index) };
        // INVARIANT: The call returns a provider of the device, or null.
        NonNull::new(provider).map(Provider)
    }
}

/// Parts of a BAR as a DMA-BUF. Dropping it revokes the buffer for good; its file may stay open.
///
/// # Invariants
///
/// As long as the buffer is not revoked, this value exists, and by its `pdev` the provider.
pub struct BarBuffer {
    shared: Arc<Shared>,
    _pdev: Device,
}

/// What the value here and the kernel's buffer share.
#[pin_data]
struct Shared {
    provider: Provider,
    parts: KVVec<Part>,

    /// The sum of the lengths of the parts, in bytes.
    size: usize,

    #[pin]
    state: Mutex<State>,

    /// Something was unmapped.
    #[pin]
    unmapped: CondVar,
}

/// What the lock of a buffer protects.
struct State {
    /// The kernel's buffer, until it is released.
    buffer: Option<NonNull<bindings::dma_buf>>,

    /// Whether importers may not map it. Changes only with the reservation lock held, too.
    revoked: bool,

    /// How many times importers have it mapped.
    mapped: usize,
}

// SAFETY: The provider, the parts and the pointer to the buffer may be used from any thread, within
// the rules that are stated at each use.
unsafe impl Send for Shared {}

// SAFETY: What changes is behind a lock.
unsafe impl Sync for Shared {}

impl BarBuffer {
    /// Makes a buffer of `parts` of a BAR of `pdev`, which are `size` bytes in all. It is revoked.
    ///
    /// `flags` are those of `open(2)` for the file. The buffer keeps `module` loaded, which must be
    /// one that keeps this code loaded.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `ENFILE`.
    pub fn new(
        pdev: &Device,
        provider: Provider,
        (parts, size): (KVVec<Part>, usize),
        flags: u32,
        module: &'static ThisModule,
    ) -> Result<(Self, NewFile)> {
        let shared = Arc::pin_init(
            pin_init!(Shared {
                provider,
                parts,
                size,
                state <- new_mutex!(State { buffer: None, revoked: true, mapped: 0 }, "Shared::state"),
                unmapped <- new_condvar!("Shared::unmapped"),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        let info = bindings::dma_buf_export_info {
            exp_name: c"vfio_pci_core".as_char_ptr(),
            owner: module.as_ptr(),
            ops: &raw const OPS,
            size,
            // CAST: Flags.
            flags: flags as i32,
            resv: core::ptr::null_mut(),
            priv_: Arc::into_raw(shared.clone()).cast_mut().cast(),
        };
        // SAFETY: `info` is complete; `priv_` is a reference for the buffer, which `release` takes.
        let buffer = unsafe { bindings::dma_buf_export(&info) };
        let buffer = from_err_ptr(buffer).inspect_err(|_| {
            // SAFETY: There is no buffer, so the reference is still ours.
            drop(unsafe { Arc::from_raw(info.priv_.cast::<Shared>()) });
        })?;
        let buffer = NonNull::new(buffer).ok_or(ENOMEM)?;
        shared.state.lock().buffer = Some(buffer);
        // INVARIANT: It is revoked.
        let this = Self {
            shared,
            _pdev: pdev.clone(),
        };
        // INVARIANT: The reference that `dma_buf_export` returned.
        Ok((this, NewFile(buffer)))
    }

    /// Returns whether nobody has the buffer any more.
    pub fn is_closed(&self) -> bool {
        self.shared.state.lock().buffer.is_none()
    }

    /// Makes importers stop using the memory; returns when they have.
    pub fn revoke(&self) {
        let Some(buffer) = self.shared.file() else {
            // Nobody is attached to a buffer that is about to be released, nor will be.
            return;
        };
        if !buffer.tell(|| !core::mem::replace(&mut self.shared.state.lock().revoked, true)) {
            return;
        }
        let mut state = self.shared.state.lock();
        while state.mapped != 0 {
            self.shared.unmapped.wait(&mut state);
        }
    }

    /// Lets importers map the memory again.
    pub fn allow(&self) {
        let Some(buffer) = self.shared.file() else {
            return;
        };
        if buffer.tell(|| self.shared.state.lock().revoked) {
            buffer.locked(|| self.shared.state.lock().revoked = false);
        }
    }
}

impl Drop for BarBuffer {
    fn drop(&mut self) {
        self.revoke();
    }
}

impl Shared {
    /// Takes a reference to the buffer's file, unless the last one has gone.
    fn file(&self) -> Option<LiveBuffer> {
        let state = self.state.lock();
        let buffer = state.buffer?;
        // SAFETY: The buffer is not released before `release` has taken the lock that is held here,
        // so its `file` is valid for reads; the call copes with a file that is being freed.
        let file = unsafe { bindings::get_file_active(&raw mut (*buffer.as_ptr()).file) };
        // Not `then_some`, which makes the value first: dropping it would put a dead file once more.
        // INVARIANT: The call took a reference for us if it returns a file, which keeps the buffer.
        (!file.is_null()).then(|| LiveBuffer(buffer))
    }
}

/// A buffer that is not released as long as this exists.
///
/// # Invariants
///
/// A reference to the file of `0` belongs to this value.
struct LiveBuffer(NonNull<bindings::dma_buf>);

impl LiveBuffer {
    /// Calls `f` with the reservation lock held.
    fn locked<R>(&self, f: impl FnOnce() -> R) -> R {
        // SAFETY: By the type invariant the buffer is valid, and so is its reservation object.
        // Without a context the call does not fail.
        let resv = unsafe { (*self.0.as_ptr()).resv };
        // SAFETY: As above.
        unsafe { bindings::dma_resv_lock(resv, core::ptr::null_mut()) };
        let result = f();
        // SAFETY: It was locked above.
        unsafe { bindings::dma_resv_unlock(resv) };
        result
    }

    /// If `changes` says so, which is called with the reservation lock held, tells all importers
    /// that their addresses are not valid any more, and waits for DMA that is under way.
    fn tell(&self, changes: impl FnOnce() -> bool) -> bool {
        self.locked(|| {
            let changed = changes();
            if changed {
                // SAFETY: The buffer is valid, and its reservation lock is held.
                unsafe { bindings::dma_buf_invalidate_mappings(self.0.as_ptr()) };
                // SAFETY: As above; the call only waits.
                unsafe {
                    bindings::dma_resv_wait_timeout(
                        (*self.0.as_ptr()).resv,
                        bindings::dma_resv_usage_DMA_RESV_USAGE_BOOKKEEP,
                        false,
                        FOREVER,
                    )
                };
            }
            changed
        })
    }
}

impl Drop for LiveBuffer {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the file is valid and a reference is ours.
        unsafe { bindings::fput((*self.0.as_ptr()).file) };
    }
}

/// The file of a new buffer, which no program has yet. Dropping it releases the buffer.
///
/// # Invariants
///
/// A reference to the buffer `0` belongs to this value.
pub struct NewFile(NonNull<bindings::dma_buf>);

impl NewFile {
    /// Gives the file to the calling process; returns the descriptor.
    ///
    /// Of `flags`, `O_CLOEXEC` counts.
    ///
    /// # Errors
    ///
    /// `EMFILE`, `ENOMEM`.
    pub fn install(self, flags: u32) -> Result<u32> {
        // SAFETY: The buffer is valid, and with a descriptor the reference is the descriptor's.
        // CAST: Flags.
        let fd = unsafe { bindings::dma_buf_fd(self.0.as_ptr(), flags as i32) };
        to_result(fd)?;
        core::mem::forget(self);
        Ok(fd.unsigned_abs())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // SAFETY: By the type invariant a reference is ours.
        unsafe { bindings::dma_buf_put(self.0.as_ptr()) };
    }
}

/// What the kernel calls.
static OPS: bindings::dma_buf_ops = bindings::dma_buf_ops {
    attach: Some(attach),
    detach: None,
    pin: None,
    unpin: None,
    map_dma_buf: Some(map),
    unmap_dma_buf: Some(unmap),
    release: Some(release),
    begin_cpu_access: None,
    end_cpu_access: None,
    mmap: None,
    vmap: None,
    vunmap: None,
};

/// Returns what stands behind a buffer.
///
/// # Safety
///
/// `buffer` was made by [`BarBuffer::new`] and is not released while the result is used.
unsafe fn shared<'a>(buffer: *mut bindings::dma_buf) -> &'a Shared {
    // SAFETY: `priv_` is a reference that the buffer holds until it is released.
    unsafe { &*(*buffer).priv_.cast::<Shared>() }
}

/// An importer comes.
///
/// # Safety
///
/// For the kernel: both are valid, and `buffer` has [`OPS`].
unsafe extern "C" fn attach(
    buffer: *mut bindings::dma_buf,
    attachment: *mut bindings::dma_buf_attachment,
) -> c_int {
    // SAFETY: The kernel passes a buffer with these operations, so one of ours.
    let shared = unsafe { shared(buffer) };
    // SAFETY: The attachment is valid.
    if !unsafe { (*attachment).peer2peer } {
        return EOPNOTSUPP.to_errno();
    }
    if shared.state.lock().revoked {
        return ENODEV.to_errno();
    }
    // SAFETY: The attachment is valid.
    if !unsafe { bindings::dma_buf_attach_revocable(attachment) } {
        return EOPNOTSUPP.to_errno();
    }
    0
}

/// An importer asks for DMA addresses.
///
/// # Safety
///
/// For the kernel: `attachment` is of a buffer with [`OPS`], whose reservation lock is held.
unsafe extern "C" fn map(
    attachment: *mut bindings::dma_buf_attachment,
    direction: bindings::dma_data_direction,
) -> *mut bindings::sg_table {
    // SAFETY: The attachment is valid, and of one of our buffers.
    let shared = unsafe { shared((*attachment).dmabuf) };
    // The reservation lock is held, so that stays as it is.
    if shared.state.lock().revoked {
        return ENODEV.to_ptr();
    }
    // SAFETY: The buffer is not revoked, so the provider exists. The call only reads the parts.
    let table = unsafe {
        bindings::dma_buf_phys_vec_to_sgt(
            attachment,
            shared.provider.0.as_ptr(),
            shared.parts.as_ptr().cast_mut(),
            shared.parts.len(),
            shared.size,
            direction,
        )
    };
    if from_err_ptr(table).is_ok() {
        let mut state = shared.state.lock();
        state.mapped = state.mapped.saturating_add(1);
    }
    table
}

/// An importer gives DMA addresses back.
///
/// # Safety
///
/// For the kernel: the three are those of a successful [`map`]; the reservation lock is held.
unsafe extern "C" fn unmap(
    attachment: *mut bindings::dma_buf_attachment,
    table: *mut bindings::sg_table,
    direction: bindings::dma_data_direction,
) {
    // SAFETY: The attachment is valid, and of one of our buffers.
    let shared = unsafe { shared((*attachment).dmabuf) };
    // SAFETY: `table` is what `map` made for the same attachment and direction.
    unsafe { bindings::dma_buf_free_sgt(attachment, table, direction) };
    let mut state = shared.state.lock();
    state.mapped = state.mapped.saturating_sub(1);
    drop(state);
    shared.unmapped.notify_all();
}

/// Nobody has the buffer any more.
///
/// # Safety
///
/// For the kernel: `buffer` has [`OPS`], and this is called once.
unsafe extern "C" fn release(buffer: *mut bindings::dma_buf) {
    // SAFETY: The buffer holds this reference, and this is its end.
    let shared = unsafe { Arc::from_raw((*buffer).priv_.cast::<Shared>()) };
    shared.state.lock().buffer = None;
}
