// SPDX-License-Identifier: GPL-2.0-only

//! `vfioctl watch`: what changes, as it does.
//!
//! The kernel sends a message when a device comes, goes, is bound or unbound. It sends none when a group is
//! opened, so all is also read again from time to time, and what differs is told.

mod change;
mod tracker;

use crate::{
    failure::Failure,
    machine::{
        Holders,
        Machine, //
    },
    output::json_line,
    roots::{
        self,
        Roots, //
    }, //
};
use change::Change;
use std::{
    collections::VecDeque,
    io::Write,
    time::{
        Duration,
        Instant,
        SystemTime,
        UNIX_EPOCH, //
    }, //
};
use tracker::Tracker;
use vfio_user::{
    Received,
    Uevent,
    Uevents, //
};

/// What the command line says.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// End after so many lines
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// End after so many seconds
    #[arg(long, value_name = "S")]
    timeout: Option<u32>,

    /// Look who has groups open every so many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(10..))]
    interval: u32,

    /// Print a JSON object a line instead of text
    #[arg(long)]
    json: bool,
}

/// Prints changes until there were enough of them.
///
/// # Errors
///
/// If the kernel's messages cannot be had, or sysfs makes no sense.
pub(crate) fn run(roots: &Roots, arguments: &Arguments) -> Result<(), Failure> {
    let mut watch = Watch::begin(roots)?;
    let end = arguments
        .timeout
        .map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));
    let mut left = arguments.count.unwrap_or(u64::MAX);
    eprintln!("vfioctl: watching; Ctrl-C ends it");
    loop {
        let mut wait = Duration::from_millis(arguments.interval.into());
        if let Some(end) = end {
            let Some(rest) = end.checked_duration_since(Instant::now()) else {
                return Ok(());
            };
            wait = wait.min(rest);
        }
        for change in watch.changes(wait)? {
            let line = line(&change, arguments.json)?;
            // Without a reader there is nothing to do any more.
            if std::io::stdout().write_all(line.as_bytes()).is_err() {
                return Ok(());
            }
            left -= 1;
            if left == 0 {
                return Ok(());
            }
        }
    }
}

/// Returns a change as it is printed.
fn line(change: &Change, json: bool) -> Result<String, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    if json {
        return json_line(&change.report(now.as_secs_f64()));
    }
    let second = now.as_secs() % 86400;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Ok(format!("{hour:02}:{minute:02}:{second:02} {change}\n"))
}

/// The messages, and what is known.
struct Watch<'a> {
    roots: &'a Roots,
    events: Uevents,
    tracker: Tracker,
    /// Messages that are about what was not read yet.
    queue: VecDeque<Uevent>,
}

impl<'a> Watch<'a> {
    fn begin(roots: &'a Roots) -> Result<Self, Failure> {
        // First listen, then look: so nothing is missed between.
        let events = Uevents::open().map_err(|e| Failure::of("the kernel's messages", e))?;
        let machine = Machine::read(roots)?;
        let holders = Holders::read(roots, &machine);
        Ok(Self {
            roots,
            events,
            tracker: Tracker::new(&machine, &holders),
            queue: VecDeque::new(),
        })
    }

    /// Waits for a message, not longer than that, and returns what has changed.
    fn changes(&mut self, wait: Duration) -> Result<Vec<Change>, Failure> {
        let wait = if self.queue.is_empty() {
            wait
        } else {
            Duration::ZERO
        };
        self.receive(wait)?;
        // Messages up to this number are about what is read now; so they are told first, and later
        // ones with what is read next.
        let number = roots::text(&self.roots.sys.join("kernel/uevent_seqnum"));
        let number: u64 = number
            .ok()
            .and_then(|number| number.parse().ok())
            .unwrap_or(u64::MAX);
        let machine = Machine::read(self.roots)?;
        let holders = Holders::read(self.roots, &machine);
        self.receive(Duration::ZERO)?;
        let mut changes = Vec::new();
        while let Some(event) = self.queue.front() {
            let later = event
                .get("SEQNUM")
                .and_then(|own| own.parse::<u64>().ok())
                .is_some_and(|own| own > number);
            if later {
                break;
            }
            changes.extend(self.tracker.told(event));
            self.queue.pop_front();
        }
        changes.extend(self.tracker.read(&machine, &holders));
        Ok(changes)
    }

    /// Takes all messages that are there, waiting for the first.
    fn receive(&mut self, wait: Duration) -> Result<(), Failure> {
        let mut wait = wait;
        let failure = |e| Failure::of("the kernel's messages", e);
        while let Some(received) = self.events.next(wait).map_err(failure)? {
            match received {
                Received::Event(event) => self.queue.push_back(event),
                // What they were about is seen when all is read.
                Received::Lost => {}
            }
            wait = Duration::ZERO;
        }
        Ok(())
    }
}
