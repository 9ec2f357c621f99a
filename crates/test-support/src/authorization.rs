//! The table of who may do what, played: every route of an application, as the program itself lists them, as everybody who
//! could ask.

mod play;
mod stage;

use crate::app::program;
use crate::bare_command;

pub use play::{Play, assert_complete, assert_documented};
pub use stage::{Call, PASSWORD, Stage};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// Nobody.
    Stranger,
    /// A person without a role among staff; in admin-panel with a session that they can only have had before.
    User,
    /// A blocked administrator.
    Blocked,
    /// A member of staff.
    Support,
    /// A member of staff.
    Operator,
    /// A member of staff.
    Admin,
    /// An administrator whose session has passed its end.
    Expired,
    /// An administrator whose session was ended.
    Revoked,
    /// An administrator with a session of the other application.
    Foreign,
}

impl Identity {
    /// Everybody, in the order of the table's columns.
    pub const ALL: [Self; 9] = [
        Self::Stranger,
        Self::User,
        Self::Blocked,
        Self::Support,
        Self::Operator,
        Self::Admin,
        Self::Expired,
        Self::Revoked,
        Self::Foreign,
    ];
}

/// A method at a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The path as a pattern.
    pub path: String,
    /// The method.
    pub method: String,
    /// Whether a stranger may call it.
    pub is_public: bool,
}

impl Route {
    /// Every route of an application, by its own word: it registers none without listing it.
    #[must_use]
    pub fn all_of(app: &str) -> Vec<Self> {
        let printed = bare_command(program(app)).arg("--routes").output().expect("the application");
        let printed = String::from_utf8(printed.stdout).expect("text");
        let routes: Vec<Self> = printed.lines().map(Self::parse).collect();
        assert!(routes.len() > 10, "{app} --routes: {printed}");
        routes
    }

    fn parse(line: &str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        let [method, path, access] = words[..] else { panic!("no route: {line}") };
        assert!(matches!(access, "public" | "private"), "{line}");
        Self { path: path.to_owned(), method: method.to_owned(), is_public: access == "public" }
    }

    /// `METHOD path`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether it is for programs and not for browsers.
    #[must_use]
    pub fn is_for_programs(&self) -> bool {
        is_for_programs(&self.path)
    }
}

fn is_for_programs(path: &str) -> bool {
    let roots = ["/api", "/docs", "/healthz", "/readyz", "/metrics", "/openapi.json"];
    roots
        .iter()
        .any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// A line of the table: a route, which of its cases, and what each of [`Identity::ALL`] gets.
#[derive(Debug)]
struct Line<'a> {
    method: &'a str,
    path: &'a str,
    case: &'a str,
    cells: Vec<&'a str>,
}

/// A table as it is written: `METHOD path [case] cell…`. A cell is a status, where need be with a code (`401:…`), `login`
/// for the way there, or `>path` for another way on.
fn lines(table: &str) -> Vec<Line<'_>> {
    let written = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parse = |line| {
        let mut words = str::split_ascii_whitespace(line).peekable();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let case = words.next_if(|word| word.starts_with('[')).unwrap_or_default();
        let cells: Vec<&str> = words.collect();
        assert_eq!(cells.len(), Identity::ALL.len(), "{line}");
        Line { method, path, case: case.trim_matches(['[', ']']), cells }
    };
    written.map(parse).collect()
}
