// SPDX-License-Identifier: GPL-2.0-only

//! What decides on the DMA of groups: a container of VFIO's own, or a context of IOMMUFD.
//!
//! C counterpart: `vfio_group_ioctl_set_container` in
//! [`drivers/vfio/group.c`](srctree/drivers/vfio/group.c)

use kernel::{
    device,
    error::code::EBADFD,
    fs::LocalFile,
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    fs::from_file,
    iommu,
    iommufd::{
        self,
        BoundDevice,
        Pasid, //
    },
    refuse, //
};

use super::Group;
use crate::{
    container::Container,
    iommu_driver::Backing,
    noiommu,
    viability, //
};

/// What decides on the DMA of groups.
pub(super) enum Place {
    /// A container of VFIO's own.
    Container(Arc<Container>),
    /// IOMMUFD, which takes ownership with each device that is opened.
    Iommufd(iommufd::Ctx),
}

/// What a group has in its [`Place`], given back when it leaves.
pub(super) struct Seat {
    /// The groups of its isolation unit, which the container owns for its sake.
    unit: KVec<iommu::Group>,
}

impl Place {
    /// Returns what `file` is.
    ///
    /// # Errors
    ///
    /// `EBADFD` if it is neither.
    pub(super) fn of(file: &LocalFile) -> Result<Self> {
        if let Some(container) = from_file::<Container>(file) {
            return Ok(Self::Container(container));
        }
        let ctx = iommufd::Ctx::from_file(file).ok_or(EBADFD)?;
        Ok(Self::Iommufd(ctx))
    }

    /// Puts `group` into the place.
    ///
    /// # Errors
    ///
    /// Those of [`viability::check`], [`Container::attach`] and IOMMUFD; `EOPNOTSUPP` in a context of
    /// IOMMUFD if the isolation unit is larger than the group or the group has options, as that knows
    /// of neither.
    pub(super) fn attach(&self, group: &Group) -> Result<Seat> {
        viability::check(group)?;
        match (self, group.backing) {
            (Self::Container(container), backing) => {
                let unit = group.unit()?;
                container
                    .attach(&group.iommu, &unit, group.options(), backing)
                    .inspect_err(|e| group.explain(*e))?;
                return Ok(Seat { unit });
            }
            (Self::Iommufd(ctx), Backing::Iommu) => {
                group.refuse_larger_unit()?;
                group.refuse_options()?;
                ctx.create_compat_ioas()?;
            }
            (Self::Iommufd(ctx), Backing::Nothing) => ctx.set_no_iommu()?,
        }
        Ok(Seat { unit: KVec::new() })
    }

    /// Owns `newcomer` for the sake of the group that has `seat`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and those of [`Container::own`].
    pub(super) fn own_newcomer(&self, seat: &mut Seat, newcomer: &iommu::Group) -> Result {
        let Self::Container(container) = self else {
            return Ok(());
        };
        if seat.unit.contains(newcomer) {
            return Ok(());
        }
        seat.unit.reserve(1, GFP_KERNEL)?;
        container.own(newcomer)?;
        // The room was reserved, so this cannot fail.
        let _ = seat.unit.push_within_capacity(newcomer.clone());
        Ok(())
    }

    /// Gives up `neighbour`, if it was owned for the sake of the group that has `seat`.
    pub(super) fn give_back(&self, seat: &mut Seat, neighbour: &iommu::Group) {
        let at = seat.unit.iter().position(|group| group == neighbour);
        if let (Self::Container(container), Some(at)) = (self, at) {
            container.disown(neighbour);
            let _ = seat.unit.remove(at);
        }
    }

    /// Takes `group`, which had `seat`, out of the place.
    pub(super) fn detach(&self, group: &Group, seat: Seat) {
        match self {
            Self::Container(container) => container.detach(&group.iommu, &seat.unit, group.backing),
            Self::Iommufd(_) => {}
        }
    }

    /// Lets a device of `group` reach what is mapped, before it is opened. With IOMMUFD it does so as
    /// long as the result exists.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the container has no backend yet, `EPERM` if the caller may not have a device
    /// without an IOMMU, and those of IOMMUFD.
    pub(super) fn admit(
        &self,
        dev: &device::Device,
        group: &Group,
    ) -> Result<Option<Arc<BoundDevice>>> {
        match (self, group.backing) {
            (Self::Container(container), backing) => {
                if !container.has_backend() {
                    refuse!(
                        "{}: its container has no IOMMU yet; call VFIO_SET_IOMMU first\n",
                        dev.name()
                    );
                    return Err(EINVAL);
                }
                noiommu::check_permission(backing)?;
                Ok(None)
            }
            (Self::Iommufd(ctx), Backing::Iommu) => {
                let bound = group.bind(ctx, dev)?;
                bound.attach(Pasid::NONE, ctx.compat_ioas()?)?;
                Ok(Some(bound))
            }
            (Self::Iommufd(ctx), backing @ Backing::Nothing) => {
                noiommu::check_permission(backing)?;
                // A program with an address space expects that it means something.
                match ctx.compat_ioas() {
                    Ok(_) => Err(EPERM),
                    Err(_) => Ok(None),
                }
            }
        }
    }
}

impl Group {
    /// Gives the DMA of `dev`, which is one of the group, to `ctx`.
    ///
    /// # Errors
    ///
    /// Those of [`BoundDevice::bind`], and the log says why.
    pub(crate) fn bind(
        &self,
        ctx: &iommufd::Ctx,
        dev: &device::Device,
    ) -> Result<Arc<BoundDevice>> {
        BoundDevice::bind(ctx, dev).inspect_err(|e| self.explain(*e))
    }

    /// Logs why its DMA could not be taken.
    fn explain(&self, error: Error) {
        match self.backing {
            Backing::Iommu => viability::explain(self, error),
            Backing::Nothing => {}
        }
    }
}
