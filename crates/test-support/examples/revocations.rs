//! `scripts/bench revocation`: how long revocations take, with and without faults; fails when one takes too long.

use std::process::ExitCode;

use test_support::revocations::{Plan, measure};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a measurement that somebody watches")]
fn main() -> ExitCode {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [healthy, faulty] = numbers[..] else {
        eprintln!("usage: revocations HEALTHY FAULTY, both for each application");
        return ExitCode::from(2);
    };
    let report = measure(&Plan { healthy, faulty, load: 2 }, &mut |next| eprintln!("• {next}"));
    print!("{report}");
    if report.broken.is_empty() && report.late.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
