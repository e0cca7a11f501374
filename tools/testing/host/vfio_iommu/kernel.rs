// SPDX-License-Identifier: GPL-2.0-only

//! A stand-in for `kernel::prelude`: vectors that grow only when they are told to.

use std::ops::{
    Deref,
    DerefMut, //
};

/// An errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error;

pub type Result<T = ()> = std::result::Result<T, Error>;

pub const ENOMEM: Error = Error;

#[derive(Clone, Copy)]
pub struct Flags;

pub const GFP_KERNEL_ACCOUNT: Flags = Flags;

/// `kernel::alloc::Vec`, as far as it is used.
#[derive(Debug)]
pub struct KVec<T>(Vec<T>);

pub type KVVec<T> = KVec<T>;

impl<T> KVec<T> {
    pub fn new() -> Self {
        Self(Vec::new())
    }

    pub fn with_capacity(capacity: usize, _flags: Flags) -> Result<Self> {
        Ok(Self(Vec::with_capacity(capacity)))
    }

    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    pub fn push_within_capacity(&mut self, value: T) -> std::result::Result<(), T> {
        self.insert_within_capacity(self.0.len(), value)
    }

    pub fn insert_within_capacity(&mut self, at: usize, value: T) -> std::result::Result<(), T> {
        if self.0.len() == self.0.capacity() || at > self.0.len() {
            return Err(value);
        }
        self.0.insert(at, value);
        Ok(())
    }

    pub fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    pub fn remove(&mut self, at: usize) -> Result<T> {
        if at < self.0.len() {
            Ok(self.0.remove(at))
        } else {
            Err(Error)
        }
    }

    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn drain_all(&mut self) -> std::vec::Drain<'_, T> {
        self.0.drain(..)
    }
}

impl<T> Deref for KVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for KVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<'a, T> IntoIterator for &'a KVec<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
