//! A short run of `scripts/bench revocation`: the bound holds under load, whatever fails.
//!
//! It is held against when requests began that were let in. When the first refusal arrived is for the bench, on a
//! machine that has time to ask.

use std::time::Duration;

use test_support::revocations::{Plan, measure};

#[test]
fn no_session_outlives_its_end_by_half_a_second_whatever_fails_c4() {
    let report = measure(&Plan { healthy: 14, faulty: 7, load: 1 }, &mut |next| println!("{next}"));
    println!("{report}");
    assert_eq!(report.broken, [""; 0]);
    for row in report.rows {
        assert!(row.count >= 4, "too few were acknowledged: {row:?}");
        assert!(row.last_yes <= Duration::from_millis(500), "{row:?}");
    }
}
