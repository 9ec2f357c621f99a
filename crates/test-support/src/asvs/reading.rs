//! The reading of a target's sources for its tests.
//!
//! Modules are followed from the target's root, as the compiler does. Lines are read as rustfmt writes them, which
//! `scripts/check` sees to: what is opened at an indentation ends with a brace at the same one.

use std::path::Path;

use super::inventory::Inventory;

/// The reading of one target.
pub(super) struct Reading<'a> {
    /// The root of the repository.
    pub(super) root: &'a Path,
    /// The target's name.
    pub(super) target: &'a str,
    /// Where its tests go.
    pub(super) inventory: &'a mut Inventory,
}

/// What a line stands in, from the indentation at which it was opened.
enum Around {
    Module(String),
    /// The definition of a macro.
    Definition(String),
    /// A call of a macro that makes tests: each line of it that begins with a name is one.
    Call,
}

impl Reading<'_> {
    /// Reads a file and what its modules are in; these stand in `folder`.
    pub(super) fn file(&mut self, path: &Path, folder: &Path, module: &str) -> Result<(), String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let shown = path.strip_prefix(self.root).unwrap_or(path).to_string_lossy().into_owned();
        let mut around: Vec<(usize, Around)> = Vec::new();
        let (mut macros, mut is_test) = (Vec::new(), false);
        for line in text.lines() {
            let code = line.trim_start();
            let indent = line.len() - code.len();
            if around.last().is_some_and(|(opened, _)| *opened == indent && code == "}") {
                around.pop();
            }
            match around.last() {
                Some((_, Around::Definition(name))) => {
                    if code.contains("#[test] fn $") {
                        macros.push(name.clone());
                    }
                    continue;
                }
                Some((opened, Around::Call)) => {
                    if let Some(name) = word(code).filter(|_| indent == opened + 4) {
                        self.add(module, &around, name, &shown, true)?;
                    }
                    continue;
                }
                Some((_, Around::Module(_))) | None => {}
            }
            if code.starts_with("#[") {
                let attribute = code.trim_start_matches("#[").split([']', '(']).next().unwrap_or_default();
                is_test = (is_test || attribute == "test" || attribute.ends_with("::test"))
                    && attribute != "ignore";
            } else if let Some(name) = after(code, "fn").and_then(word) {
                if std::mem::take(&mut is_test) {
                    self.add(module, &around, name, &shown, false)?;
                }
            } else if let Some(name) = after(code, "mod").and_then(word) {
                if code.ends_with('{') {
                    around.push((indent, Around::Module(name.to_owned())));
                } else if code.ends_with(';') {
                    let [file, below] = [folder.join(format!("{name}.rs")), folder.join(name)];
                    let file = if file.is_file() { file } else { below.join("mod.rs") };
                    self.file(&file, &below, &inner(module, &around, name))?;
                }
            } else if let Some(name) = code.strip_prefix("macro_rules! ").and_then(word) {
                around.push((indent, Around::Definition(name.to_owned())));
            } else if code.strip_suffix("! {").is_some_and(|name| macros.iter().any(|known| known == name)) {
                around.push((indent, Around::Call));
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        module: &str,
        around: &[(usize, Around)],
        function: &str,
        path: &str,
        of_a_macro: bool,
    ) -> Result<(), String> {
        let name = format!("{} {}", self.target, inner(module, around, function));
        self.inventory.add(name, path.to_owned(), of_a_macro)
    }
}

/// The path of a name in these modules.
fn inner(module: &str, around: &[(usize, Around)], name: &str) -> String {
    let modules = around.iter().filter_map(|(_, around)| match around {
        Around::Module(name) => Some(name.as_str()),
        _ => None,
    });
    let outer = (!module.is_empty()).then_some(module);
    outer.into_iter().chain(modules).chain([name]).collect::<Vec<_>>().join("::")
}

/// What follows a keyword, whatever `pub` and `async` stand before it.
fn after<'a>(code: &'a str, keyword: &str) -> Option<&'a str> {
    let mut rest = code;
    for before in ["pub(crate) ", "pub(super) ", "pub ", "async "] {
        rest = rest.strip_prefix(before).unwrap_or(rest);
    }
    rest.strip_prefix(keyword)?.strip_prefix(' ')
}

/// The name in small letters with which a text begins.
fn word(text: &str) -> Option<&str> {
    let is_part = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    let end = text.find(|char| !is_part(char)).unwrap_or(text.len());
    (end > 0).then_some(&text[..end])
}
