// SPDX-License-Identifier: GPL-2.0-only

//! `VFIO_GROUP_FEATURE_MEMBERS`: the devices of an open group, and what each is.
//!
//! A program that has nothing but the descriptor of a group finds out what is in it, and which device
//! keeps it from being viable.

use kernel::{
    device,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
    time::{
        delay::fsleep,
        Delta, //
    }, //
};
use kernel_ext::{
    device::{
        driver_of,
        pci_kind,
        Driver,
        PciKind, //
    },
    kobject::SysfsPath,
    pci::Identity, //
};
use vfio_uapi::{
    vfio_group_feature_members,
    vfio_group_member,
    MemberFlags,
    VFIO_GROUP_MEMBER_BUS_OTHER,
    VFIO_GROUP_MEMBER_BUS_PCI, //
};

use super::{
    holding::Holding,
    Group, //
};
use crate::{
    feature::FeatureRequest,
    viability, //
};

/// How often, a millisecond apart, a device is looked at again that is being bound or unbound.
const LOOKS: usize = 50;

/// A device of a group, as it was found.
struct Found {
    dev: ARef<device::Device>,
    group: u32,
    strict: bool,
}

/// The answer in the making.
struct Answer {
    members: KVec<vfio_group_member>,
    strings: KVec<u8>,
    /// Where the strings will be, in bytes from the start of the caller's buffer.
    strings_at: usize,
}

impl Holding {
    /// Answers with the devices of all groups, and of their units.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the last device of the own group has left, `ENOMEM`, and those of
    /// [`FeatureRequest::write_list_and`].
    pub(super) fn get_members(&self, request: &FeatureRequest) -> Result {
        let groups = self.groups()?;
        let stamps = groups.iter().map(|group| group.stamp.get());
        let generation = stamps.fold(self.stamp().get(), u32::max);
        let found = find(&groups)?;
        let fixed_size = size_of::<vfio_group_feature_members>();
        let mut answer = Answer {
            members: KVec::with_capacity(found.len(), GFP_KERNEL)?,
            strings: KVec::new(),
            strings_at: found
                .len()
                .checked_mul(size_of::<vfio_group_member>())
                .and_then(|size| size.checked_add(FeatureRequest::HEADER + fixed_size))
                .ok_or(ENOMEM)?,
        };
        for member in &found {
            answer.add(&groups, member)?;
        }
        let fixed = vfio_group_feature_members {
            count: u32::try_from(found.len())?,
            generation,
            // CAST: A small constant.
            entry_size: size_of::<vfio_group_member>() as u32,
            ..Default::default()
        };
        request.write_list_and(&fixed, answer.members.iter().copied(), &answer.strings)
    }
}

/// Returns the devices of `groups` and of their units, each once.
fn find(groups: &[Arc<Group>]) -> Result<KVec<Found>> {
    let mut seen = KVec::new();
    let mut found = KVec::new();
    for group in groups {
        let strict = group.is_strict();
        for iommu in group.unit()? {
            if seen.contains(&iommu) {
                continue;
            }
            let number = iommu.number();
            iommu.for_each_device(&mut |dev| {
                let member = Found {
                    dev: dev.into(),
                    group: number,
                    strict,
                };
                Ok(found.push(member, GFP_KERNEL)?)
            })?;
            seen.push(iommu, GFP_KERNEL)?;
        }
    }
    Ok(found)
}

/// Returns the driver of a device, after waiting for a moment if it just changes.
///
/// Not longer: whoever unbinds it may be waiting for the caller to close it.
fn settled_driver(dev: &device::Device) -> Driver {
    for _ in 0..LOOKS {
        match driver_of(dev) {
            Driver::Changing => fsleep(Delta::from_millis(1)),
            driver => return driver,
        }
    }
    Driver::Changing
}

impl Answer {
    /// Adds a device.
    fn add(&mut self, groups: &[Arc<Group>], found: &Found) -> Result {
        let dev = &*found.dev;
        let ours = groups.iter().find_map(|group| group.bound().get(dev));
        let bridge = pci_kind(dev) == PciKind::Bridge;
        // Who is bound to us may be locked for as long as its user has it open.
        let driver = match ours.is_some() {
            true => driver_of(dev),
            false => settled_driver(dev),
        };
        let mut flags = MemberFlags::empty();
        flags.set(MemberFlags::VFIO, ours.is_some());
        flags.set(MemberFlags::OPEN, ours.is_some_and(|ours| ours.is_open()));
        flags.set(MemberFlags::BRIDGE, bridge);
        if !flags.contains(MemberFlags::VFIO) {
            flags |= match &driver {
                Driver::Bound(name) if name.leaves_dma() => MemberFlags::NO_DMA,
                Driver::Bound(_) => MemberFlags::HOST,
                Driver::None => MemberFlags::DRIVERLESS,
                Driver::Changing => MemberFlags::empty(),
            };
        }
        flags.set(MemberFlags::BLOCKS, viability::blocks(flags, found.strict));
        let mut member = vfio_group_member {
            flags: flags.bits(),
            group: found.group,
            name: self.add_string(dev.name().to_bytes())?,
            driver: match &driver {
                Driver::Bound(name) => self.add_string(name.as_bytes())?,
                Driver::None | Driver::Changing => 0,
            },
            ..Default::default()
        };
        if let Some(path) = SysfsPath::of(dev) {
            member.path = self.add_string(path.as_cstr().to_bytes())?;
        }
        identify(dev, &mut member);
        Ok(self.members.push(member, GFP_KERNEL)?)
    }

    /// Adds a string; returns where it will be.
    fn add_string(&mut self, bytes: &[u8]) -> Result<u32> {
        let at = self.strings_at.checked_add(self.strings.len());
        self.strings.extend_from_slice(bytes, GFP_KERNEL)?;
        self.strings.push(0, GFP_KERNEL)?;
        Ok(u32::try_from(at.ok_or(ENOMEM)?)?)
    }
}

/// Fills in what identifies a PCI device.
fn identify(dev: &device::Device, member: &mut vfio_group_member) {
    member.bus = VFIO_GROUP_MEMBER_BUS_OTHER;
    if let Some(identity) = Identity::of(dev) {
        member.bus = VFIO_GROUP_MEMBER_BUS_PCI;
        member.domain = identity.address.domain;
        member.bus_number = identity.address.bus;
        member.devfn = identity.address.devfn;
        member.vendor = identity.vendor;
        member.device = identity.device;
        member.class = identity.class;
    }
}
