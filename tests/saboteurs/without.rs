//! The cases without a saboteur, and the reason of each.

use std::fmt::Write as _;

use libtest_mimic::Failed;
use procpool_adapter::library::Library as _;
use procpool_adapter::saboteurs::Procpool;
use procpool_conformance::cases;

use crate::kills::link;

/// Each case without a saboteur, with the reason why it is not for procpool, if it is not.
fn without() -> Vec<(&'static str, Option<String>)> {
    let procpool = Procpool::good().describe().with_contained();
    let without = cases::all().into_iter().filter(|case| case.kills.is_empty());
    without.map(|case| (case.id, case.not_for(&procpool))).collect()
}

/// The section of the book's page.
pub(crate) fn section() -> String {
    let mut section =
        "\n## Cases without a saboteur\n\nA saboteur is procpool with a fault. No saboteur can \
                       fail a case that is not for procpool.\n\n| case | reason |\n| --- | --- |\n"
            .to_owned();
    for (case, reason) in without() {
        let _ = writeln!(section, "| {} | {} |", link(case), reason.unwrap_or_default());
    }
    section
}

/// Whether every case that is for procpool has a saboteur.
pub(crate) fn none_for_procpool() -> Result<(), Failed> {
    let missing: Vec<&str> = without()
        .into_iter()
        .filter(|(_, reason)| reason.is_none())
        .map(|(case, _)| case)
        .collect();
    match missing.as_slice() {
        [] => Ok(()),
        _ => Err(format!("they have no saboteur: {missing:?}").into()),
    }
}
