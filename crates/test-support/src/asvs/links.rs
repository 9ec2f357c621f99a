//! Whether the documents that rows point to are there, and their sections.

use std::path::Path;

use super::row::Rows;

/// The links of all rows, as seen from a folder, that lead nowhere.
pub(super) fn faults(folder: &Path, rows: &Rows) -> Vec<String> {
    let mut faults = Vec::new();
    for (id, row) in rows.all() {
        let texts = row.state().map(|(_, text)| text).into_iter().chain(row.untested.as_deref());
        for link in texts.flat_map(links) {
            if !is_there(folder, link) {
                faults.push(format!("{id}: {link} leads nowhere"));
            }
        }
    }
    faults
}

/// Where the links of a text lead, those to other machines left out.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.filter(|target| !target.contains("://"))
}

fn is_there(folder: &Path, link: &str) -> bool {
    let (path, section) = link.split_once('#').unwrap_or((link, ""));
    let path = if path.is_empty() { "security.md" } else { path };
    let Ok(text) = std::fs::read_to_string(folder.join(path)) else { return false };
    section.is_empty() || text.lines().any(|line| anchor(line).as_deref() == Some(section))
}

/// The name that a heading has in an address.
fn anchor(line: &str) -> Option<String> {
    let heading = line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))?;
    let kept = heading.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
    Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripts;

    #[test]
    fn a_document_or_a_section_that_is_not_there_is_told() {
        let text = "see [a](operations.md#staff), [b](https://example.com/#no) and [c](#what-is-not)";
        assert_eq!(links(text).collect::<Vec<_>>(), ["operations.md#staff", "#what-is-not"]);
        let docs = scripts::root().join("docs");
        for link in links(text) {
            assert!(is_there(&docs, link), "{link}");
        }
        for link in ["operations.md#stuff", "nowhere.md", "#nowhere", "../ARCHITECTURE.md#a-lookup"] {
            assert!(!is_there(&docs, link), "{link}");
        }
        assert_eq!(anchor("## A look-up, twice").as_deref(), Some("a-look-up-twice"));
        assert_eq!(anchor("no heading"), None);
    }
}
