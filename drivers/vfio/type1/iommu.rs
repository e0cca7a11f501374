// SPDX-License-Identifier: GPL-2.0-only

//! The state of one container, and mapping and unmapping in it.
//!
//! Lock order: [`Iommu::state`] is taken first; inside it come the `mmap_lock` of the program
//! (while memory is pinned and charged) and the lock of the [`AddressSpace`] (while it is mapped),
//! never both at once. User memory is read and written inside it only for dirty bitmaps.
//!
//! C counterpart: `struct vfio_iommu`, `vfio_dma_do_map()` and `vfio_dma_do_unmap()` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    bitmap,
    dirty::UserBitmap,
    dma::DmaTable,
    iova::{
        self,
        IovaRange, //
    },
    map::pin_and_map,
    params,
    request::{
        MapAction,
        MapRequest,
        Refusal,
        Rights,
        UnmapTarget, //
    }, //
};
use kernel::{
    new_mutex,
    page::{
        PAGE_MASK,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::iommu::{
    AddressSpace,
    Domain, //
};
use vfio_uapi::{
    VFIO_TYPE1v2_IOMMU as VFIO_TYPE1V2_IOMMU, //
    VFIO_TYPE1_IOMMU,
};

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid => EINVAL,
            Refusal::Overflow => EOVERFLOW,
        }
    }
}

/// Which rules hold for unmapping a range that does not match what was mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// `VFIO_TYPE1_IOMMU`: a mapping goes with its first byte.
    V1,
    /// `VFIO_TYPE1v2_IOMMU`: a range that cuts a mapping is refused.
    V2,
}

impl Flavour {
    /// Returns the flavour that the extension id `kind` of `VFIO_SET_IOMMU` names.
    pub(crate) fn for_extension(kind: u64) -> Option<Self> {
        match u32::try_from(kind).ok()? {
            VFIO_TYPE1_IOMMU => Some(Self::V1),
            VFIO_TYPE1V2_IOMMU => Some(Self::V2),
            _ => None,
        }
    }
}

/// The page sizes that mappings can have: bit `n` stands for `1 << n` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageSizes(u64);

impl PageSizes {
    /// Returns the sizes that all of `domains` can do.
    ///
    /// Memory is pinned in pages of the CPU, so smaller sizes are shown as that one.
    pub(crate) fn common(domains: &[Domain]) -> Self {
        // CAST: Constants of at most 64 bits.
        let (page, mask) = (PAGE_SIZE as u64, PAGE_MASK as u64);
        let all = domains
            .iter()
            .fold(u64::MAX, |sizes, domain| sizes & domain.page_sizes());
        Self(if all & !mask == 0 {
            all
        } else {
            all & mask | page
        })
    }

    /// Returns the bits.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// Returns the smallest size in bytes, a power of two.
    pub(crate) fn smallest(self) -> u64 {
        // CAST: A small constant; it only counts if two IOMMUs have no size in common.
        1u64.checked_shl(self.0.trailing_zeros())
            .unwrap_or(PAGE_SIZE as u64)
    }
}

/// What the lock protects.
pub(crate) struct State {
    /// The mappings.
    pub(crate) table: DmaTable,

    /// The addresses that can be mapped, in order; empty until there is a domain.
    pub(crate) usable: KVec<IovaRange>,

    /// The sizes and alignments that mappings can have.
    pub(crate) page_sizes: PageSizes,

    /// Whether the program has asked to be told which pages were written.
    pub(crate) tracking: bool,
}

/// One container's use of this backend.
#[pin_data]
pub(crate) struct Iommu {
    // The mappings go first, then the domains they are in.
    #[pin]
    pub(crate) state: Mutex<State>,
    pub(crate) space: Arc<AddressSpace>,

    pub(crate) flavour: Flavour,
}

impl Iommu {
    /// Returns the state of a fresh container. Fails with `ENOMEM`.
    pub(crate) fn new(flavour: Flavour) -> Result<Arc<Self>> {
        let space = AddressSpace::new()?;
        let state = State {
            table: DmaTable::new(params::DMA_ENTRY_LIMIT.get()),
            usable: KVec::new(),
            page_sizes: PageSizes::common(&[]),
            tracking: false,
        };
        Arc::pin_init(
            pin_init!(Self {
                state <- new_mutex!(state, "type1::Iommu::state"),
                space,
                flavour,
            }),
            GFP_KERNEL,
        )
    }

    /// Does what a parsed `MAP_DMA` asks for.
    pub(crate) fn map(&self, request: &MapRequest) -> Result {
        let mut state = self.state.lock();
        request.check_alignment(state.page_sizes.smallest())?;
        match request.action {
            MapAction::UpdateVaddr => state.table.update_vaddr(request.iova),
            MapAction::New(rights) => self.map_new(&mut state, request, rights),
        }
    }

    /// Makes a mapping.
    ///
    /// Fails with `EEXIST` over another one, `ENOSPC` beyond their number, `EINVAL` outside the
    /// usable addresses, and as [`pin_and_map`].
    fn map_new(&self, state: &mut State, request: &MapRequest, rights: Rights) -> Result {
        if state.table.overlaps(request.iova) {
            return Err(EEXIST);
        }
        if state.table.available() == 0 {
            return Err(ENOSPC);
        }
        if !iova::allows(&state.usable, request.iova) {
            return Err(EINVAL);
        }
        let place = DmaTable::reserve()?;
        let dma = pin_and_map(&self.space, request, rights.into())?;
        if state.tracking && dma.len() / state.page_sizes.smallest() > bitmap::MAX_PAGES {
            return Err(EINVAL);
        }
        state.table.insert(place, request.iova, dma)
    }

    /// Unmaps what `iova`, `size` and `all` of an `UNMAP_DMA` name; returns how many bytes.
    ///
    /// With `dirty`, reports first which pages the devices may have written. Fails with `EINVAL`
    /// or `EOVERFLOW` for a range that makes no sense or cuts a mapping, and with `EFAULT` if the
    /// bitmap cannot be written.
    pub(crate) fn unmap(
        &self,
        (iova, size, all): (u64, u64, bool),
        dirty: Option<&UserBitmap>,
    ) -> Result<u64> {
        let mut state = self.state.lock();
        let page = state.page_sizes.smallest();
        let target = UnmapTarget::parse(iova, size, all, page)?;
        if dirty.is_some_and(|bitmap| !state.tracking || bitmap.page_size != page) {
            return Err(EINVAL);
        }
        state.table.check_unmap(target, self.flavour)?;

        let range = target.range();
        let mut bytes = 0u64;
        while let Some(dma) = state.table.first_to_unmap(range) {
            if let Some(bitmap) = dirty {
                bitmap.mark(range, dma)?;
            }
            // All 2^64 addresses make 0, as on C.
            bytes = bytes.wrapping_add((dma.last() - dma.first()).wrapping_add(1));
            state.table.remove(dma.first());
        }
        Ok(bytes)
    }

    /// Notes that the user addresses of a range are about to change; returns how many bytes.
    pub(crate) fn invalidate_vaddr(&self, (iova, size, all): (u64, u64, bool)) -> Result<u64> {
        let mut state = self.state.lock();
        let target = UnmapTarget::parse(iova, size, all, state.page_sizes.smallest())?;
        state.table.check_unmap(target, self.flavour)?;
        state.table.invalidate_vaddr(target.range())
    }

    /// Returns whether all DMA of the container snoops the caches.
    pub(crate) fn is_coherent(&self) -> bool {
        self.space
            .domains()
            .as_slice()
            .iter()
            .all(Domain::is_coherent)
    }
}
