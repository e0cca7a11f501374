// SPDX-License-Identifier: GPL-2.0-only

//! Groups that are made of groups: `vfio/` in configfs.
//!
//! What a program always has together, an administrator can make one thing: `mkdir vfio/NAME`, write
//! the numbers of the groups to `members` and 1 to `enable`. From then on `/dev/vfio/NAME` is opened in
//! place of them, by one program; all go into a container together or not at all, and the devices of
//! all come out of one descriptor. While it is enabled the directory cannot be removed, and while a
//! program has it open it cannot be disabled.
//!
//! The members are groups that there are when it is enabled. Should one lose its last device, the whole
//! answers `ENODEV` until it is disabled and enabled anew.
//!
//! What the files hold is in `Documentation/ABI/testing/configfs-vfio`.
//!
//! Lock order: [`Synthetic::state`] → `Groups` → that of an `Entrance`. It is not held while configfs
//! calls.

use kernel::{
    configfs,
    configfs_attrs,
    prelude::*,
    str::{
        CString,
        Formatter, //
    },
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    chrdev::Node,
    configfs::{
        Keepable,
        TextFile, //
    },
    refuse,
    str::write_text, //
};

use crate::{
    group::{
        Entrance,
        GroupFile, //
    },
    subsystem::Subsystem, //
};

/// The most groups that one can be made of.
const MOST: usize = 256;

/// `vfio/` in configfs.
pub(crate) struct Root;

/// A directory below it.
type Directory = Keepable<Synthetic>;

/// A group made of groups.
#[pin_data]
pub(crate) struct Synthetic {
    core: Arc<Subsystem>,
    name: CString,
    #[pin]
    state: Mutex<State>,
}

/// What the lock protects.
struct State {
    /// The numbers of the groups.
    members: KVec<u32>,
    enabled: Option<Enabled>,
}

/// That the group can be opened.
// The path goes before the groups are free.
struct Enabled {
    _node: Node<GroupFile>,
    entrance: Arc<Entrance>,
}

/// Makes `vfio/`, as long as the result lives.
pub(crate) fn register() -> Result<Pin<KBox<configfs::Subsystem<Root>>>> {
    let kind = configfs_attrs! {
        container: configfs::Subsystem<Root>,
        data: Root,
        child: Directory,
        attributes: [],
    };
    KBox::pin_init(
        configfs::Subsystem::new(c"vfio", kind, Ok::<_, Error>(Root)),
        GFP_KERNEL,
    )
}

#[vtable]
impl configfs::GroupOperations for Root {
    type Child = Directory;

    fn make_group(&self, name: &CStr) -> Result<impl PinInit<configfs::Group<Directory>, Error>> {
        let kind = configfs_attrs! {
            container: configfs::Group<Directory>,
            data: Directory,
            attributes: [
                members: 0,
                enable: 1,
            ],
        };
        check_name(name)?;
        let synthetic = Synthetic::new(Subsystem::get()?, CString::try_from(name)?);
        Keepable::directory(CString::try_from(name)?, kind, synthetic)
    }
}

/// Refuses names that other paths below `/dev/vfio` have or may have.
///
/// # Errors
///
/// `EINVAL`.
fn check_name(name: &CStr) -> Result {
    let name = name.to_bytes();
    let taken = [&b"vfio"[..], b"devices"].contains(&name);
    // A slash in a name of the driver core is written as an exclamation mark.
    let odd = name.iter().all(u8::is_ascii_digit) || name.contains(&b'!') || name.starts_with(b".");
    match taken || odd || name.starts_with(b"noiommu-") {
        true => Err(EINVAL),
        false => Ok(()),
    }
}

impl Synthetic {
    fn new(core: Arc<Subsystem>, name: CString) -> impl PinInit<Self> {
        pin_init!(Self {
            core,
            name,
            state <- new_mutex!(
                State {
                    members: KVec::new(),
                    enabled: None,
                },
                "Synthetic::state"
            ),
        })
    }

    /// Says which groups it is made of.
    ///
    /// # Errors
    ///
    /// `EINVAL` for what is no number, or is there twice; `E2BIG` for too many; `EBUSY` while enabled;
    /// `ENOMEM`.
    fn set_members(&self, text: &[u8]) -> Result {
        let text = core::str::from_utf8(text).map_err(|_| EINVAL)?;
        let mut members = KVec::new();
        for word in text.split_ascii_whitespace() {
            let number = word.parse::<u32>().map_err(|_| EINVAL)?;
            if members.contains(&number) {
                return Err(EINVAL);
            }
            if members.len() == MOST {
                return Err(E2BIG);
            }
            members.push(number, GFP_KERNEL)?;
        }
        let mut state = self.state.lock();
        if state.enabled.is_some() {
            return Err(EBUSY);
        }
        state.members = members;
        Ok(())
    }

    /// Reserves the groups and makes the path.
    ///
    /// # Errors
    ///
    /// `ENODEV` if one of the groups is not there; `EEXIST` if the path is; those of
    /// [`Entrance::synthetic`].
    fn enable(&self) -> Result {
        let mut state = self.state.lock();
        if state.enabled.is_some() {
            return Ok(());
        }
        let mut groups = KVec::with_capacity(state.members.len(), GFP_KERNEL)?;
        for &number in &state.members {
            let group = self.core.groups().find(number).ok_or_else(|| {
                refuse!(
                    "{}: there is no group {number} with a device bound to VFIO\n",
                    &*self.name
                );
                ENODEV
            })?;
            groups.push(group, GFP_KERNEL)?;
        }
        let entrance = Entrance::synthetic(groups)?;
        let node = self.core.new_group_node(&self.name, entrance.clone(), None);
        let node = node.inspect_err(|_| {
            // Nobody has seen it yet.
            let _ = entrance.shut();
        })?;
        state.enabled = Some(Enabled {
            _node: node,
            entrance,
        });
        Ok(())
    }

    /// Takes the path away and lets the groups go.
    ///
    /// # Errors
    ///
    /// `EBUSY` while a program has it open.
    fn disable(&self) -> Result {
        let mut state = self.state.lock();
        if let Some(enabled) = &state.enabled {
            enabled.entrance.shut().inspect_err(|_| {
                refuse!("{}: is open; close it before it is disabled\n", &*self.name);
            })?;
        }
        state.enabled = None;
        Ok(())
    }
}

/// `members`: the numbers of the groups.
impl TextFile<0> for Synthetic {
    type Module = crate::LocalModule;

    fn show(this: &Directory, text: &mut Formatter<'_>) -> Result {
        for (at, number) in this.state.lock().members.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write_text(text, fmt!("{space}{number}"))?;
        }
        write_text(text, fmt!("\n"))
    }

    fn store(this: &Directory, text: &[u8]) -> Result {
        this.set_members(text)
    }
}

/// `enable`: whether there is a path.
impl TextFile<1> for Synthetic {
    type Module = crate::LocalModule;

    fn show(this: &Directory, text: &mut Formatter<'_>) -> Result {
        let enabled = this.state.lock().enabled.is_some();
        write_text(text, fmt!("{}\n", u8::from(enabled)))
    }

    fn store(this: &Directory, text: &[u8]) -> Result {
        match text.trim_ascii() {
            b"1" => {
                // First, so that it stays from the moment that there is a path.
                this.keep(true)?;
                this.enable().inspect_err(|_| {
                    // Giving up a dependency does not fail.
                    let _ = this.keep(false);
                })
            }
            b"0" => {
                this.disable()?;
                this.keep(false)
            }
            _ => Err(EINVAL),
        }
    }
}
