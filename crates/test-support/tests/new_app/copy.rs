//! A copy of what is tracked, and a shell in it.
//!
//! Where it is built is kept from run to run beneath the folder in which Cargo builds: what is the registry's compiles once,
//! and at first it is what the build of this test has compiled.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use test_support::{TestDatabase, bare_command, program};

use crate::document::Part;

/// What is tracked, in a folder that is gone afterwards.
pub(crate) struct Copy {
    folder: TempDir,
}

/// The same where it is built.
pub(crate) struct Built {
    tree: PathBuf,
    target: PathBuf,
}

/// Runs commands in the copy.
pub(crate) struct Shell<'a> {
    built: &'a Built,
    urls: [(&'static str, String); 2],
}

#[expect(clippy::disallowed_methods, reason = "the build's own settings")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
}

fn tracked(folder: &Path) -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "-co", "--exclude-standard"])
        .current_dir(folder)
        .output();
    let listed = listed.unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).unwrap();
    listed.split_terminator('\0').map(PathBuf::from).filter(|path| folder.join(path).is_file()).collect()
}

/// Puts a file where it is wanted; one that is the same already keeps its time, by which Cargo judges.
fn put(from: &Path, to: &Path) {
    let wanted = fs::read(from).unwrap();
    if fs::read(to).is_ok_and(|there| there == wanted) {
        return;
    }
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}

impl Copy {
    pub(crate) fn of_what_is_tracked() -> Self {
        let (root, folder) = (root(), tempfile::tempdir().unwrap());
        for path in tracked(&root) {
            put(&root.join(&path), &folder.path().join(&path));
        }
        Self { folder }
    }

    /// Does what a part of the document says; commands come later.
    pub(crate) fn apply(&self, part: &Part) {
        match part {
            Part::File { path, text } => {
                let to = self.folder.path().join(path);
                assert!(!to.exists(), "{path} is there already");
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::write(to, text).unwrap();
            }
            Part::Diff { line, text } => {
                let mut git = Command::new("git");
                git.args(["apply", "--whitespace=nowarn", "-"]).current_dir(self.folder.path());
                git.env("GIT_CEILING_DIRECTORIES", self.folder.path().parent().unwrap());
                let mut git = git.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
                git.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
                let ended = git.wait_with_output().unwrap();
                let errors = String::from_utf8_lossy(&ended.stderr);
                assert!(
                    ended.status.success(),
                    "the diff at line {line} of the document does not apply: {errors}"
                );
            }
            Part::Commands { .. } => {}
        }
    }

    /// Brings all of it to where it is built.
    pub(crate) fn take_up(self) -> Built {
        let debug = program("migrate").parent().unwrap().to_owned();
        let home = debug.parent().unwrap().join("new-app");
        let built = Built { tree: home.join("tree"), target: home.join("target") };
        if !built.target.exists() {
            built.begin_with(&debug);
        }
        let mut wanted = BTreeSet::new();
        for path in files_below(self.folder.path()) {
            put(&self.folder.path().join(&path), &built.tree.join(&path));
            wanted.insert(path);
        }
        for path in files_below(&built.tree).into_iter().filter(|path| !wanted.contains(path)) {
            fs::remove_file(built.tree.join(path)).unwrap();
        }
        // Tools that were installed for this repository.
        for (there, here) in [
            (root().join(".local/tools"), built.tree.join(".local/tools")),
            (root().join(".local/debian"), built.tree.join(".local/debian")),
            (debug.parent().unwrap().join("tools"), built.target.join("tools")),
        ] {
            fs::create_dir_all(here.parent().unwrap()).unwrap();
            let _ = fs::remove_file(&here);
            if there.exists() {
                symlink(there, here).unwrap();
            }
        }
        built
    }
}

/// Every file below a folder, but for what is installed.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.ends_with(".local") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    files
}

impl Built {
    pub(crate) fn programs(&self) -> PathBuf {
        self.target.join("debug")
    }

    pub(crate) fn shell(&self, database: &TestDatabase) -> Shell<'_> {
        let urls =
            [("DATABASE_URL", database.url()), ("DATABASE_OWNER_URL", database.owner_url().to_owned())];
        Shell { built: self, urls }
    }

    /// What this test's own build has compiled of the registry's crates need not be compiled once more.
    fn begin_with(&self, debug: &Path) {
        let ours: BTreeSet<String> = ["crates", "apps", "examples"]
            .into_iter()
            .flat_map(|folder| fs::read_dir(root().join(folder)).unwrap())
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let to = self.programs();
        for part in [".fingerprint", "build"] {
            for entry in fs::read_dir(debug.join(part)).into_iter().flatten() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                let crate_name = name.rsplit_once('-').map_or(&*name, |(name, _)| name);
                if !ours.contains(crate_name) {
                    fs::create_dir_all(to.join(part)).unwrap();
                    let copied = Command::new("cp").arg("-a").args([entry.path(), to.join(part)]).status();
                    assert!(copied.unwrap().success());
                }
            }
        }
        fs::create_dir_all(to.join("deps")).unwrap();
        for entry in fs::read_dir(debug.join("deps")).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let Some((stem, _)) = name.rsplit_once('-') else { continue };
            let crate_name = stem.strip_prefix("lib").unwrap_or(stem).replace('_', "-");
            let is_library = [".rlib", ".rmeta", ".so", ".d"].iter().any(|end| name.ends_with(end));
            if is_library && !ours.contains(&crate_name) {
                // Cargo never writes into a file of these, it makes a new one.
                fs::hard_link(entry.path(), to.join("deps").join(&name)).unwrap();
            }
        }
    }
}

impl Shell<'_> {
    /// Runs commands as bash does, to the first failure. Panics with what they wrote when there is one.
    #[track_caller]
    pub(crate) fn run(&self, line: usize, commands: &str) -> String {
        let mut bash = bare_command("bash");
        bash.args(["-euo", "pipefail", "-c", &format!("exec 2>&1\n{commands}")])
            .current_dir(&self.built.tree);
        bash.env("CARGO_TARGET_DIR", &self.built.target);
        // Whatever decides how Cargo builds, so that what is compiled already fits.
        for name in ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_BUILD_JOBS"] {
            bash.envs(variable(name).map(|value| (name, value)));
        }
        // Everything is in the registry's cache, since this test was built of it.
        bash.env("CARGO_NET_OFFLINE", "true").envs(self.urls.clone()).stdin(Stdio::null());
        let ended = bash.output().unwrap();
        let printed = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(ended.status.success(), "line {line}: {commands}\n{printed}");
        printed
    }
}
