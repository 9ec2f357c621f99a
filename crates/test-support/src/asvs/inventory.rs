//! Which tests there are, by reading the sources: nothing is built for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::reading::Reading;

/// Every test of the repository, by its name.
pub(super) struct Inventory(BTreeMap<String, Test>);

/// A test.
pub(super) struct Test {
    /// As `cargo nextest list` names it: the target, and the path in it.
    pub(super) name: String,
    /// The file in which it stands, from the root of the repository.
    pub(super) path: String,
    /// Whether it is one of many that a macro makes, which have short names.
    of_a_macro: bool,
}

impl Test {
    /// The name as a sentence, without the ids of requirements at its end.
    pub(super) fn words(&self) -> String {
        let mut words: Vec<&str> = function(&self.name).split('_').collect();
        let is_id = |word: &str| {
            let (letter, number) = word.split_at(word.len().min(1));
            matches!(letter, "a" | "b" | "c" | "f" | "u") && number.parse::<u8>().is_ok()
        };
        while words.last().is_some_and(|word| is_id(word)) {
            words.pop();
        }
        let words = words.join(" ");
        if self.of_a_macro { format!("{}: {words}", target(&self.name)) } else { words }
    }
}

/// The function of a test's name.
fn function(name: &str) -> &str {
    name.rsplit("::").next().and_then(|last| last.rsplit(' ').next()).unwrap_or(name)
}

/// The last part of a test's target.
fn target(name: &str) -> &str {
    let target = name.split(' ').next().unwrap_or(name);
    target.rsplit("::").next().unwrap_or(target)
}

impl Inventory {
    /// The tests of every crate.
    pub(super) fn of(root: &Path) -> Result<Self, String> {
        let mut inventory = Self(BTreeMap::new());
        for folder in ["crates", "apps"] {
            for package in entries(&root.join(folder))? {
                for (target, file) in targets(&package)? {
                    let folder = file.parent().unwrap_or(&package).to_owned();
                    Reading { root, target: &target, inventory: &mut inventory }.file(&file, &folder, "")?;
                }
            }
        }
        Ok(inventory)
    }

    /// The test of that name.
    pub(super) fn find(&self, name: &str) -> Result<&Test, String> {
        self.0.get(name).ok_or_else(|| {
            let alike = self.0.keys().filter(|known| function(known) == function(name));
            let alike: Vec<&str> = alike.map(String::as_str).collect();
            let but = if alike.is_empty() { String::new() } else { format!(", but {}", alike.join(", ")) };
            format!("{name}: there is no such test{but}")
        })
    }

    /// Notes a test.
    pub(super) fn add(&mut self, name: String, path: String, of_a_macro: bool) -> Result<(), String> {
        let test = Test { name: name.clone(), path, of_a_macro };
        match self.0.insert(name, test) {
            None => Ok(()),
            Some(other) => Err(format!("{} stands twice in {}", other.name, other.path)),
        }
    }

    /// These and no others.
    #[cfg(test)]
    pub(super) fn with(names: &[&str]) -> Self {
        let mut inventory = Self(BTreeMap::new());
        for name in names {
            inventory.add((*name).to_owned(), "x.rs".to_owned(), false).unwrap();
        }
        inventory
    }
}

/// The targets of a crate as nextest names them, with the file in which each begins.
fn targets(package: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let name = stem(package);
    let mut all = vec![
        (name.clone(), package.join("src/lib.rs")),
        (format!("{name}::bin/{name}"), package.join("src/main.rs")),
    ];
    for (folder, kind) in [("src/bin", "bin/"), ("tests", "")] {
        let folder = package.join(folder);
        for entry in if folder.is_dir() { entries(&folder)? } else { Vec::new() } {
            let root = if entry.is_dir() { entry.join("main.rs") } else { entry.clone() };
            all.push((format!("{name}::{kind}{}", stem(&entry)), root));
        }
    }
    all.retain(|(_, root)| root.is_file() && root.extension().is_some_and(|extension| extension == "rs"));
    Ok(all)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let say = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(say)?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(say)?;
    paths.sort();
    Ok(paths)
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripts;

    #[test]
    fn tests_of_every_kind_are_found_where_they_stand() {
        let inventory = Inventory::of(&scripts::root()).unwrap();
        for (name, path, words) in [
            (
                "web::it limits::a_right_password_does_not_count",
                "apps/web/tests/it/limits.rs",
                "a right password does not count",
            ),
            (
                "web::it cleanup::load::a_thousand_sessions_under_load_survive_every_step_of_the_clean_up_a13",
                "apps/web/tests/it/cleanup/load.rs",
                "a thousand sessions under load survive every step of the clean up",
            ),
            (
                "admin-panel::bin/admin-panel routes::users::act::kind::tests::every_act_has_its_texts_in_both_languages",
                "apps/admin-panel/src/routes/users/act/kind.rs",
                "every act has its texts in both languages",
            ),
            (
                "session-management login::telegram::tests::a_payload_of_the_reference_is_accepted_b4",
                "crates/session-management/src/login/telegram/tests.rs",
                "a payload of the reference is accepted",
            ),
            (
                "session-management::bin/sessionctl backup::tests::a_table_that_differs_is_named_a13",
                "crates/session-management/src/bin/sessionctl/backup.rs",
                "a table that differs is named",
            ),
            (
                "session-management::guards lease_c4",
                "crates/session-management/tests/guards/main.rs",
                "guards: lease",
            ),
            (
                "session-management::guards in_the_database::revocation_is_final_f1",
                "crates/session-management/tests/guards/main.rs",
                "revocation is final",
            ),
            (
                "session-management::faults races::clean_up_a13",
                "crates/session-management/tests/faults/races.rs",
                "faults: clean up",
            ),
            (
                "session-management::revocation_model with_all_guards::legacy_f1_f2",
                "crates/session-management/tests/revocation_model/main.rs",
                "revocation_model: legacy",
            ),
        ] {
            let test = inventory.find(name).unwrap_or_else(|fault| panic!("{fault}"));
            assert_eq!((test.path.as_str(), test.words().as_str()), (path, words));
        }
        assert!(inventory.0.len() > 800, "{}", inventory.0.len());
    }
}
