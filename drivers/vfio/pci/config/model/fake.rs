// SPDX-License-Identifier: GPL-2.0-only

//! A device made of two byte arrays, for the tests of this folder: what its registers hold, and
//! which bits the device lets software change.

use core::cell::RefCell;

use super::{
    super::{
        cap::Effect,
        header::Facts,
        map::{
            Cell,
            Layout, //
        },
        msi::MsiState,
        perm::{
            Hw,
            Width, //
        },
        regs::{
            CAPABILITY_LIST,
            CONVENTIONAL_SIZE,
            STATUS, //
        },
        walk::{
            self,
            Oddity, //
        }, //
    },
    Model,
    Route, //
};

/// The registers of a made-up device.
#[derive(Clone, Debug)]
pub(crate) struct Fake {
    bytes: RefCell<Vec<u8>>,
    writable: Vec<u8>,
}

impl Hw for Fake {
    type Error = u16;

    fn read(&self, at: u16, width: Width) -> Result<u32, u16> {
        let (from, len) = (usize::from(at), usize::from(width.bytes()));
        assert_eq!(from % len, 0, "unaligned read at {at:#x}");
        let bytes = self.bytes.borrow();
        let bytes = bytes.get(from..from + len).ok_or(at)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u32::from(byte)))
    }

    fn write(&self, at: u16, width: Width, value: u32) -> Result<(), u16> {
        let (from, len) = (usize::from(at), usize::from(width.bytes()));
        assert_eq!(from % len, 0, "unaligned write at {at:#x}");
        let mut bytes = self.bytes.borrow_mut();
        let bytes = bytes.get_mut(from..from + len).ok_or(at)?;
        for ((byte, new), mask) in bytes
            .iter_mut()
            .zip(value.to_le_bytes())
            .zip(&self.writable[from..])
        {
            *byte = *byte & !mask | new & mask;
        }
        Ok(())
    }
}

impl Fake {
    /// Makes a device of `size` bytes, all zero, in which every bit can be written: the rules under
    /// test have to do the protecting.
    pub(crate) fn new(size: usize) -> Fake {
        Fake {
            bytes: RefCell::new(vec![0; size]),
            writable: vec![0xff; size],
        }
    }

    /// Sets bytes as the device comes out of reset.
    pub(crate) fn with(self, at: u16, bytes: &[u8]) -> Fake {
        let at = usize::from(at);
        self.bytes.borrow_mut()[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Sets a dword as the device comes out of reset.
    pub(crate) fn dword(self, at: u16, value: u32) -> Fake {
        self.with(at, &value.to_le_bytes())
    }

    /// Adds a list of standard capabilities: offset, id, and the bytes behind the next pointer.
    pub(crate) fn caps(self, caps: &[(u8, u8, &[u8])]) -> Fake {
        let mut fake = self.with(STATUS, &[0x10]);
        let mut link = CAPABILITY_LIST;
        for &(at, id, body) in caps {
            fake = fake
                .with(link, &[at])
                .with(at.into(), &[id, 0])
                .with(u16::from(at) + 2, body);
            link = u16::from(at) + 1;
        }
        fake
    }

    /// Adds a list of extended capabilities: offset, id, and the bytes behind the header.
    pub(crate) fn ecaps(self, caps: &[(u16, u16, &[u8])]) -> Fake {
        let mut fake = self;
        for (index, &(at, id, body)) in caps.iter().enumerate() {
            let next = caps.get(index + 1).map_or(0, |cap| u32::from(cap.0));
            fake = fake
                .dword(at, u32::from(id) | 1 << 16 | next << 20)
                .with(at + 4, body);
        }
        fake
    }

    /// Returns a register as the hardware has it.
    pub(crate) fn get(&self, at: u16, width: Width) -> u32 {
        self.read(at, width).unwrap()
    }

    /// Returns all registers.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }

    /// Changes a register from behind.
    pub(crate) fn poke(&self, at: u16, width: Width, value: u32) {
        self.write(at, width, value).unwrap();
    }
}

/// A made-up device with the view of it.
pub(crate) struct Open {
    pub(crate) hw: Fake,
    pub(crate) layout: Layout<Vec<[Cell; 4]>>,
    pub(crate) model: Model<Vec<[u8; 4]>>,
    pub(crate) oddities: Vec<Oddity>,
    pub(crate) msi: MsiState,
    /// Effects and recoveries of writes so far.
    pub(crate) effects: Vec<Effect>,
    pub(crate) recoveries: usize,
}

impl Open {
    /// Opens a device.
    pub(crate) fn new(hw: Fake, facts: Facts) -> Open {
        let size = hw.bytes().len();
        let (dwords, cells) = (vec![[0; 4]; size / 4], vec![Cell::UNASSIGNED; size / 4]);
        let header = core::array::from_fn(|index| hw.get(4 * index as u16, Width::Dword));
        let mut oddities = Vec::new();
        let mut odd = |odd| oddities.push(odd);
        let built = walk::build(&hw, &header, &facts, dwords, cells, &mut odd).unwrap();
        let (model, layout) = Model::new(built, facts);
        Open {
            hw,
            layout,
            model,
            oddities,
            msi: MsiState::default(),
            effects: Vec::new(),
            recoveries: 0,
        }
    }

    /// Reads as a user does: any length at any place.
    pub(crate) fn read(&self, at: u16, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let pos = at + bytes.len() as u16;
            let chunk = self.layout.chunk(pos, len - bytes.len()).unwrap();
            let value = self.model.read(&self.hw, &chunk).unwrap();
            if super::is_hardware(&chunk, chunk.masks()) {
                assert_eq!(self.hw.read(chunk.at, chunk.width).unwrap(), value);
            }
            bytes.extend(&value.to_le_bytes()[..usize::from(chunk.width.bytes())]);
        }
        bytes
    }

    /// Reads a value.
    pub(crate) fn get(&self, at: u16, width: Width) -> u32 {
        let bytes = self.read(at, width.bytes().into());
        bytes
            .iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u32::from(byte))
    }

