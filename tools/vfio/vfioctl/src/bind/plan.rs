// SPDX-License-Identifier: GPL-2.0-only

//! What is going to happen to the devices of groups, before it does.

use super::uses::{
    self,
    Use, //
};
use crate::{
    failure::Failure,
    machine::{
        Device,
        Holders,
        Machine, //
    },
    roots::Roots,
    wanted::Wanted, //
};
use std::fmt;

/// The driver that devices get unless another is named.
const DEFAULT: &str = "vfio-pci";

/// Where devices go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction<'a> {
    /// To a VFIO driver: this one, or any.
    ToVfio(Option<&'a str>),
    /// To whatever driver of the host takes them.
    ToHost,
}

/// What is going to happen, by groups.
#[derive(Debug)]
pub(super) struct Plan {
    target: Option<String>,
    groups: Vec<GroupPlan>,
}

#[derive(Debug)]
struct GroupPlan {
    number: u32,
    /// Other groups that must be bound too before it can be handed out.
    others: Vec<u32>,
    steps: Vec<Step>,
}

/// What is going to happen to a device.
#[derive(Debug)]
struct Step {
    device: String,
    driver: Option<String>,
    moves: bool,
    /// What the host does with it now.
    uses: Vec<Use>,
}

impl Plan {
    /// Returns what is going to happen to the groups that were named.
    ///
    /// # Errors
    ///
    /// If one is not there, has only bridges, or a device that is not PCI.
    pub(super) fn make(
        roots: &Roots,
        machine: &Machine,
        holders: &Holders,
        wanted: &[Wanted],
        direction: Direction<'_>,
    ) -> Result<Self, Failure> {
        let mut groups = Vec::new();
        for group in machine.choose(wanted)? {
            let mut steps = Vec::new();
            for device in machine.members(group.number) {
                if !device.is_bridge() {
                    steps.push(Step::make(roots, machine, holders, device, direction)?);
                }
            }
            if steps.is_empty() {
                return Err(Failure::new(format!(
                    "group {} has only bridges, which stay with the host",
                    group.number
                )));
            }
            groups.push(GroupPlan {
                number: group.number,
                others: machine.unit(group.number).split_off(1),
                steps,
            });
        }
        let target = match direction {
            Direction::ToVfio(driver) => Some(driver.unwrap_or(DEFAULT).to_owned()),
            Direction::ToHost => None,
        };
        Ok(Self { target, groups })
    }

    /// Returns the devices that get another driver, and which; [`None`] for one of the host.
    pub(super) fn moves(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.steps()
            .filter(|step| step.moves)
            .map(|step| (step.device.as_str(), self.target.as_deref()))
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = u32> + '_ {
        self.groups.iter().map(|group| group.number)
    }

    /// # Errors
    ///
    /// If the host or a program needs a device that is to be moved.
    pub(super) fn refuse_harm(&self) -> Result<(), Failure> {
        let needs = self.steps().filter(|step| step.moves).find_map(|step| {
            let need = step.uses.iter().find(|used| used.is_needed())?;
            Some((step, need))
        });
        match needs {
            None => Ok(()),
            Some((step, need)) => Err(Failure::new(format!(
                "{} is needed: {need}; nothing was done (--force goes ahead)",
                step.device
            ))),
        }
    }

    /// Returns what the person at the terminal is asked.
    pub(super) fn question(&self) -> String {
        let devices = match self.moves().count() {
            1 => "1 device".to_owned(),
            count => format!("{count} devices"),
        };
        match &self.target {
            Some(driver) => format!("Give {devices} to {driver}?"),
            None => format!("Give {devices} back to the host?"),
        }
    }

    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.groups.iter().flat_map(|group| &group.steps)
    }
}

impl Step {
    fn make(
        roots: &Roots,
        machine: &Machine,
        holders: &Holders,
        device: &Device,
        direction: Direction<'_>,
    ) -> Result<Self, Failure> {
        if device.function.is_none() {
            return Err(Failure::new(format!(
                "{} is no PCI device, and no other is bound here",
                device.name
            )));
        }
        let moves = match direction {
            Direction::ToVfio(None) => device.vfio.is_none(),
            Direction::ToVfio(Some(driver)) => device.driver.as_deref() != Some(driver),
            Direction::ToHost => device.vfio.is_some(),
        };
        Ok(Self {
            device: device.name.clone(),
            driver: device.driver.clone(),
            moves,
            uses: match moves {
                true => uses::of(roots, machine, holders, device),
                false => Vec::new(),
            },
        })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target.as_deref().unwrap_or("the host");
        for group in &self.groups {
            writeln!(f, "group {}:", group.number)?;
            for step in &group.steps {
                match (&step.driver, step.moves) {
                    (Some(driver), false) => {
                        writeln!(f, "    {} stays with {driver}", step.device)?
                    }
                    (None, false) => writeln!(f, "    {} stays without a driver", step.device)?,
                    (Some(driver), true) => {
                        writeln!(f, "    {} goes from {driver} to {target}", step.device)?;
                    }
                    (None, true) => writeln!(f, "    {} goes to {target}", step.device)?,
                }
                for used in &step.uses {
                    writeln!(f, "        {used}")?;
                }
            }
            if !group.others.is_empty() && self.target.is_some() {
                let others: Vec<String> = group.others.iter().map(u32::to_string).collect();
                writeln!(f, "    is handed out with: {}", others.join(" "))?;
            }
        }
        Ok(())
    }
}
