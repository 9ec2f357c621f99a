//! The suite: every scenario in every mode.

use constants::MigrationStrategy;

use crate::mode::{MODES, Mode, REDIS, Stage};
use crate::scenarios::SCENARIOS;

#[expect(clippy::print_stdout, reason = "which scenario of which mode, for when it fails")]
fn run(strategy: MigrationStrategy) {
    let modes: Vec<Mode> = MODES.iter().filter(|mode| mode.strategy == strategy).copied().collect();
    assert!(!modes.is_empty());
    for mode in modes {
        let stage = Stage::of(mode);
        for (number, (name, scenario)) in SCENARIOS.iter().enumerate() {
            println!("{mode:?}: {name}");
            scenario(&stage, &format!("person{number}@example.com"));
        }
    }
}

#[test]
fn mock_only_behaves_in_every_mode_a8() {
    run(MigrationStrategy::MockOnly);
}

#[test]
fn write_through_behaves_in_every_mode_a8() {
    run(MigrationStrategy::MockWithWriteThrough);
}

#[test]
fn gradual_behaves_in_every_mode_a8() {
    run(MigrationStrategy::Gradual);
}

#[test]
fn production_only_behaves_in_every_mode_a8() {
    run(MigrationStrategy::ProductionOnly);
}

#[test]
fn no_mode_is_missing_a8() {
    for strategy in MigrationStrategy::ALL {
        for redis in REDIS {
            for legacy in [true, false] {
                let mode = Mode { strategy: *strategy, redis, legacy };
                assert_eq!(MODES.iter().filter(|known| **known == mode).count(), 1, "{mode:?}");
            }
        }
    }
}
