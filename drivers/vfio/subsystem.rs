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
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    chrdev::{
        Node,
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
        Membership,
        SetId,
        Sets, //
    },
    group::{
        Group,
        GroupFile,
        Groups, //
    },
    iommu_driver::{
        Backends,
        Backing, //
    }, //
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
    sets: Arc<Sets>,

    /// `vfio` in debugfs, with a folder for each device.
    debug: debugfs::Dir,

    /// `vfio/groups` in debugfs.
    debug_groups: debugfs::Dir,

    #[pin]
    groups: Groups,

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
                device_class: Class::register(c"vfio-dev", None)?,
                region: Region::alloc(c"vfio", MINORS)?,
                sets: Arc::pin_init(Sets::new(), GFP_KERNEL)?,
                debug,
                debug_groups,
                groups <- Groups::new(),
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

    /// Makes the node of a group, `/dev/vfio/<name>`.
    pub(crate) fn new_group_node(&self, name: &CStr, group: Arc<Group>) -> Result<Node<GroupFile>> {
        Node::new(&self.group_class, &self.region, None, name, group)
    }

    /// Makes the class entry of a device, `/sys/class/vfio-dev/vfioN`.
    pub(crate) fn new_class_device(
        &self,
        parent: &device::Device,
        index: &Index,
        backing: Backing,
    ) -> Result<ClassDevice> {
        let number = index.number;
        match backing {
            // Where user space could also find the device by this entry, its name is a warning.
            Backing::Nothing if cfg!(CONFIG_IOMMUFD_NOIOMMU) => {
                ClassDevice::new(&self.device_class, parent, fmt!("noiommu-vfio{number}"))
            }
            _ => ClassDevice::new(&self.device_class, parent, fmt!("vfio{number}")),
        }
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

/// A device's number in its class.
pub(crate) struct Index {
    core: Arc<Subsystem>,
    number: u32,
}

impl Drop for Index {
    fn drop(&mut self) {
        self.core
            .indices
            .lock()
            .retain(|number| *number != self.number);
    }
}
