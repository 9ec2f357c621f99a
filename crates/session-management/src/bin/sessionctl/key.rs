//! The installation's root keys.

use clap::Subcommand;
use identity_db::{Database, instance_key};
use serde::Serialize;

use super::Failure;
use super::output::Output;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds a root key. It signs after two minutes, when every process has it; the one before it goes on verifying, and
    /// those before that do no more.
    Rotate,
}

#[derive(Serialize)]
struct Rotated {
    keys: i64,
}

pub(crate) async fn execute(command: Command, database: &Database, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Rotate => {
            let rotated = Rotated { keys: database.run(instance_key::rotate).await? };
            output.print(&rotated, |rotated| {
                format!(
                    "a key was added, now there are {}; it signs in two minutes, the last two verify",
                    rotated.keys
                )
            });
        }
    }
    Ok(())
}
