//! What a document says to do: a block with the name of a file, a `diff`, or commands.

use std::path::Path;

#[derive(Debug)]
pub(crate) enum Part {
    /// A file to be made.
    File { path: String, text: String },
    /// A change to files that are there.
    Diff { line: usize, text: String },
    /// Commands to be run.
    Commands { line: usize, text: String },
}

impl Part {
    pub(crate) fn file(&self) -> Option<(&str, &str)> {
        match self {
            Self::File { path, text } => Some((path, text)),
            _ => None,
        }
    }

    pub(crate) fn commands(&self) -> Option<(usize, &str)> {
        match self {
            Self::Commands { line, text } => Some((*line, text)),
            _ => None,
        }
    }

    /// How many lines it adds to the repository.
    pub(crate) fn added(&self) -> usize {
        match self {
            Self::File { text, .. } => text.lines().count(),
            Self::Diff { text, .. } => {
                text.lines().filter(|line| line.starts_with('+') && !line.starts_with("+++ ")).count()
            }
            Self::Commands { .. } => 0,
        }
    }
}

/// The parts of a document of this repository, in order.
pub(crate) fn parts(document: &str) -> Vec<Part> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(document);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{document}: {error}"));
    let mut parts = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let inside: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let (line, text) = (number + 2, format!("{}\n", inside.join("\n")));
        parts.push(match info.split_once(' ') {
            Some((_, path)) => Part::File { path: path.to_owned(), text },
            None if info == "diff" => Part::Diff { line, text },
            None if info == "sh" => Part::Commands { line, text },
            None => panic!("{document}, line {line}: {info:?} is no file, no diff and no sh"),
        });
    }
    let first = parts.iter().position(|part| matches!(part, Part::Commands { .. })).unwrap();
    let late = parts[first..].iter().find(|part| !matches!(part, Part::Commands { .. }));
    assert!(late.is_none(), "{document}: commands come last, but there is {late:?}");
    parts
}
