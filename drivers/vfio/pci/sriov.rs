// SPDX-License-Identifier: GPL-2.0-only

//! Physical functions, virtual functions, and the trust between their users (SR-IOV).
//!
//! [`Role`] is what a bound device is in this respect. A physical function and its virtual
//! functions share a [`Trust`], if all of them are with a VFIO driver: the rules of [`trust`] are
//! applied to it whenever one of them is opened. A virtual function finds that of its physical
//! function among the [`Parents`], where the physical function is as long as it has virtual
//! functions, see [`make`].
//!
//! Lock order: `Parents::list`, `Trust::secret` and `Offspring::made` are leaves.
//!
//! C counterpart: `vfio_pci_vf_init`, `vfio_pci_core_match_token_uuid` and
//! `vfio_pci_core_sriov_configure` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

mod make;

use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    pci::Device,
    random::random_bytes,
    refuse,
    sync::{
        Global,
        Installed, //
    }, //
};

use crate::{
    token::Token,
    trust::{
        Denial,
        Secret, //
    }, //
};

pub(crate) use self::make::Offspring;

/// What a device is to SR-IOV, while it is bound.
pub(crate) enum Role {
    /// Neither of the others.
    Ordinary,

    /// It can have virtual functions.
    Physical(Arc<Trust>),

    /// It is a virtual function, and its physical function is ours too.
    Virtual(Arc<Trust>),

    /// It is a virtual function, and its physical function is the host's, whom all have to trust.
    HostVirtual,
}

impl Role {
    /// Returns what `pdev` is.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn of(pdev: &Device) -> Result<Self> {
        if pdev.is_virtual_function() {
            // It cannot change: the physical function is on the list before its virtual functions
            // are made, and stays there until the last of them has left its driver.
            let parent = PARENTS.get()?.find(pdev.physical_function());
            Ok(parent.map_or(Self::HostVirtual, Self::Virtual))
        } else if pdev.is_physical_function() {
            Ok(Self::Physical(Trust::new()?))
        } else {
            Ok(Self::Ordinary)
        }
    }

    /// Lets somebody open the device called `name` who has shown a token, or not.
    ///
    /// # Errors
    ///
    /// `EACCES` if the token is missing or wrong, `EINVAL` if the device has no use for one.
    pub(crate) fn admit(&self, name: &CStr, given: Option<Token>) -> Result {
        match self {
            Self::Ordinary | Self::HostVirtual if given.is_none() => Ok(()),
            Self::Ordinary => {
                refuse!("{name}: a VF token was given, but the device has no use for one; leave it out\n");
                Err(EINVAL)
            }
            Self::HostVirtual => {
                refuse!("{name}: a VF token was given, but its physical function is not bound to a VFIO driver; leave it out\n");
                Err(EINVAL)
            }
            Self::Physical(trust) => {
                let admitted = trust.secret.lock().admit_physical(given);
                admitted.map_err(|denial| explain(name, "its virtual functions are in use", denial))
            }
            Self::Virtual(trust) => {
                let admitted = trust.secret.lock().admit_virtual(given);
                admitted.map_err(|denial| {
                    explain(
                        name,
                        "its physical function is bound to a VFIO driver",
                        denial,
                    )
                })
            }
        }
    }

    /// Counts a user, if the device is a virtual function.
    pub(crate) fn enter(&self) -> Option<VfUser> {
        match self {
            Self::Virtual(trust) => Some(VfUser::new(trust)),
            Self::Ordinary | Self::Physical(_) | Self::HostVirtual => None,
        }
    }

    /// Returns what the user of a physical function may change the token of.
    pub(crate) fn owned_trust(&self) -> Option<&Arc<Trust>> {
        match self {
            Self::Physical(trust) => Some(trust),
            Self::Ordinary | Self::Virtual(_) | Self::HostVirtual => None,
        }
    }
}

/// Logs why somebody may not open the device called `name`, and returns the errno.
fn explain(name: &CStr, because: &str, denial: Denial) -> Error {
    match denial {
        Denial::Missing => refuse!(
            "{name}: needs a VF token, as {because}; append ' vf_token=UUID' to its name, with the UUID that the user of the physical function has set\n"
        ),
        Denial::Wrong => refuse!(
            "{name}: the VF token given is not the one that the user of the physical function has set\n"
        ),
    }
    EACCES
}

/// What the users of a physical function and of its virtual functions share.
#[pin_data]
pub(crate) struct Trust {
    #[pin]
    secret: Mutex<Secret>,
}

impl Trust {
    /// Makes one with a token that nobody knows.
    fn new() -> Result<Arc<Self>> {
        let secret = Secret::new(Token(random_bytes()));
        Arc::pin_init(
            pin_init!(Self {
                secret <- new_mutex!(secret, "Trust::secret"),
            }),
            GFP_KERNEL,
        )
    }

    /// Changes the token.
    pub(crate) fn set(&self, token: Token) {
        self.secret.lock().set(token);
    }
}

/// A user of a virtual function; dropping it is the end of the use.
pub(crate) struct VfUser(Arc<Trust>);

impl VfUser {
    fn new(trust: &Arc<Trust>) -> Self {
        trust.secret.lock().enter();
        Self(trust.clone())
    }
}

impl Drop for VfUser {
    fn drop(&mut self) {
        self.0.secret.lock().leave();
    }
}

static PARENTS: Global<Parents> = Global::new();

/// The physical functions that have virtual functions through us.
#[pin_data]
pub(crate) struct Parents {
    #[pin]
    list: Mutex<KVec<Parent>>,
}

/// A physical function, by [`Device::address`], and what its virtual functions share with it.
struct Parent {
    address: usize,
    trust: Arc<Trust>,
}

impl Parents {
    /// Makes the list and lets everybody find it until the result is dropped.
    pub(crate) fn install() -> Result<Installed<Self>> {
        let parents = Arc::pin_init(
            pin_init!(Self {
                list <- new_mutex!(KVec::new(), "Parents::list"),
            }),
            GFP_KERNEL,
        )?;
        PARENTS.install(parents)
    }

    fn find(&self, address: usize) -> Option<Arc<Trust>> {
        let list = self.list.lock();
        let parent = list.iter().find(|parent| parent.address == address)?;
        Some(parent.trust.clone())
    }
}

/// A physical function's place among the [`Parents`], until this is dropped.
struct Listed {
    parents: Arc<Parents>,
    address: usize,
}

impl Listed {
    /// Puts a physical function on the list.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is there already, `ENOMEM`.
    fn new(address: usize, trust: Arc<Trust>) -> Result<Self> {
        let parents = PARENTS.get()?;
        let mut list = parents.list.lock();
        if list.iter().any(|parent| parent.address == address) {
            return Err(EINVAL);
        }
        list.push(Parent { address, trust }, GFP_KERNEL)?;
        drop(list);
        Ok(Self { parents, address })
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut list = self.parents.list.lock();
        list.retain(|parent| parent.address != self.address);
    }
}
