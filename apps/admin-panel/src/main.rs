//! The panel that staff use. The tree under `routes` is its site map.

mod paging;
mod routes;
mod staff;

use std::process::ExitCode;

use http_kit::{App, run};
use session_management::Admin;

fn main() -> ExitCode {
    run(App::<Admin>::new().private(routes::private).document(routes::document))
}
