//! The panel that staff use.

use std::process::ExitCode;

use http_kit::{App, run};
use session_management::Admin;

fn main() -> ExitCode {
    run(App::<Admin>::new())
}
