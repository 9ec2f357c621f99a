//! A document whose commands are run by a test, or whose configurations are, so that they are what works.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use url::Url;

use crate::command::bare_command;
use crate::{lint, scripts};

/// A block of commands in a document, or of something else that is no prose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The section (`## `) in which it stands.
    pub section: String,
    /// The line on which it begins.
    pub line: usize,
    /// The commands.
    pub commands: String,
}

/// Every block that is marked `sh`, of a document of this repository, in order.
#[must_use]
pub fn shell_blocks(document: &str) -> Vec<Block> {
    blocks(document, "sh")
}

/// Every block with this mark, of a document of this repository, in order.
#[must_use]
pub fn blocks(document: &str, mark: &str) -> Vec<Block> {
    let begin = format!("```{mark}");
    let path = scripts::root().join(document);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (mut section, mut blocks, mut open) = (String::new(), Vec::new(), None::<Block>);
    for (number, line) in text.lines().enumerate() {
        match &mut open {
            Some(_) if line.trim() == "```" => blocks.extend(open.take()),
            Some(block) => block.commands += &format!("{line}\n"),
            None => {
                if let Some(name) = line.strip_prefix("## ") {
                    name.clone_into(&mut section);
                }
                if line.trim() == begin {
                    open =
                        Some(Block { section: section.clone(), line: number + 2, commands: String::new() });
                }
            }
        }
    }
    assert!(open.is_none(), "{document}: a block without an end");
    blocks
}

/// A shell in which the programs of this repository and `psql` are found, and these variables are set. What a block
/// leaves in the folder the next one finds.
pub struct Shell {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Shell {
    /// A shell in an empty folder.
    #[must_use]
    pub fn new(environment: &[(&str, &str)]) -> Self {
        let folder = scripts::directory();
        let programs = folder.path().join(".programs");
        std::fs::create_dir(&programs).expect("a folder");
        let psql = programs.join("psql");
        let server = scripts::root().join("scripts/server");
        std::fs::write(&psql, format!("#!/bin/sh\nexec '{}' psql \"$@\"\n", server.display())).expect("psql");
        std::fs::set_permissions(&psql, Permissions::from_mode(0o755)).expect("a program");
        // What curl is answered is read like every other answer: its headers are kept beside the address.
        let curl = programs.join("curl");
        let wrapper = "#!/bin/sh\nfor word; do case $word in http://*) address=$word ;; esac; done\n\
             echo \"$address\" >\"$ANSWERS/$$.address\"\n\
             PATH=${PATH#*:} exec curl --dump-header \"$ANSWERS/$$.head\" \"$@\"\n";
        std::fs::write(&curl, wrapper).expect("curl");
        std::fs::set_permissions(&curl, Permissions::from_mode(0o755)).expect("a program");
        for name in ["sessionctl", "migrate"] {
            std::os::unix::fs::symlink(crate::app::program(name), programs.join(name)).expect("a link");
        }
        let own = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { folder, environment: own }
    }

    /// Runs a block as bash does, to its first failure. Panics with what it wrote when there is one.
    #[track_caller]
    pub fn run(&self, block: &Block) -> String {
        let path = scripts::variable("PATH").unwrap_or_default();
        let programs = self.folder.path().join(".programs");
        let mut command = bare_command("bash");
        command.args(["-euo", "pipefail", "-c", &block.commands]).current_dir(self.folder.path());
        let answers = scripts::directory();
        command.env("PATH", format!("{}:{path}", programs.display())).env("ANSWERS", answers.path());
        command.envs(self.environment.iter().cloned()).stdin(Stdio::null());
        let ended = command.output().expect("bash");
        lint_answers(answers.path());
        let (output, errors) =
            (String::from_utf8_lossy(&ended.stdout).into_owned(), String::from_utf8_lossy(&ended.stderr));
        assert!(ended.status.success(), "line {}: {}\n{output}{errors}", block.line, block.commands);
        output
    }
}

/// Reads what curl was answered.
#[track_caller]
fn lint_answers(folder: &Path) {
    let entries = std::fs::read_dir(folder).expect("the answers").filter_map(Result::ok);
    for address in entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "address"))
    {
        let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        let Ok(url) = read(&address).trim().parse::<Url>() else { continue };
        let head = read(&address.with_extension("head"));
        let port = url.port().unwrap_or_default();
        lint::check_raw(port, format!("GET {} HTTP/1.1\r\n", url.path()).as_bytes(), &head);
    }
}
