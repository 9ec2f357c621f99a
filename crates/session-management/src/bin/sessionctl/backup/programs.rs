//! `pg_dump` and `pg_restore`, and how they are told where the database is: a password never stands in an argument.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use identity_db::backup::{Origin, Snapshot};
use percent_encoding::percent_decode_str;
use session_management::SettingError;
use url::Url;

use crate::Failure;

/// Where the two programs are.
pub(super) struct Programs {
    dump: PathBuf,
    restore: PathBuf,
    major: i32,
    version: String,
}

/// A database, without its password, and the password.
pub(super) struct Target {
    url: Url,
    full: Url,
    password: Option<String>,
}

impl Target {
    /// Takes the password out of a URL, wherever in it libpq looks for one.
    pub(super) fn of(url: &str) -> Result<Self, Failure> {
        let wrong = || {
            SettingError::wrong_url("DATABASE_OWNER_URL", url, "postgres://user:password@host:port/database")
        };
        let full = Url::parse(url).map_err(|_| wrong())?;
        let mut url = full.clone();
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let mut password = url.password().map(decoded);
        url.set_password(None).map_err(|()| wrong())?;
        let is_password = |pair: &str| pair.split('=').next() == Some("password");
        if let Some(query) = full.query() {
            if let Some(pair) = query.split('&').find(|pair| is_password(pair)) {
                password = pair.split_once('=').map(|(_, value)| decoded(value));
            }
            let rest: Vec<&str> = query.split('&').filter(|pair| !is_password(pair)).collect();
            url.set_query((!rest.is_empty()).then(|| rest.join("&")).as_deref());
        }
        Ok(Self { url, full, password })
    }

    /// Another database of the same server, with the password.
    pub(super) fn full_url(&self, database: &str) -> String {
        let mut url = self.full.clone();
        url.set_path(database);
        url.into()
    }
}

impl Programs {
    /// Looks for them, and asks for their version.
    pub(super) fn find(folder: Option<&Path>) -> Result<Self, Failure> {
        let place = |name: &str| folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
        let (dump, restore) = (place("pg_dump"), place("pg_restore"));
        let version = run(Command::new(&dump).arg("--version"), "pg_dump")?;
        run(Command::new(&restore).arg("--version"), "pg_restore")?;
        // pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
        let number = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let major = number.and_then(|number| {
            number.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
        });
        let major = major.ok_or_else(|| Failure::Refused(format!("pg_dump has no version: {version}")))?;
        Ok(Self { dump, restore, major, version })
    }

    /// A program that is older than the server refuses it, or would leave out what it does not know.
    pub(super) fn check(&self, origin: &Origin) -> Result<(), Failure> {
        if self.major >= origin.major {
            return Ok(());
        }
        Err(Failure::Refused(format!(
            "{} is older than the server ({}); install PostgreSQL's client programs of version {} or newer, or name their \
             folder by --programs",
            self.version.trim(),
            origin.version,
            origin.major
        )))
    }

    pub(super) fn dump(&self, target: &Target, snapshot: &Snapshot, file: &Path) -> Result<(), Failure> {
        let mut command = Command::new(&self.dump);
        command.args(["--format=custom", "--lock-wait-timeout=60s", "--snapshot"]).arg(&snapshot.name);
        command.arg("--file").arg(file);
        run(in_database(&mut command, &target.url, target), "pg_dump").map(drop)
    }

    /// As the role that restores, so that it need not be a superuser.
    pub(super) fn restore(&self, target: &Target, database: &str, file: &Path) -> Result<(), Failure> {
        let mut url = target.url.clone();
        url.set_path(database);
        let mut command = Command::new(&self.restore);
        command.args(["--exit-on-error", "--no-owner"]);
        run(in_database(&mut command, &url, target).arg(file), "pg_restore").map(drop)
    }
}

fn in_database<'a>(command: &'a mut Command, url: &Url, target: &Target) -> &'a mut Command {
    command.arg("--no-password").arg("--dbname").arg(url.as_str());
    if let Some(password) = &target.password {
        command.env("PGPASSWORD", password);
    }
    command
}

fn run(command: &mut Command, name: &str) -> Result<String, Failure> {
    let ended = command.stdin(Stdio::null()).output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::Refused(format!(
            "{name} was not found; install PostgreSQL's client programs, or name their folder by --programs"
        )),
        _ => Failure::Refused(format!("{name} cannot be run: {error}")),
    })?;
    if !ended.status.success() {
        let told = String::from_utf8_lossy(&ended.stderr);
        let words: Vec<&str> = told.split_whitespace().collect();
        return Err(Failure::Refused(format!("{name} failed: {}", words.join(" "))));
    }
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_nowhere_in_what_a_program_is_told_a13() {
        for (url, password) in [
            ("postgres://me:p%40s%2Bs@host:5/db?sslmode=disable", Some("p@s+s")),
            ("postgres://me@host/db?password=p%40s%2Bs&sslmode=disable", Some("p@s+s")),
            ("postgres://me@host/db", None),
        ] {
            let target = Target::of(url).unwrap();
            assert_eq!(target.password.as_deref(), password);
            assert!(
                !target.url.as_str().contains("p%40") && !target.url.as_str().contains("password"),
                "{}",
                target.url
            );
            assert_eq!(target.url.as_str().contains("sslmode"), url.contains("sslmode"));
            let mut command = Command::new("pg_dump");
            in_database(&mut command, &target.url, &target);
            assert!(command.get_args().all(|word| !word.to_string_lossy().contains("p%40")));
        }
    }
}
