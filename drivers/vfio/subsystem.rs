// SPDX-License-Identifier: GPL-2.0-only

//! What there is once: the classes, the device numbers, and the lists of everything.
//!
//! The module's initialisation makes one [`Subsystem`] and its exit takes it away; whoever needs
//! it in between keeps a reference.
//!
//! C counterpart: `struct vfio` in [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c)

use kernel::{
    device,
    prelude::*,
    str::CString,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    chrdev::{
        Node,
        NodeAttributes,
        Region, //
    },
    class::{
        Class,
        ClassDevice, //
    },
    debugfs,
    sync::{
        Global,
        Installed, //
    }, //
};

use crate::{
    device::{
        Bound,
        Door,
        Membership,
        NodeFile,
        SetId,
        Sets, //
    },
    group::{
        Entrance,
        GroupFile,
        Groups, //
    },
    iommu_driver::{
        Backends,
        Backing, //
    },
    ownership::Ownership, //
};

/// How many groups can have a node: all minor numbers of one major.
const MINORS: u32 = 1 << 20;

static SUBSYSTEM: Global<Subsystem> = Global::new();

/// The state of the module.
#[pin_data]
pub(crate) struct Subsystem {
    group_class: Arc<Class>,
    device_class: Arc<Class>,
    region: Arc<Region>,

    /// The device numbers of `/dev/vfio/devices/vfioN`, on kernels that are configured for them.
    device_region: Option<Arc<Region>>,
    sets: Arc<Sets>,

    /// `vfio` in debugfs, with a folder for each device.
    debug: debugfs::Dir,

    /// `vfio/groups` in debugfs.
    debug_groups: debugfs::Dir,

    #[pin]
    groups: Groups,

    /// The devices that are bound to a VFIO driver.
    #[pin]
    bound: Bound,

    #[pin]
    ownership: Ownership,

    #[pin]
    backends: Backends,

    /// The numbers of `/sys/class/vfio-dev/vfioN` that are taken, in order.
    #[pin]
    indices: Mutex<KVec<u32>>,
}

impl Subsystem {
    /// Makes the subsystem and lets everybody find it until the result is dropped.
    pub(crate) fn install() -> Result<Installed<Self>> {
        let debug = debugfs::Dir::new(c"vfio")?;
        let debug_groups = debug.subdir(c"groups")?;
        let subsystem = Arc::pin_init(
            try_pin_init!(Self {
                group_class: Class::register(c"vfio", Some(c"vfio/"))?,
                device_class: Class::register(c"vfio-dev", Some(c"vfio/devices/"))?,
                region: Region::alloc(c"vfio", MINORS)?,
                device_region: device_region()?,
                sets: Arc::pin_init(Sets::new(), GFP_KERNEL)?,
                debug,
                debug_groups,
                groups <- Groups::new(),
                bound <- Bound::new(),
                ownership <- Ownership::new(),
                backends <- Backends::new(),
                indices <- new_mutex!(KVec::new(), "Subsystem::indices"),
            }? Error),
            GFP_KERNEL,
        )?;
        SUBSYSTEM.install(subsystem)
    }

    /// Returns the subsystem. Fails with `ENODEV` before it is there and when it is going.
    pub(crate) fn get() -> Result<Arc<Self>> {
        SUBSYSTEM.get()
    }

    /// Returns all groups.
    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Returns the folder for devices in debugfs.
    pub(crate) fn debug(&self) -> &debugfs::Dir {
        &self.debug
    }

    /// Returns the folder for groups in debugfs.
    pub(crate) fn debug_groups(&self) -> &debugfs::Dir {
        &self.debug_groups
    }

    /// Returns the loaded backends.
    pub(crate) fn backends(&self) -> &Backends {
        &self.backends
    }

    /// Makes the caller a member of a device set.
    pub(crate) fn join_set(&self, id: SetId) -> Result<Membership> {
        Sets::join(&self.sets, id)
    }

    /// Returns the devices that are bound to a VFIO driver.
    pub(crate) fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Returns which container owns which IOMMU group.
    pub(crate) fn ownership(&self) -> &Ownership {
        &self.ownership
    }

    /// Makes the path of a group, `/dev/vfio/<name>`, with these files in sysfs.
    pub(crate) fn new_group_node(
        &self,
        name: &CStr,
        entrance: Arc<Entrance>,
        attributes: Option<&'static NodeAttributes<GroupFile>>,
    ) -> Result<Node<GroupFile>> {
        let (class, region) = (&self.group_class, &self.region);
        Node::new(class, region, None, name, entrance, attributes)
    }

    /// Makes the class entry of a device that has no node, `/sys/class/vfio-dev/<name>`.
    pub(crate) fn new_class_device(
        &self,
        parent: &device::Device,
        name: &CStr,
    ) -> Result<ClassDevice> {
        ClassDevice::new(&self.device_class, parent, fmt!("{name}"))
    }

    /// Makes the class entry of a device, and its node, `/dev/vfio/devices/<name>`; or returns `None`
    /// on kernels where devices have none.
    pub(crate) fn new_device_node(
        &self,
        parent: &device::Device,
        name: &CStr,
        door: &Arc<Door>,
    ) -> Result<Option<Node<NodeFile>>> {
        let Some(region) = &self.device_region else {
            return Ok(None);
        };
        let class = &self.device_class;
        let node = Node::new(class, region, Some(parent), name, door.clone(), None)?;
        Ok(Some(node))
    }

    /// Takes the lowest free device number.
    pub(crate) fn device_index(self: &Arc<Self>) -> Result<Index> {
        let mut taken = self.indices.lock();
        let mut number = 0u32;
        let mut at = 0;
        // The list is in order, so the first gap is the lowest free number.
        while taken.get(at) == Some(&number) {
            number = number.checked_add(1).ok_or(ENOSPC)?;
            at += 1;
        }
        taken.reserve(1, GFP_KERNEL)?;
        taken
            .insert_within_capacity(at, number)
            .map_err(|_| ENOMEM)?;
        Ok(Index {
            core: self.clone(),
            number,
        })
    }
}

/// Takes the device numbers for nodes of devices, if there are such nodes.
fn device_region() -> Result<Option<Arc<Region>>> {
    match cfg!(CONFIG_VFIO_DEVICE_CDEV) {
        true => Region::alloc(c"vfio-dev", MINORS).map(Some),
        false => Ok(None),
    }
}

/// A device's number in its class.
pub(crate) struct Index {
    core: Arc<Subsystem>,
    number: u32,
}

impl Index {
    /// Returns the name of the device with this number.
    pub(crate) fn name(&self, backing: Backing) -> Result<CString> {
        let number = self.number;
        Ok(match backing {
            // Where user space could also find the device by this name, it is a warning.
            Backing::Nothing if cfg!(CONFIG_IOMMUFD_NOIOMMU) => {
                CString::try_from_fmt(fmt!("noiommu-vfio{number}"))?
            }
            _ => CString::try_from_fmt(fmt!("vfio{number}"))?,
        })
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.core
            .indices
            .lock()
            .retain(|number| *number != self.number);
    }
}