    /// Writes as a user does.
    pub(crate) fn write(&mut self, at: u16, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let chunk = self
                .layout
                .chunk(at + done as u16, bytes.len() - done)
                .unwrap();
            let len = usize::from(chunk.width.bytes());
            let mut value = [0; 4];
            value[..len].copy_from_slice(&bytes[done..done + len]);
            let value = u32::from_le_bytes(value);
            match Route::of(&chunk) {
                Route::Ignore => {}
                Route::Bits => {
                    let effect = self.model.write(&self.hw, &chunk, value).unwrap();
                    assert_eq!(effect, Effect::None, "nobody would hear of it");
                }
                Route::Plain => match self.model.write(&self.hw, &chunk, value).unwrap() {
                    Effect::None => {}
                    effect => self.effects.push(effect),
                },
                Route::Command => {
                    let recovered = self.model.write_command(&self.hw, &chunk, value).unwrap();
                    self.recoveries += usize::from(recovered);
                }
                Route::Msi => {
                    let state = self.msi;
                    self.model
                        .write_msi(&self.hw, &chunk, value, state)
                        .unwrap();
                }
            }
            done += len;
        }
    }

    /// Writes a value.
    pub(crate) fn set(&mut self, at: u16, width: Width, value: u32) {
        let bytes = value.to_le_bytes();
        self.write(at, &bytes[..usize::from(width.bytes())]);
    }

    /// Follows the standard list as a guest does: ids with offsets, at most 60 of them.
    pub(crate) fn caps(&self) -> Vec<(u8, u8)> {
        let mut caps = Vec::new();
        let mut at = self.get(CAPABILITY_LIST, Width::Byte) as u8 & 0xfc;
        while at != 0 && caps.len() < 60 {
            caps.push((self.get(at.into(), Width::Byte) as u8, at));
            at = self.get(u16::from(at) + 1, Width::Byte) as u8 & 0xfc;
        }
        caps
    }

    /// Follows the extended list as a guest does: ids with offsets, at most 1000 of them.
    pub(crate) fn ecaps(&self) -> Vec<(u16, u16)> {
        let mut caps = Vec::new();
        let mut at = CONVENTIONAL_SIZE;
        while at != 0 && caps.len() < 1000 {
            let header = self.get(at, Width::Dword);
            caps.push((header as u16, at));
            at = (header >> 20) as u16 & 0xffc;
        }
        caps
    }
}

/// A small generator, so that sweeps need no crate (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Returns the next number.
    pub(crate) fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as u32
    }

    /// Returns a number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    /// Returns a byte, often one of the extreme ones.
    pub(crate) fn byte(&mut self) -> u8 {
        let any = self.next() as u8;
        self.one(&[0, 0xff, any])
    }

    /// Returns one of `list`.
    pub(crate) fn one<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}
