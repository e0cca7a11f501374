// SPDX-License-Identifier: GPL-2.0-only

//! Who may open a physical function and its virtual functions.
//!
//! Whoever has a physical function can cut off its virtual functions or look into what goes through
//! them. So if both are in the hands of programs, their users must know each other, which they show
//! with a [`Token`] that both have. It starts as a random number, which nobody has; the user of the
//! physical function chooses another one, and gives it to the users of the virtual functions.
//!
//! | opened | token given | |
//! |---|---|---|
//! | virtual function | the right one | granted |
//! | | none, or another one | refused |
//! | physical function, virtual ones in use | the right one | granted |
//! | | none, or another one | refused |
//! | physical function, virtual ones unused | any | granted, and is the right one from now on |
//! | | none | granted |
//!
//! This file knows nothing of the kernel, so that its tests run anywhere.
//!
//! C counterpart: `vfio_pci_core_match_token_uuid` in
//! [`drivers/vfio/pci/vfio_pci_core.c`](srctree/drivers/vfio/pci/vfio_pci_core.c)

use crate::token::Token;

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    /// A token is needed and was not given.
    Missing,

    /// The token given is not the one.
    Wrong,
}

/// The token of a physical function and its virtual functions, and how many of these are in use.
pub(crate) struct Secret {
    token: Token,
    users: usize,
}

impl Secret {
    /// Starts with `token`, and no virtual function in use.
    pub(crate) fn new(token: Token) -> Self {
        Self { token, users: 0 }
    }

    /// Lets somebody open a virtual function who has shown `given`, or not.
    pub(crate) fn admit_virtual(&self, given: Option<Token>) -> Result<(), Denial> {
        match given {
            None => Err(Denial::Missing),
            Some(given) if given == self.token => Ok(()),
            Some(_) => Err(Denial::Wrong),
        }
    }

    /// Lets somebody open the physical function who has shown `given`, or not.
    ///
    /// While no virtual function is in use, a token that is given becomes the one.
    pub(crate) fn admit_physical(&mut self, given: Option<Token>) -> Result<(), Denial> {
        if self.users != 0 {
            return self.admit_virtual(given);
        }
        if let Some(given) = given {
            self.token = given;
        }
        Ok(())
    }

    /// Changes the token, at the wish of the user of the physical function.
    pub(crate) fn set(&mut self, token: Token) {
        self.token = token;
    }

    /// A virtual function was opened.
    pub(crate) fn enter(&mut self) {
        // There are at most 65535.
        self.users = self.users.saturating_add(1);
    }

    /// A virtual function was closed.
    pub(crate) fn leave(&mut self) {
        self.users = self.users.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Token = Token([1; 16]);
    const NEW: Token = Token([2; 16]);

    #[test]
    fn virtual_needs_the_token() {
        let secret = Secret::new(OLD);
        assert_eq!(secret.admit_virtual(None), Err(Denial::Missing));
        assert_eq!(secret.admit_virtual(Some(NEW)), Err(Denial::Wrong));
        assert_eq!(secret.admit_virtual(Some(OLD)), Ok(()));
    }

    #[test]
    fn physical_chooses_while_alone() {
        let mut secret = Secret::new(OLD);
        assert_eq!(secret.admit_physical(None), Ok(()));
        assert_eq!(secret.admit_virtual(Some(OLD)), Ok(()));
        assert_eq!(secret.admit_physical(Some(NEW)), Ok(()));
        assert_eq!(secret.admit_virtual(Some(OLD)), Err(Denial::Wrong));
        assert_eq!(secret.admit_virtual(Some(NEW)), Ok(()));
    }

    #[test]
    fn physical_needs_the_token_beside_users() {
        let mut secret = Secret::new(OLD);
        secret.enter();
        secret.enter();
        assert_eq!(secret.admit_physical(None), Err(Denial::Missing));
        assert_eq!(secret.admit_physical(Some(NEW)), Err(Denial::Wrong));
        assert_eq!(secret.admit_physical(Some(OLD)), Ok(()));
        secret.leave();
        assert_eq!(secret.admit_physical(None), Err(Denial::Missing));
        secret.leave();
        assert_eq!(secret.admit_physical(None), Ok(()));
    }

    #[test]
    fn the_owner_changes_it_beside_users() {
        let mut secret = Secret::new(OLD);
        secret.enter();
        secret.set(NEW);
        assert_eq!(secret.admit_virtual(Some(OLD)), Err(Denial::Wrong));
        assert_eq!(secret.admit_physical(Some(NEW)), Ok(()));
    }

    #[test]
    fn every_bit_counts() {
        for bit in 0..128 {
            let mut other = [1; 16];
            other[bit / 8] ^= 1 << (bit % 8);
            let secret = Secret::new(OLD);
            assert_eq!(secret.admit_virtual(Some(Token(other))), Err(Denial::Wrong));
        }
    }
}
