//! A row: how one requirement is met, and by which tests that is shown.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::inventory::Inventory;
use super::standard::requirements;

/// Every row, by the id of its requirement.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Rows(BTreeMap<String, Row>);

/// What is said of a requirement. Exactly one of `met`, `partly`, `not_met` and `does_not_apply` says how it stands.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Row {
    /// What the requirement asks for, in our words.
    pub(super) wants: String,
    met: Option<String>,
    partly: Option<String>,
    not_met: Option<String>,
    does_not_apply: Option<String>,
    /// The tests that show it, as `cargo nextest list` names them.
    pub(super) proofs: Vec<String>,
    /// Why no test shows it.
    pub(super) untested: Option<String>,
}

/// How a requirement stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Met,
    Partly,
    NotMet,
    DoesNotApply,
}

impl State {
    pub(super) const ALL: [Self; 4] = [Self::Met, Self::Partly, Self::NotMet, Self::DoesNotApply];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Partly => "partly",
            Self::NotMet => "not met",
            Self::DoesNotApply => "does not apply",
        }
    }
}

impl Row {
    /// How the requirement stands, and why.
    pub(super) fn state(&self) -> Option<(State, &str)> {
        let mut states = self.states();
        let first = states.next()?;
        states.next().is_none().then_some(first)
    }

    fn states(&self) -> impl Iterator<Item = (State, &str)> {
        let texts = [&self.met, &self.partly, &self.not_met, &self.does_not_apply];
        State::ALL.into_iter().zip(texts).filter_map(|(state, text)| Some((state, text.as_deref()?)))
    }

    fn faults(&self, inventory: &Inventory) -> Vec<String> {
        let mut faults = Vec::new();
        if self.wants.is_empty() {
            faults.push("wants is missing".to_owned());
        }
        match self.state() {
            None => faults.push("one of met, partly, not_met, does_not_apply, and no other".to_owned()),
            Some((_, "")) => faults.push("it is not said how or why".to_owned()),
            Some((State::Met | State::Partly, _)) if self.proofs.is_empty() && self.untested.is_none() => {
                faults.push("neither proofs nor untested".to_owned());
            }
            Some(_) => {}
        }
        if !self.proofs.is_empty() && self.untested.is_some() {
            faults.push("both proofs and untested".to_owned());
        }
        for (number, proof) in self.proofs.iter().enumerate() {
            if self.proofs[..number].contains(proof) {
                faults.push(format!("{proof} twice"));
            }
            faults.extend(inventory.find(proof).err());
        }
        faults
    }
}

impl Rows {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    pub(super) fn get(&self, id: &str) -> Option<&Row> {
        self.0.get(id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.0.iter().map(|(id, row)| (id.as_str(), row))
    }

    /// What is wrong with them.
    pub(super) fn faults(&self, inventory: &Inventory) -> Vec<String> {
        let missing = requirements().filter(|known| !self.0.contains_key(&known.id));
        let missing = missing.map(|known| format!("{}: no row", known.id));
        let unknown = self.0.keys().filter(|id| !requirements().any(|known| known.id == **id));
        let unknown = unknown.map(|id| format!("{id}: no requirement of these chapters"));
        let wrong = self.all().flat_map(|(id, row)| {
            row.faults(inventory).into_iter().map(move |fault| format!("{id}: {fault}"))
        });
        missing.chain(unknown).chain(wrong).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(row: &str) -> Vec<String> {
        let inventory = Inventory::with(&["a::it one::first", "a::it two::first", "a second"]);
        let rows = Rows::parse(&format!("[\"6.2.1\"]\n{row}")).unwrap_or_else(|error| panic!("{error}"));
        let faults = rows.faults(&inventory).into_iter();
        faults.filter_map(|fault| Some(fault.strip_prefix("6.2.1: ")?.to_owned())).collect()
    }

    #[test]
    fn a_row_says_how_it_stands_and_names_tests_that_there_are() {
        assert_eq!(faults("wants = 'x'\nmet = 'y'\nproofs = ['a::it one::first', 'a second']"), [""; 0]);
        assert_eq!(faults("wants = 'x'\nmet = 'y'\nuntested = 'z'"), [""; 0]);
        assert_eq!(faults("wants = 'x'\nnot_met = 'y'"), [""; 0]);
        for (row, fault) in [
            ("met = 'y'\nuntested = 'z'", "wants is missing"),
            ("wants = 'x'\nmet = 'y'", "neither proofs nor untested"),
            ("wants = 'x'\npartly = ''\nuntested = 'z'", "it is not said how or why"),
            ("wants = 'x'\nmet = 'y'\nuntested = 'z'\nproofs = ['a second']", "both proofs and untested"),
            ("wants = 'x'", "one of met, partly, not_met, does_not_apply, and no other"),
            (
                "wants = 'x'\nmet = 'y'\nnot_met = 'y'",
                "one of met, partly, not_met, does_not_apply, and no other",
            ),
            ("wants = 'x'\nmet = 'y'\nproofs = ['a second', 'a second']", "a second twice"),
            ("wants = 'x'\nmet = 'y'\nproofs = ['a third']", "a third: there is no such test"),
            (
                "wants = 'x'\nmet = 'y'\nproofs = ['a::it moved::first']",
                "a::it moved::first: there is no such test, but a::it one::first, a::it two::first",
            ),
        ] {
            assert_eq!(faults(row), [fault], "{row}");
        }
    }

    #[test]
    fn a_requirement_without_a_row_and_a_row_without_a_requirement_are_told() {
        let rows =
            Rows::parse("['6.2.13']\nwants = 'x'\nnot_met = 'y'").unwrap_or_else(|error| panic!("{error}"));
        let faults = rows.faults(&Inventory::with(&[]));
        assert_eq!(faults.len(), requirements().count() + 1);
        assert_eq!(faults.first().unwrap(), "3.1.1: no row");
        assert_eq!(faults.last().unwrap(), "6.2.13: no requirement of these chapters");
        assert!(Rows::parse("['6.2.1']\nwant = 'x'").is_err());
        assert!(Rows::parse("['6.2.1']\nwants = 'x'\n['6.2.1']\nwants = 'x'").is_err());
    }
}
