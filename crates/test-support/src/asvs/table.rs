//! The table, in Markdown.

use super::inventory::{Inventory, Test};
use super::row::{Row, Rows, State};
use super::standard::{CHAPTERS, Chapter, Requirement, requirements};

/// A summary, and a table for each section.
pub(super) fn written(rows: &Rows, inventory: &Inventory) -> String {
    let mut text = summary(rows) + &open(rows);
    for chapter in CHAPTERS {
        text += &format!("\n### V{} {}\n", chapter.number, chapter.title);
        for (section, heading, requirements) in chapter.sections() {
            text += &format!("\n#### {section} {heading}\n\n");
            text += "| id | level | asks for | here | shown by |\n|---|---|---|---|---|\n";
            for requirement in requirements {
                if let Some(row) = rows.get(&requirement.id) {
                    text += &line(&requirement, row, inventory);
                }
            }
        }
    }
    text
}

fn summary(rows: &Rows) -> String {
    let mut text = "| chapter | requirements |".to_owned();
    State::ALL.iter().for_each(|state| text += &format!(" {} |", state.words()));
    text += " tests |\n|---|---|---|---|---|---|---|\n";
    for chapter in CHAPTERS {
        let rows = of_chapter(chapter, rows);
        let count = |state| rows.iter().filter(|row| row.state().is_some_and(|(is, _)| is == state)).count();
        let mut tests: Vec<&str> = rows.iter().flat_map(|row| &row.proofs).map(String::as_str).collect();
        tests.sort_unstable();
        tests.dedup();
        text += &format!("| V{} {} | {} |", chapter.number, chapter.title, rows.len());
        State::ALL.iter().for_each(|state| text += &format!(" {} |", count(*state)));
        text += &format!(" {} |\n", tests.len());
    }
    text
}

/// What is not met, or not wholly, by level.
fn open(rows: &Rows) -> String {
    let mut text = "\n| level | partly | not met |\n|---|---|---|\n".to_owned();
    for level in ['1', '2', '3'] {
        let of_level: Vec<_> = requirements().filter(|requirement| requirement.level == level).collect();
        let ids = |wanted| {
            let is_so = |requirement: &&Requirement| {
                let state = rows.get(&requirement.id).and_then(Row::state);
                state.is_some_and(|(state, _)| state == wanted)
            };
            let ids = of_level.iter().filter(is_so).map(|requirement| requirement.id.as_str());
            ids.collect::<Vec<_>>().join(", ")
        };
        text += &format!("| {level} | {} | {} |\n", ids(State::Partly), ids(State::NotMet));
    }
    text
}

fn of_chapter<'a>(chapter: &Chapter, rows: &'a Rows) -> Vec<&'a Row> {
    let all = chapter.sections().flat_map(|(_, _, requirements)| requirements);
    all.filter_map(|requirement| rows.get(&requirement.id)).collect()
}

fn line(requirement: &Requirement, row: &Row, inventory: &Inventory) -> String {
    let Requirement { id, level } = requirement;
    let (state, how) = row.state().map_or(("", ""), |(state, how)| (state.words(), how));
    let found = row.proofs.iter().filter_map(|proof| inventory.find(proof).ok());
    let mut shown: Vec<String> = found.map(link).collect();
    shown.extend(row.untested.as_ref().map(|why| format!("no test: {why}")));
    let cells = [cell(&row.wants), format!("**{state}**: {}", cell(how)), shown.join("<br>")];
    format!("| {id} | {level} | {} |\n", cells.join(" | "))
}

/// A test by its name in words, which a table can break; the name itself is the link's title.
fn link(test: &Test) -> String {
    format!("[{}](../{} \"{}\")", test.words(), test.path, test.name)
}

fn cell(text: &str) -> String {
    text.trim().replace('\n', " ").replace('|', "\\|")
}
