// SPDX-License-Identifier: GPL-2.0-only

//! Giving devices other drivers.
//!
//! `driver_override` says which driver a device is for. Unbinding takes it from the one that it has, and
//! writing its name to `drivers_probe` looks for one anew.

use crate::{
    failure::Failure,
    kernel::Kernel,
    roots::{
        link_name,
        names,
        text,
        Roots, //
    }, //
};
use std::path::Path;

/// What a device had before.
struct Before {
    device: String,
    driver: Option<String>,
    /// What was in `driver_override`, with a new line; that alone clears it.
    preference: String,
}

/// Changes that go back when this is dropped before [`keep`](Self::keep).
#[must_use = "what is dropped goes back"]
pub(super) struct Changes<'a> {
    roots: &'a Roots,
    kernel: &'a dyn Kernel,
    before: Vec<Before>,
}

impl<'a> Changes<'a> {
    pub(super) fn begin(roots: &'a Roots, kernel: &'a dyn Kernel) -> Self {
        Self {
            roots,
            kernel,
            before: Vec::new(),
        }
    }

    /// Gives a device to a VFIO driver, whose module is loaded if need be.
    ///
    /// # Errors
    ///
    /// If the driver is not there, does not take the device, or is no VFIO driver.
    pub(super) fn bind(&mut self, device: &str, driver: &str) -> Result<(), Failure> {
        self.need_driver(driver)?;
        self.remember(device);
        self.prefer(device, &format!("{driver}\n"))?;
        self.release(device)?;
        self.probe(device)?;
        if self.driver(device).as_deref() != Some(driver) {
            return Err(Failure::new(format!(
                "{driver} did not take {device}; the kernel's log says why"
            )));
        }
        if names(&self.roots.pci_device(device).join("vfio-dev")).is_empty() {
            return Err(Failure::new(format!("{driver} is no VFIO driver")));
        }
        Ok(())
    }

    /// Gives a device back to the host: to whatever driver takes it, perhaps none.
    ///
    /// # Errors
    ///
    /// If the kernel does not let go of it, or a VFIO driver takes it again.
    pub(super) fn unbind(&mut self, device: &str) -> Result<(), Failure> {
        self.remember(device);
        self.prefer(device, "\n")?;
        self.release(device)?;
        self.probe(device)?;
        if !names(&self.roots.pci_device(device).join("vfio-dev")).is_empty() {
            let driver = self.driver(device).unwrap_or_default();
            return Err(Failure::new(format!(
                "{driver} has taken {device} again: it was told to by its parameter ids or by new_id"
            )));
        }
        Ok(())
    }

    /// Lets the changes be.
    pub(super) fn keep(mut self) {
        self.before.clear();
    }

    fn need_driver(&self, driver: &str) -> Result<(), Failure> {
        let folder = self.roots.pci_driver(driver);
        if folder.exists() {
            return Ok(());
        }
        let loaded = self.kernel.load(driver);
        match loaded {
            Err(error) => Err(Failure::of("modprobe", error)),
            Ok(_) if folder.exists() => Ok(()),
            Ok(_) => Err(Failure::new(format!(
                "there is no PCI driver {driver}, and modprobe {driver} does not give one"
            ))),
        }
    }

    fn remember(&mut self, device: &str) {
        let preference = text(&self.roots.pci_device(device).join("driver_override"));
        let preference = preference.unwrap_or_default().replace("(null)", "");
        self.before.push(Before {
            device: device.to_owned(),
            driver: self.driver(device),
            preference: preference + "\n",
        });
    }

    fn driver(&self, device: &str) -> Option<String> {
        link_name(&self.roots.pci_device(device).join("driver"))
    }

    fn prefer(&self, device: &str, preference: &str) -> Result<(), Failure> {
        let path = self.roots.pci_device(device).join("driver_override");
        self.write(&path, preference)
    }

    fn release(&self, device: &str) -> Result<(), Failure> {
        let path = self.roots.pci_device(device).join("driver/unbind");
        match path.exists() {
            true => self.write(&path, device),
            false => Ok(()),
        }
    }

    fn probe(&self, device: &str) -> Result<(), Failure> {
        self.write(&self.roots.sys.join("bus/pci/drivers_probe"), device)
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), Failure> {
        self.kernel.write(path, text).map_err(|e| {
            let what = format!("writing {:?} to {}", text.trim(), path.display());
            Failure::of(what, e)
        })
    }

    fn put_back(&self, before: &Before) -> Result<(), Failure> {
        let device = &before.device;
        self.prefer(device, &before.preference)?;
        if self.driver(device) == before.driver {
            return Ok(());
        }
        self.release(device)?;
        match &before.driver {
            Some(driver) => self.write(&self.roots.pci_driver(driver).join("bind"), device),
            None => Ok(()),
        }
    }
}

impl Drop for Changes<'_> {
    fn drop(&mut self) {
        while let Some(before) = self.before.pop() {
            match self.put_back(&before) {
                Ok(()) => eprintln!("vfioctl: {} is as it was", before.device),
                Err(failure) => eprintln!("vfioctl: {} is not as it was: {failure}", before.device),
            }
        }
    }
}
