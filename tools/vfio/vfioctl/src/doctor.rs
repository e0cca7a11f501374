// SPDX-License-Identifier: GPL-2.0-only

//! `vfioctl doctor`: whether this machine can hand devices out, and what to do if it cannot.

mod host;
mod iommu;
mod limits;
mod modules;

#[cfg(test)]
mod tests;

use crate::{
    failure::Failure,
    machine::Machine,
    output::{
        json,
        print,
        Verdict, //
    },
    roots::Roots, //
};
use serde::Serialize;
use std::fmt::Write;
use vfio_user::Limit;

/// What the command line says.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// How something that was looked at is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warn,
    Fail,
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    /// What was looked at, in one word.
    check: &'static str,
    status: Status,
    /// How it is, as a sentence.
    text: String,
    /// What to do.
    advice: Option<String>,
}

/// All of it, for programs.
#[derive(Serialize)]
struct Report {
    /// The worst.
    status: Status,
    findings: Vec<Finding>,
}

/// Prints what was found.
///
/// # Errors
///
/// If sysfs makes no sense.
pub(crate) fn run(roots: &Roots, arguments: &Arguments) -> Result<Verdict, Failure> {
    let limit = vfio_user::locked_memory().map_err(|e| Failure::of("RLIMIT_MEMLOCK", e))?;
    let findings = look(roots, limit)?;
    let worst = findings.iter().map(|finding| finding.status).max();
    let status = worst.unwrap_or(Status::Ok);
    match arguments.json {
        true => print(&json(&Report { status, findings })?),
        false => print(&text(&findings)),
    }
    Ok(match status {
        Status::Ok => Verdict::Fine,
        Status::Warn => Verdict::Warnings,
        Status::Fail => Verdict::Wrong,
    })
}

fn look(roots: &Roots, limit: Limit) -> Result<Vec<Finding>, Failure> {
    let machine = Machine::read(roots)?;
    let mut findings = vec![
        iommu::on(roots, &machine),
        iommu::interrupts(roots),
        modules::loaded(&machine),
        modules::driver(roots),
    ];
    findings.extend(modules::node(roots, &machine));
    findings.extend(modules::without_iommu(roots));
    findings.extend(iommu::shared(&machine));
    findings.push(limits::memory(roots, limit));
    findings.extend(limits::mappings(roots));
    findings.extend(host::pass_through(roots));
    findings.push(host::lockdown(roots));
    Ok(findings)
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self {
            check,
            status: Status::Ok,
            text: text.into(),
            advice: None,
        }
    }

    fn warn(check: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            status: Status::Warn,
            advice: Some(advice.into()),
            ..Self::ok(check, text)
        }
    }

    fn fail(check: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            status: Status::Fail,
            ..Self::warn(check, text, advice)
        }
    }
}

/// Returns a line for each finding, and one for what to do.
fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let word = match finding.status {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Fail => "FAIL",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{word:4}  {:10}  {}", finding.check, finding.text);
        if let Some(advice) = &finding.advice {
            let _ = writeln!(text, "{:18}=> {advice}", "");
        }
    }
    text
}
