//! A short run of `scripts/bench revocation`: the bound holds under load, whatever fails.

use test_support::revocations::{Plan, measure};

#[test]
fn no_session_outlives_its_end_by_half_a_second_whatever_fails_c4() {
    let report = measure(&Plan { healthy: 28, faulty: 7, load: 1 }, &mut |next| println!("{next}"));
    println!("{report}");
    assert_eq!(report.broken, [""; 0]);
}
