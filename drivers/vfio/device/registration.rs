// SPDX-License-Identifier: GPL-2.0-only

//! A registered device, from the bus driver's probe to its remove.
//!
//! A [`Registration`] is what the bus driver holds. Dropping it takes the device out of its group,
//! so that nobody can open it any more, then asks the program that still has it open to let go,
//! again every ten seconds, and returns when it has.
//!
//! C counterpart: `__vfio_register_dev` and `vfio_unregister_group_dev` in
//! [`drivers/vfio/vfio_main.c`](srctree/drivers/vfio/vfio_main.c)

use kernel::{
    device,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        LockedBy, //
    }, //
};
use kernel_ext::{
    debugfs,
    fs::Mapping,
    iommu::{
        self,
        FakeGroup, //
    },
    refuse,
    sync::Waited, //
};

use super::{
    access::Access,
    node::ClassEntry,
    set::{
        Listed,
        Membership,
        SetState, //
    },
    show::Shown,
    uses::{
        Use,
        Uses, //
    },
    DeviceOps,
    DeviceSet,
    SetId, //
};
use crate::{
    group::{
        Group,
        Member, //
    },
    holder::HeldBy,
    iommu_driver::Backing,
    noiommu,
    subsystem::{
        Index,
        Subsystem, //
    }, //
};

/// How often the holder of a device is asked to give it back, in milliseconds.
const REQUEST_EVERY_MS: u32 = 10_000;

/// A device that is bound to a VFIO driver.
pub(crate) struct Device {
    dev: ARef<device::Device>,
    pub(super) module: &'static ThisModule,
    pub(super) ops: Arc<dyn DeviceOps>,
    group: Arc<Group>,
    pub(super) mapping: Mapping,

    /// Who has the device open, under the lock of its set.
    pub(super) access: LockedBy<Access, SetState>,

    pub(super) set: Membership,

    uses: Arc<Uses>,

    /// Who has the device open, for people who ask.
    held_by: Arc<HeldBy>,
}

impl Device {
    /// Returns the device as the driver core sees it.
    pub(crate) fn dev(&self) -> &device::Device {
        &self.dev
    }

    /// Returns the group of the device.
    pub(crate) fn group(&self) -> &Arc<Group> {
        &self.group
    }

    /// Returns the set of the device.
    pub(super) fn set(&self) -> &DeviceSet {
        &self.set
    }

    /// Returns what the bus driver made of the device.
    pub(super) fn ops(&self) -> &dyn DeviceOps {
        &*self.ops
    }

    /// Returns whether the IOMMU keeps all DMA of the device coherent with the caches.
    pub(crate) fn is_coherent(&self) -> bool {
        self.group.options().force_snoop && iommu::enforces_cache_coherency(&self.dev)
    }

    /// Returns who has the device open.
    pub(super) fn held_by(&self) -> &HeldBy {
        &self.held_by
    }

    /// Returns whether a program has the device open.
    pub(crate) fn is_open(&self) -> bool {
        self.held_by.files() != 0
    }

    /// Returns the user mappings of the device's files.
    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Answers whether `requested` means this device, see [`DeviceOps::matches`].
    pub(crate) fn matches(&self, requested: &CStr) -> Result<bool> {
        self.ops.matches(requested)
    }

    /// No new users from now on; waits until the last one is gone.
    fn retire(&self) {
        self.uses.close();
        let mut interrupted = false;
        for count in 0.. {
            self.request(count);
            let waited = if interrupted {
                self.uses.wait(REQUEST_EVERY_MS)
            } else {
                self.uses.wait_interruptible(REQUEST_EVERY_MS)
            };
            match waited {
                Waited::Done => return,
                Waited::TimedOut => {}
                Waited::Interrupted => {
                    interrupted = true;
                    pr_warn!(
                        "{}: is in use; process {} waits until the program that has it open closes it\n",
                        self.dev.name(),
                        kernel::current!().pid()
                    );
                }
            }
        }
    }
}

/// A device that cannot be unregistered meanwhile.
// The device goes first, so that the unregistering driver finds nobody in its code.
pub(crate) struct DeviceRef {
    device: Arc<Device>,
    _use: Use,
}

impl DeviceRef {
    /// Takes a use, unless the device is leaving.
    pub(crate) fn get(device: &Arc<Device>) -> Option<Self> {
        Some(Self {
            _use: device.uses.take()?,
            device: device.clone(),
        })
    }

    /// Takes another use, also while the device is leaving.
    ///
    /// Returns `None` if there are too many.
    pub(super) fn again(&self) -> Option<Self> {
        Some(Self {
            _use: self._use.again()?,
            device: self.device.clone(),
        })
    }
}

impl core::ops::Deref for DeviceRef {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}

/// What a bus driver holds for a device that it has given to VFIO.
///
/// Dropping it waits until no program uses the device any more.
// Fields go in this order: no new opens, then the set, debugfs, the class entry, and the group.
pub struct Registration {
    device: Listed,
    shown: Shown,
    entry: ClassEntry,
    _index: Index,
    _fake_group: Option<FakeGroup>,
    _member: Member,
}

impl Registration {
    /// Registers `dev`, which is bound to a driver in `module`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the device has no IOMMU group, or its IOMMU cannot keep DMA coherent with the
    /// caches; `ENOMEM`; `ENODEV` while the core is being unloaded.
    pub fn new(
        dev: &device::Device,
        module: &'static ThisModule,
        set: SetId,
        ops: Arc<dyn DeviceOps>,
    ) -> Result<Self> {
        let core = Subsystem::get()?;
        let (member, fake_group) = join_group(&core, dev)?;
        let group = member.group().clone();
        let set = core.join_set(set)?;
        let index = core.device_index()?;
        let entry = ClassEntry::new(&core, dev, &index, group.backing())?;
        let device = Arc::new(
            Device {
                dev: dev.into(),
                module,
                ops,
                group,
                mapping: Mapping::new()?,
                access: LockedBy::new(set.mutex(), Access::default()),
                set,
                uses: Uses::new()?,
                held_by: Arc::pin_init(HeldBy::nobody(), GFP_KERNEL)?,
            },
            GFP_KERNEL,
        )?;
        let device = Listed::new(device)?;
        let shown = Shown::new(&core, &device)?;
        device.group().add_device(&device)?;
        entry.let_in(&device);
        Ok(Self {
            device,
            shown,
            entry,
            _index: index,
            _fake_group: fake_group,
            _member: member,
        })
    }

    /// Returns the folder of the device in debugfs.
    pub fn debug(&self) -> &debugfs::Dir {
        self.shown.dir()
    }
}

/// Makes `dev` a member of its group; of one made up for it if it has none and may do without.
fn join_group(core: &Arc<Subsystem>, dev: &device::Device) -> Result<(Member, Option<FakeGroup>)> {
    let Some(group) = iommu::Group::of(dev) else {
        let fake = noiommu::make_group(dev)?;
        let member = Member::join(core, fake.group().clone(), Backing::Nothing)?;
        return Ok((member, Some(fake)));
    };
    if !iommu::is_cache_coherent(dev) {
        refuse!(
            "{}: its IOMMU cannot keep DMA coherent with the caches, so it cannot be assigned\n",
            dev.name()
        );
        return Err(EINVAL);
    }
    Ok((Member::join(core, group, Backing::Iommu)?, None))
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.entry.close();
        self.device.group().remove_device(&self.device);
        self.device.retire();
    }
}
