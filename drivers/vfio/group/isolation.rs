// SPDX-License-Identifier: GPL-2.0-only

//! How much is owned together with a group, and how strictly: its policy.
//!
//! The module's parameters say what holds for all groups; an administrator can change it for one, by
//! `VFIO_GROUP_FEATURE_ISOLATION` or in `/sys/class/vfio/$GROUP`. What a [`Level`] means is in
//! [`super::unit`]; what follows from it in [`crate::viability`] and [`crate::ownership`].
//!
//! Lock order: the policy is a leaf.

use kernel::prelude::*;
use kernel_ext::{
    capability::{
        capable,
        Cap, //
    },
    iommu,
    pci::{
        iommu_groups,
        Address,
        Route,
        Routes, //
    },
    refuse, //
};

use super::{
    dma_place::Way,
    part::Stage,
    unit::{
        self,
        Location, //
    },
    Group,
    GroupState, //
};
use crate::iommu_driver::Backing;

kernel_ext::extern_param!(
    /// Whether every member of a group must be bound to a VFIO driver; 0 accepts members without
    /// any driver, as C does.
    static STRICT: bool = vfio_strict_viability;
);

kernel_ext::extern_param!(
    /// The level of groups that nobody gave another: 0 the group, 1 its slots, 2 its buses.
    static LEVEL: u32 = vfio_isolation;
);

/// How far the unit of a group reaches.
pub(crate) type Level = unit::Level<Address>;

/// What an administrator wants of a group; what is not said is as the module's parameters have it.
#[derive(Clone, Copy, Default)]
pub(super) struct Policy {
    level: Option<Level>,
    strict: Option<bool>,
}

impl Location for Address {
    fn shares_bus(self, other: Self) -> bool {
        (self.domain, self.bus) == (other.domain, other.bus)
    }

    fn shares_slot(self, other: Self) -> bool {
        self.shares_bus(other) && self.devfn >> 3 == other.devfn >> 3
    }
}

impl Group {
    /// Returns whether devices without a driver are in the way.
    pub(crate) fn is_strict(&self) -> bool {
        self.policy.lock().strict.unwrap_or_else(|| STRICT.get())
    }

    /// Returns how far the unit reaches.
    pub(crate) fn level(&self) -> Level {
        let level = self.policy.lock().level;
        level.unwrap_or_else(|| match (self.backing, LEVEL.get()) {
            (Backing::Nothing, _) | (_, 0) => Level::Group,
            (Backing::Iommu, 1) => Level::Slot,
            (Backing::Iommu, _) => Level::Bus,
        })
    }

    /// Returns the groups of the unit, this one first. A group of nothing but bridges is in none, as
    /// the host has to drive those.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn unit(&self) -> Result<KVec<iommu::Group>> {
        let mut unit = KVec::with_capacity(1, GFP_KERNEL)?;
        unit.push(self.iommu.clone(), GFP_KERNEL)?;
        let level = self.level();
        if level == Level::Group {
            return Ok(unit);
        }
        let own = Routes::to(&self.iommu)?;
        for other in iommu_groups()? {
            let there = Routes::to(&other)?;
            let reached = own.pci.iter().any(|own| {
                let mut ways = there.pci.iter();
                ways.any(|there| level.reaches(way(own), way(there)))
            });
            if reached && other != self.iommu {
                unit.push(other, GFP_KERNEL)?;
            }
        }
        Ok(unit)
    }

    /// Returns whether `iommu` is in the unit.
    pub(super) fn concerns(&self, iommu: &iommu::Group) -> bool {
        // Without memory to look: rather once too often.
        self.iommu == *iommu
            || self.level() != Level::Group && self.unit().map_or(true, |unit| unit.contains(iommu))
    }

    /// A device has come to `newcomer`, which is in the unit.
    pub(super) fn own_newcomer(&self, newcomer: &iommu::Group) {
        if let GroupState::Held(holding) = &*self.state.lock() {
            holding.own_newcomer(self, newcomer);
        }
    }

    /// The last device of `neighbour`, which may be in the unit, is about to leave.
    pub(super) fn give_back(&self, neighbour: &iommu::Group) {
        if self.iommu == *neighbour {
            // Whoever has it open is asked to close it, and detached before.
            return;
        }
        if let GroupState::Held(holding) = &*self.state.lock() {
            holding.give_back(self, neighbour);
        }
    }

    /// Refuses what only works for the group alone.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` if its unit may be larger.
    pub(super) fn refuse_larger_unit(&self) -> Result {
        if self.level() == Level::Group {
            return Ok(());
        }
        refuse!(
            "group {}: IOMMUFD cannot own its isolation unit; use a container, or isolate the group only\n",
            self.iommu.id()
        );
        Err(EOPNOTSUPP)
    }

    /// Sets the level.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a bridge that is not above all devices; `EOPNOTSUPP` for anything but the group if
    /// a device is on no PCI bus or without an IOMMU; and those of [`Group::set_policy`].
    pub(super) fn set_level(&self, level: Level) -> Result {
        self.check_level(level)?;
        self.set_policy(|policy| policy.level = Some(level))
    }

    /// Sets whether devices without a driver are in the way.
    ///
    /// # Errors
    ///
    /// Those of [`Group::set_policy`].
    pub(super) fn set_strict(&self, strict: bool) -> Result {
        self.set_policy(|policy| policy.strict = Some(strict))
    }

    /// Sets both.
    ///
    /// # Errors
    ///
    /// Those of [`Group::set_level`].
    pub(super) fn set_isolation(&self, level: Level, strict: bool) -> Result {
        self.check_level(level)?;
        self.set_policy(|policy| {
            *policy = Policy {
                level: Some(level),
                strict: Some(strict),
            };
        })
    }

    fn check_level(&self, level: Level) -> Result {
        if level == Level::Group {
            return Ok(());
        }
        let own = Routes::to(&self.iommu)?;
        if own.others != 0 || own.pci.is_empty() || self.backing == Backing::Nothing {
            return Err(EOPNOTSUPP);
        }
        if !level.suits(own.pci.iter().map(way)) {
            refuse!(
                "group {}: not all of its devices are below that bridge\n",
                self.iommu.id()
            );
            return Err(EINVAL);
        }
        Ok(())
    }

    /// Changes the policy, if nobody relies on the one that there is.
    ///
    /// # Errors
    ///
    /// `EPERM` without `CAP_SYS_ADMIN`; `EBUSY` while the group is in a container, or a device of it
    /// is open by its own node; `ENODEV` if the last device has left.
    fn set_policy(&self, change: impl FnOnce(&mut Policy)) -> Result {
        if !capable(Cap::SysAdmin) {
            return Err(EPERM);
        }
        let state = self.state.lock();
        let holding = match &*state {
            GroupState::Closed | GroupState::Reserved => None,
            GroupState::Held(holding) => Some(holding.lock()),
            GroupState::Apart(_) => return self.refuse_policy(),
            GroupState::Gone => return Err(ENODEV),
        };
        if let Some(Stage::Attached(_)) = holding.as_ref().map(|holding| &holding.stage) {
            return self.refuse_policy();
        }
        change(&mut self.policy.lock());
        drop(holding);
        drop(state);
        self.policy_changed();
        Ok(())
    }

    fn refuse_policy(&self) -> Result {
        refuse!(
            "group {}: is in use, so its isolation cannot be changed now\n",
            self.iommu.id()
        );
        Err(EBUSY)
    }
}

/// Returns what [`super::unit`] wants to know of a route.
pub(super) fn way(route: &Route) -> Way<'_, Address> {
    Way {
        host: route.host,
        bridges: &route.bridges,
        device: route.device,
    }
}
