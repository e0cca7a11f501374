// SPDX-License-Identifier: GPL-2.0-only

//! The state of one container.
//!
//! What is mapped is in its [`AddressSpace`], which lets several threads map and unmap at once.
//! What may be mapped changes only while a group comes or goes, with the domains locked for that;
//! so whoever is one of the [users](AddressSpace::users) can rely on it. [`Iommu::state`] is a
//! leaf: no other lock is taken inside it.
//!
//! C counterpart: `struct vfio_iommu` in
//! [`drivers/vfio/vfio_iommu_type1.c`](srctree/drivers/vfio/vfio_iommu_type1.c).

use super::{
    iova::IovaRange,
    params,
    request::Refusal,
    tie::Tie, //
};
use kernel::{
    new_mutex,
    page::{
        PAGE_MASK,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::iommu::{
    AddressSpace,
    Domain, //
};
use vfio_uapi::{
    MmBind,
    VFIO_TYPE1v2_IOMMU as VFIO_TYPE1V2_IOMMU,
    VFIO_TYPE1_IOMMU, //
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

/// What the lock protects: what may be mapped, and how.
pub(crate) struct State {
    /// The addresses that can be mapped, in order; empty until there is a domain.
    pub(crate) usable: KVec<IovaRange>,

    /// The sizes and alignments that mappings can have.
    pub(crate) page_sizes: PageSizes,
}

impl State {
    /// Returns the addresses that can be mapped in a range.
    pub(crate) fn usable_within(&self, range: IovaRange) -> impl Iterator<Item = IovaRange> + '_ {
        self.usable
            .iter()
            .filter_map(move |usable| usable.intersect(range))
    }
}

/// One container's use of this backend.
#[pin_data]
pub(crate) struct Iommu {
    // The tie goes first, so that nobody looks at the mappings any more when they go.
    pub(crate) tie: Tie,
    #[pin]
    pub(crate) state: Mutex<State>,
    pub(crate) space: Arc<AddressSpace>,

    /// The smallest of the page sizes, in bytes.
    smallest_page: Atomic<u64>,

    /// Whether the program has asked to be told which pages were written.
    pub(crate) tracking: Atomic<bool>,

    pub(crate) flavour: Flavour,

    /// How many mappings there may be.
    pub(crate) entry_limit: usize,
}

impl Iommu {
    /// Returns the state of a fresh container. Fails with `ENOMEM`.
    pub(crate) fn new(flavour: Flavour) -> Result<Arc<Self>> {
        let space = AddressSpace::new()?;
        let state = State {
            usable: KVec::new(),
            page_sizes: PageSizes::common(&[]),
        };
        let smallest = state.page_sizes.smallest();
        let mode = if params::MM_TIE.get() {
            MmBind::NOTIFY.union(MmBind::EXIT)
        } else {
            MmBind::empty()
        };
        let tie = Tie::new(space.clone(), mode)?;
        Arc::pin_init(
            pin_init!(Self {
                tie,
                state <- new_mutex!(state, "type1::Iommu::state"),
                space,
                smallest_page: Atomic::new(smallest),
                tracking: Atomic::new(false),
                flavour,
                // CAST: 32 bits fit.
                entry_limit: params::DMA_ENTRY_LIMIT.get() as usize,
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the smallest page size in bytes, a power of two.
    pub(crate) fn page(&self) -> u64 {
        self.smallest_page.load(Relaxed)
    }

    /// Sets the page sizes; the domains are locked.
    pub(crate) fn set_page_sizes(&self, state: &mut State, sizes: PageSizes) {
        state.page_sizes = sizes;
        self.smallest_page.store(sizes.smallest(), Relaxed);
    }

    /// Returns how many more mappings can be made.
    pub(crate) fn available(&self) -> u32 {
        let left = self.entry_limit.saturating_sub(self.space.len());
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    /// Returns whether all DMA of the container snoops the caches.
    pub(crate) fn is_coherent(&self) -> bool {
        self.space.users().domains().iter().all(Domain::is_coherent)
    }
}
