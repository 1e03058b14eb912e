//! All results in a folder: `results.json`, `table.md` and a drawing for every chart.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{plot, table};
use crate::Outcome;
use crate::machine::Machine;
use crate::row::Row;

/// What a run came to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    /// What the run left out of a full one, as its command line said; empty if nothing.
    #[serde(default)]
    pub(crate) partial: String,
    pub(crate) rows: Vec<Row>,
}

impl Results {
    /// Writes the files into `folder`, which is made if it is not there.
    pub(crate) fn write(&self, folder: &Path) -> Outcome {
        fs::create_dir_all(folder)?;
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        fs::write(folder.join("results.json"), json)?;
        fs::write(folder.join("table.md"), table::page(self))?;
        for chart in self.rows.iter().flat_map(|row| &row.charts) {
            fs::write(folder.join(format!("{}.svg", chart.name)), plot::draw(chart))?;
        }
        Ok(())
    }
}
