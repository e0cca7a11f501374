// SPDX-License-Identifier: GPL-2.0-only

//! What changes the machine. All else only looks, so tests give this one of their own.

use std::{
    fs,
    io,
    path::Path,
    process::Command, //
};

/// What the kernel is asked to do.
pub(crate) trait Kernel {
    /// Writes to a file of sysfs or configfs.
    fn write(&self, path: &Path, text: &str) -> io::Result<()>;

    /// Makes a folder in configfs.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Removes one.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;

    /// Loads a module, and returns whether that went well.
    fn load(&self, module: &str) -> io::Result<bool>;

    /// Mounts configfs, and returns whether that went well.
    fn mount_configfs(&self, place: &Path) -> io::Result<bool>;
}

/// The kernel that runs.
pub(crate) struct Live;

impl Kernel for Live {
    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        // Without O_CREAT: what is not there is not to be made.
        let mut file = fs::File::options().write(true).open(path)?;
        io::Write::write_all(&mut file, text.as_bytes())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn load(&self, module: &str) -> io::Result<bool> {
        Ok(Command::new("modprobe").arg(module).status()?.success())
    }

    fn mount_configfs(&self, place: &Path) -> io::Result<bool> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "configfs", "none"]).arg(place);
        Ok(mount.status()?.success())
    }
}
