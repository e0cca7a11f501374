// SPDX-License-Identifier: GPL-2.0-only

//! The entry of a device in `/sys/class/vfio-dev`, and the way in through its node.
//!
//! The node's memory may live longer than the device and its driver: whoever just tries to open it, or
//! has just closed it, still looks at it. So the node knows no device but a [`Door`], which is shut
//! when the device leaves.
//!
//! C counterpart: `vfio_device_add` and `vfio_device_del` in
//! [`drivers/vfio/vfio.h`](srctree/drivers/vfio/vfio.h)

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
    chrdev::Node,
    class::ClassDevice, //
};

use super::{
    Device,
    DeviceRef,
    NodeFile, //
};
use crate::{
    iommu_driver::Backing,
    subsystem::{
        Index,
        Subsystem, //
    }, //
};

/// The way from a node to its device. It starts shut.
///
/// Lock order: its lock → that of `Uses`.
#[pin_data]
pub(crate) struct Door {
    #[pin]
    device: Mutex<Option<Arc<Device>>>,
}

impl Door {
    fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                device <- new_mutex!(None, "Door::device"),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the device, if it can be used.
    pub(super) fn enter(&self) -> Option<DeviceRef> {
        self.device.lock().as_ref().and_then(DeviceRef::get)
    }

    /// Opens or shuts the door.
    fn set(&self, device: Option<Arc<Device>>) {
        let old = core::mem::replace(&mut *self.device.lock(), device);
        drop(old);
    }
}

/// The entry of a device in its class, until this is dropped.
pub(in crate::device) enum ClassEntry {
    /// It only shows that the device exists.
    Plain {
        /// The entry.
        _entry: ClassDevice,
    },
    /// It has a node, too.
    Node {
        /// The way in.
        door: Arc<Door>,
        /// The entry and the node, until the device begins to leave.
        node: Option<Node<NodeFile>>,
    },
}

impl ClassEntry {
    /// Makes the entry, and the node where there are nodes. It cannot be opened yet.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `ENOSPC`.
    pub(in crate::device) fn new(
        core: &Subsystem,
        dev: &device::Device,
        index: &Index,
        backing: Backing,
    ) -> Result<Self> {
        let name = index.name(backing)?;
        let may_have_node = match backing {
            Backing::Iommu => true,
            Backing::Nothing => cfg!(CONFIG_IOMMUFD_NOIOMMU),
        };
        if may_have_node {
            let door = Door::new()?;
            let node = core.new_device_node(dev, &name, &door)?;
            if node.is_some() {
                return Ok(Self::Node { door, node });
            }
        }
        Ok(Self::Plain {
            _entry: core.new_class_device(dev, &name)?,
        })
    }

    /// Lets programs open the node.
    pub(in crate::device) fn let_in(&self, device: &Arc<Device>) {
        if let Self::Node { door, .. } = self {
            door.set(Some(device.clone()));
        }
    }

    /// Takes the node away. Its open files stay.
    pub(in crate::device) fn close(&mut self) {
        if let Self::Node { door, node } = self {
            door.set(None);
            drop(node.take());
        }
    }
}
