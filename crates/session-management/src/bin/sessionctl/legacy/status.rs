//! What of the older software is still standing, for people and for programs.

use identity_db::Database;
use identity_db::legacy_import::{self, Column, Status};

use crate::Failure;
use crate::output::Output;

pub(super) async fn execute(database: &Database, output: &Output) -> Result<(), Failure> {
    let status = database.read(legacy_import::status).await?;
    output.print(&status, text);
    Ok(())
}

fn text(status: &Status) -> String {
    let sources = status.sessions.iter().map(|source| {
        format!("{:<14} {:>9} live {:>9} ended", source.adopted_from, source.live, source.ended)
    });
    let columns = status.columns.iter().map(|column| {
        let Column { column, standing, not_adopted } = column;
        format!("{column:<14} {standing:>9} standing, {not_adopted} of them not used here yet")
    });
    let uses = status.uses.iter().map(|uses| format!("{}  {:<14} {:>9}", uses.day, uses.source, uses.uses));
    [
        format!("imported users   {}", status.imported_users),
        section("sessions of the older software, by where they were found", sources),
        section("tokens in the legacy columns of users", columns),
        section("uses of the older software's tokens in the last 14 days", uses),
    ]
    .join("\n")
}

fn section(title: &str, lines: impl ExactSizeIterator<Item = String>) -> String {
    if lines.len() == 0 {
        return format!("{title}: none");
    }
    lines.fold(format!("{title}:"), |text, line| format!("{text}\n  {line}"))
}
