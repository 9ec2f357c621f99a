//! `scripts/generate`: writes the table of the ASVS in `docs/security.md`.

use std::process::ExitCode;

#[expect(clippy::print_stderr, reason = "what is wrong with docs/asvs.toml is for the one who runs this")]
fn main() -> ExitCode {
    match test_support::write_asvs() {
        Ok(()) => ExitCode::SUCCESS,
        Err(faults) => {
            eprintln!("{faults}");
            ExitCode::FAILURE
        }
    }
}
