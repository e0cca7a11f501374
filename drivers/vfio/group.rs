// SPDX-License-Identifier: GPL-2.0-only

//! Groups: the unit of ownership, and `/dev/vfio/$GROUP`.
//!
//! A [`Group`] exists while at least one device of its IOMMU group is bound to a VFIO driver. Its
//! state says who holds it, see [`GroupState`]. When the last device leaves, the group is gone for
//! good: a file that is still open answers `ENODEV`, and devices that are bound later get a new
//! [`Group`] with the same number.
//!
//! Lock order: `Subsystem::groups` → [`GroupState`] → `Container::state`; the list of devices is a
//! leaf.
//!
//! C counterpart: [`drivers/vfio/group.c`](srctree/drivers/vfio/group.c)

mod apart;
mod claim;
mod dma_place;
mod feature;
mod file;
mod files;
mod member;
mod show;

use kernel::{
    device,
    prelude::*,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    iommu::{
        self,
        DmaOwner, //
    },
    iommufd::{
        self,
        BoundDevice,
        Pasid, //
    },
    kvm::VmSlot,
    refuse, //
};

use crate::{
    container::Container,
    device::{
        Device,
        DeviceRef, //
    },
    holder::HeldBy,
    iommu_driver::Backing,
    noiommu, //
};

pub use self::files::GroupFiles;

pub(crate) use self::{
    apart::Apart,
    claim::Claim,
    file::GroupFile,
    member::{
        Groups,
        Member, //
    }, //
};

/// An IOMMU group with at least one device that is bound to a VFIO driver.
#[pin_data]
pub(crate) struct Group {
    iommu: iommu::Group,
    backing: Backing,

    #[pin]
    state: Mutex<GroupState>,

    /// Who has the group open, for people who ask.
    #[pin]
    held_by: HeldBy,

    /// The devices that can be opened.
    #[pin]
    devices: Mutex<KVec<Arc<Device>>>,

    /// The virtual machine that the open group was given to.
    #[pin]
    vm: VmSlot,
}

/// Who holds a group.
enum GroupState {
    /// Nobody. Left by opening the group, or a device by its own node.
    Closed,
    /// Programs have devices of the group open by their own nodes, so many of them. Left by closing
    /// the last.
    Apart(usize),
    /// A program has the group open. Left by closing it or giving it a container.
    Open,
    /// The group is open and in a container. Left by taking it out, or by closing it.
    Attached(Attached),
    /// The last device has left. There is no way out.
    Gone,
}

/// A group's place in a container, and the proof that it has one.
pub(crate) struct Attached {
    place: Place,

    /// The number of [`Claim`]s: devices of the group that are open, or being opened.
    claims: usize,
}

/// What decides on the DMA of a group.
enum Place {
    /// A container of VFIO's own.
    Container {
        container: Arc<Container>,

        /// Given back when the group leaves the container. Without an IOMMU there is nothing to own.
        owner: Option<DmaOwner>,
    },
    /// IOMMUFD, which takes ownership with each device that is opened.
    Iommufd(iommufd::Ctx),
}

impl Attached {
    /// Lets a device of a group with this `backing` reach what is mapped, before it is opened. With
    /// IOMMUFD it does so as long as the result exists.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the container has no backend yet, `EPERM` if the caller may not have a device
    /// without an IOMMU, and those of IOMMUFD.
    fn admit(&self, dev: &device::Device, backing: Backing) -> Result<Option<Arc<BoundDevice>>> {
        match (&self.place, backing) {
            (Place::Container { container, .. }, _) => {
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
            (Place::Iommufd(ctx), Backing::Iommu) => {
                let bound = BoundDevice::bind(ctx, dev)?;
                bound.attach(Pasid::NONE, ctx.compat_ioas()?)?;
                Ok(Some(bound))
            }
            (Place::Iommufd(ctx), Backing::Nothing) => {
                noiommu::check_permission(backing)?;
                // A program with an address space expects that it means something.
                match ctx.compat_ioas() {
                    Ok(_) => Err(EPERM),
                    Err(_) => Ok(None),
                }
            }
        }
    }

    /// Takes `group` out of the container.
    fn detach(self, group: &iommu::Group) {
        match self.place {
            Place::Container { container, owner } => container.detach(group, owner),
            Place::Iommufd(ctx) => drop(ctx),
        }
    }
}

impl Group {
    fn new(iommu: iommu::Group, backing: Backing) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                iommu,
                backing,
                state <- new_mutex!(GroupState::Closed, "Group::state"),
                held_by <- HeldBy::nobody(),
                devices <- new_mutex!(KVec::new(), "Group::devices"),
                vm <- VmSlot::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the IOMMU group.
    pub(crate) fn iommu(&self) -> &iommu::Group {
        &self.iommu
    }

    /// Returns what stands between the devices of the group and memory.
    pub(crate) fn backing(&self) -> Backing {
        self.backing
    }

    /// Returns where the virtual machine is noted that the group was given to.
    pub(crate) fn vm(&self) -> &VmSlot {
        &self.vm
    }

    /// Returns whether the IOMMU keeps the DMA of all devices that can be opened coherent with the
    /// caches.
    pub(crate) fn is_coherent(&self) -> bool {
        let devices = self.devices.lock();
        devices.iter().all(|device| device.is_coherent())
    }

    /// Makes `device` one that can be opened.
    pub(crate) fn add_device(&self, device: &Arc<Device>) -> Result {
        Ok(self.devices.lock().push(device.clone(), GFP_KERNEL)?)
    }

    /// Undoes [`Group::add_device`].
    pub(crate) fn remove_device(&self, device: &Arc<Device>) {
        let mut devices = self.devices.lock();
        let at = devices.iter().position(|d| Arc::ptr_eq(d, device));
        let removed = at.and_then(|at| devices.remove(at).ok());
        drop(devices);
        drop(removed);
    }

    /// Returns the devices that can be opened. They cannot be unregistered meanwhile.
    pub(crate) fn devices(&self) -> Result<KVec<DeviceRef>> {
        let devices = self.devices.lock();
        let mut list = KVec::with_capacity(devices.len(), GFP_KERNEL)?;
        for device in devices.iter().filter_map(DeviceRef::get) {
            list.push(device, GFP_KERNEL)?;
        }
        Ok(list)
    }

    /// Returns the device that `requested` means.
    ///
    /// # Errors
    ///
    /// `ENODEV` if there is none, and the device's own for an option behind the name.
    fn find_device(&self, requested: &CStr) -> Result<DeviceRef> {
        for device in self.devices()? {
            if device.matches(requested)? {
                return Ok(device);
            }
        }
        Err(ENODEV)
    }

    /// The last device has left: takes the group from whoever holds it.
    fn retire(&self) {
        let mut state = self.state.lock();
        if let GroupState::Attached(attached) = core::mem::replace(&mut *state, GroupState::Gone) {
            attached.detach(&self.iommu);
        }
    }
}
