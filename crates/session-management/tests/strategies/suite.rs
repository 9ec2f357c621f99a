//! The suite: every scenario in every mode.

use constants::MigrationStrategy::{self, Gradual, MockOnly, MockWithWriteThrough, ProductionOnly};

use test_support::ordinary_or_long;

use crate::mode::{KINDS, Kind, MODES, Mode, REDIS, Stage};
use crate::scenarios::SCENARIOS;

#[expect(clippy::print_stdout, reason = "which scenario of which mode, for when it fails")]
fn run(strategy: MigrationStrategy, kind: Kind) {
    let belongs = |mode: &&Mode| mode.strategy == strategy && mode.kind == kind;
    let mut modes: Vec<Mode> = MODES.iter().filter(belongs).copied().collect();
    if kind != Kind::One {
        // Every second one, with each thing that Redis does; `scripts/test --long` has all of them.
        let every = ordinary_or_long(2, 1);
        modes = modes
            .into_iter()
            .enumerate()
            .filter(|(n, _)| (n + n / 2) % every == 0)
            .map(|(_, mode)| mode)
            .collect();
    }
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
    run(MockOnly, Kind::One);
}

#[test]
fn write_through_behaves_in_every_mode_a8() {
    run(MockWithWriteThrough, Kind::One);
}

#[test]
fn gradual_behaves_in_every_mode_a8() {
    run(Gradual, Kind::One);
}

#[test]
fn production_only_behaves_in_every_mode_a8() {
    run(ProductionOnly, Kind::One);
}

#[test]
fn write_through_behaves_in_every_mode_with_a_cluster_c9() {
    run(MockWithWriteThrough, Kind::Cluster);
}

#[test]
fn gradual_behaves_in_every_mode_with_a_cluster_c9() {
    run(Gradual, Kind::Cluster);
}

#[test]
fn production_only_behaves_in_every_mode_with_a_cluster_c9() {
    run(ProductionOnly, Kind::Cluster);
}

#[test]
fn write_through_behaves_in_every_mode_with_sentinels_c9() {
    run(MockWithWriteThrough, Kind::Sentinel);
}

#[test]
fn gradual_behaves_in_every_mode_with_sentinels_c9() {
    run(Gradual, Kind::Sentinel);
}

#[test]
fn production_only_behaves_in_every_mode_with_sentinels_c9() {
    run(ProductionOnly, Kind::Sentinel);
}

#[test]
fn no_mode_is_missing_a8() {
    for strategy in MigrationStrategy::ALL {
        for kind in KINDS {
            // Nothing of it goes to Redis.
            if *strategy == MockOnly && kind != Kind::One {
                continue;
            }
            for redis in REDIS {
                for legacy in [true, false] {
                    let mode = Mode { strategy: *strategy, kind, redis, legacy };
                    assert_eq!(MODES.iter().filter(|known| **known == mode).count(), 1, "{mode:?}");
                }
            }
        }
    }
}
