// SPDX-License-Identifier: GPL-2.0-only

//! `vfio-pci`, the driver that gives any PCI device to a program.
//!
//! It takes a device only if it is told to: by the device's `driver_override`, by the driver's
//! `new_id` file, or by the parameter `ids=`. What it does with a device is in
//! [`vfio_pci_core`]; here is only the registration, the parameters and the list of devices that
//! are not safe to give away.
//!
//! C counterpart: [`drivers/vfio/pci/vfio_pci.c`](srctree/drivers/vfio/pci/vfio_pci.c)

#![deny(unsafe_code)]

use kernel::{
    module::this_module,
    prelude::*,
    str::BStr,
    sync::Arc, //
};
use kernel_ext::{
    extern_param,
    pci::{
        Device,
        Driver,
        DynamicId,
        OverrideTable,
        Registration,
        SriovRequest, //
    },
    pci_override_table,
    refuse, //
};
use vfio_pci_core::{
    CoreDevice,
    Options, //
};

/// The name of the driver, as `driver_override` gives it.
const NAME: &CStr = c"vfio-pci";

/// Devices that can harm the host in the hands of a program, by vendor and device.
///
/// Intel's QuickAssist (C3xxx, C62x, DH895xCC, each with its virtual functions) and the first DSA
/// and IAX accelerators.
const DENIED: [(u16, u16); 8] = [
    (0x8086, 0x19e2),
    (0x8086, 0x19e3),
    (0x8086, 0x37c8),
    (0x8086, 0x37c9),
    (0x8086, 0x0435),
    (0x8086, 0x0443),
    (0x8086, 0x0b25),
    (0x8086, 0x0cfe),
];

extern_param!(
    /// Devices to take from the start.
    static IDS: [u8; 1024] = vfio_pci_ids;
);
extern_param!(
    /// Mask INTx at the interrupt controller only.
    static NOINTXMASK: bool = vfio_pci_nointxmask;
);
extern_param!(
    /// Keep unused devices awake.
    static DISABLE_IDLE_D3: bool = vfio_pci_disable_idle_d3;
);
extern_param!(
    /// Let the administrator make virtual functions.
    static ENABLE_SRIOV: bool = vfio_pci_enable_sriov;
);
extern_param!(
    /// Do not offer the legacy VGA ranges; always so on kernels that are built without them.
    static DISABLE_VGA: bool = vfio_pci_disable_vga;
);
extern_param!(
    /// Also take the devices in [`DENIED`].
    static DISABLE_DENYLIST: bool = vfio_pci_disable_denylist;
);

pci_override_table!(TABLE);

/// The driver.
struct VfioPci;

impl Driver for VfioPci {
    type Data = CoreDevice;

    const ID_TABLE: OverrideTable = &TABLE;

    fn probe(pdev: Device) -> Result<Arc<CoreDevice>> {
        refuse_denied(&pdev)?;
        // The parameters can be changed at any time; a device keeps what it was bound with.
        let options = Options {
            nointxmask: NOINTXMASK.get(),
            disable_idle_d3: DISABLE_IDLE_D3.get(),
            disable_vga: DISABLE_VGA.get(),
        };
        let device = CoreDevice::new(pdev, NAME, this_module::<LocalModule>(), options)?;
        Ok(Arc::new(device, GFP_KERNEL)?)
    }

    fn add_ids(add: &mut dyn FnMut(&DynamicId) -> Result) {
        let text = IDS.get();
        let end = text.iter().position(|&byte| byte == 0);
        let text = text.get(..end.unwrap_or(0)).unwrap_or(&[]);
        for item in text
            .split(|&byte| byte == b',')
            .filter(|item| !item.is_empty())
        {
            match DynamicId::parse(item) {
                Some(id) => report(&id, add(&id)),
                None => pr_warn!("ids={}: not an id\n", BStr::from_bytes(item)),
            }
        }
    }

    fn error_detected(device: &CoreDevice) {
        device.error_detected();
    }

    fn runtime_suspend(device: &CoreDevice) {
        device.runtime_suspend();
    }

    fn runtime_resume(device: &CoreDevice) {
        device.runtime_resume();
    }

    fn sriov_configure(device: &CoreDevice, request: &SriovRequest<'_>) -> Result<u32> {
        if !ENABLE_SRIOV.get() {
            refuse!("sriov_numvfs is left as it is; set the parameter enable_sriov first\n");
            return Err(ENOENT);
        }
        device.sriov_configure(request)
    }
}

/// Logs what became of an item of the parameter `ids`.
fn report(id: &DynamicId, added: Result) {
    let DynamicId {
        vendor,
        device,
        subvendor,
        subdevice,
        class,
        class_mask,
    } = *id;
    match added {
        Ok(()) => pr_info!(
            "add [{:04x}:{:04x}[{:04x}:{:04x}]] class {:#08x}/{:08x}\n",
            vendor,
            device,
            subvendor,
            subdevice,
            class,
            class_mask
        ),
        Err(error) => pr_warn!(
            "failed to add [{:04x}:{:04x}[{:04x}:{:04x}]] class {:#08x}/{:08x}: {:?}\n",
            vendor,
            device,
            subvendor,
            subdevice,
            class,
            class_mask,
            error
        ),
    }
}

/// Refuses the devices in [`DENIED`].
fn refuse_denied(pdev: &Device) -> Result {
    let (vendor, device) = (pdev.vendor(), pdev.device_id());
    if !DENIED.contains(&(vendor, device)) {
        return Ok(());
    }
    if DISABLE_DENYLIST.get() {
        pr_warn!(
            "{}: allowing device {:04x}:{:04x}, as the deny list is disabled\n",
            pdev.name(),
            vendor,
            device
        );
        return Ok(());
    }
    refuse!(
        "{}: device {:04x}:{:04x} is on the deny list, as programs can harm the host with it; load \
         vfio-pci with disable_denylist=1 to allow it\n",
        pdev.name(),
        vendor,
        device
    );
    Err(EINVAL)
}

/// The module, which is the registration of the driver.
#[pin_data]
struct VfioPciModule {
    #[pin]
    _driver: Registration<VfioPci>,
}

impl kernel::InPlaceModule for VfioPciModule {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        if DISABLE_DENYLIST.get() {
            pr_warn!("device denylist disabled\n");
        }
        try_pin_init!(Self {
            _driver <- Registration::new(NAME, module),
        })
    }
}

module! {
    type: VfioPciModule,
    name: "vfio_pci",
    authors: ["VFIO in Rust maintainers"],
    description: "VFIO PCI - User Level meta-driver",
    license: "GPL",
}
