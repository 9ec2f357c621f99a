//! The table of the OWASP ASVS in `docs/security.md`: what is asked, how it is met here, and the tests that show it.
//!
//! `docs/asvs.toml` has a row for each requirement, and its proofs are names of tests as nextest prints them. A row that is
//! missing, a test that is none (any more) and a link that leads nowhere are faults, and a test of this crate fails for them.

mod inventory;
mod links;
mod reading;
mod row;
mod standard;
mod table;

use std::path::Path;

use crate::scripts;
use inventory::Inventory;
use row::Rows;

const SOURCE: &str = "docs/asvs.toml";
const DOCUMENT: &str = "docs/security.md";
const BEGIN: &str = "<!-- begin: written by scripts/generate from docs/asvs.toml -->\n";
const END: &str = "<!-- end -->\n";

/// Writes the table into `docs/security.md`, or nothing where there is a fault.
///
/// # Errors
/// Every fault, one a line.
pub fn write_asvs() -> Result<(), String> {
    let written = document()?;
    std::fs::write(scripts::root().join(DOCUMENT), written).map_err(|error| format!("{DOCUMENT}: {error}"))
}

/// The document as it must be.
fn document() -> Result<String, String> {
    let root = scripts::root();
    let rows = Rows::parse(&read(&root, SOURCE)?).map_err(|error| format!("{SOURCE}: {error}"))?;
    let inventory = Inventory::of(&root)?;
    let mut faults = rows.faults(&inventory);
    faults.extend(links::faults(&root.join("docs"), &rows));
    if !faults.is_empty() {
        return Err(faults.join("\n"));
    }
    between_markers(&read(&root, DOCUMENT)?, &table::written(&rows, &inventory))
}

fn between_markers(text: &str, table: &str) -> Result<String, String> {
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("{DOCUMENT} has no place for the table: {BEGIN}"))?;
    Ok(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

fn read(root: &Path, path: &str) -> Result<String, String> {
    std::fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_has_its_row_every_proof_is_a_test_and_the_table_is_checked_in() {
        let written = document().unwrap_or_else(|faults| panic!("{faults}"));
        let checked_in = read(&scripts::root(), DOCUMENT).unwrap();
        assert!(written == checked_in, "run scripts/generate and commit {DOCUMENT}");
    }

    #[test]
    fn only_what_is_between_the_markers_is_written() {
        let text = format!("before\n{BEGIN}old{END}after\n");
        assert_eq!(between_markers(&text, "new").unwrap(), format!("before\n{BEGIN}\nnew\n{END}after\n"));
        assert!(between_markers("before\nafter\n", "new").is_err());
        assert!(between_markers(&format!("{END}{BEGIN}"), "new").is_err());
    }
}
