//! The same in every mode: each strategy, whatever Redis does, with the tokens of the older software and without.

use constants::{ApplicationContext, LegacyTokens, MigrationStrategy};
use test_support::{App, tally};

use crate::apart::move_values;
use crate::stage::Stage;
use crate::{ADA, PASSWORD};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Redis {
    Up,
    /// Every value also stands under the keys of the other applications.
    Moved,
    Flushed,
    Stopped,
}

const REDIS: [Redis; 4] = [Redis::Up, Redis::Moved, Redis::Flushed, Redis::Stopped];

/// A session in an application. In the memory of a process there is nobody but who registers, and the first administrator.
fn session(context: ApplicationContext, app: &App, strategy: MigrationStrategy) -> Option<String> {
    let application = context.application();
    if application.sign_up {
        return Some(app.register("somebody@example.com", PASSWORD).token);
    }
    let begins_empty = match strategy {
        MigrationStrategy::MockOnly => !application.staff_only,
        MigrationStrategy::MockWithWriteThrough => true,
        MigrationStrategy::Gradual | MigrationStrategy::ProductionOnly => false,
    };
    (!begins_empty).then(|| app.log_in(ADA, PASSWORD).token)
}

fn run(strategy: MigrationStrategy) {
    let mut checked = 0;
    for legacy in [LegacyTokens::DualWrite, LegacyTokens::Off] {
        let stage = Stage::new(|app| {
            app.env("MIGRATION_STRATEGY", strategy.as_str())
                .env("LEGACY_TOKENS", legacy.as_str())
                .env("DEMO_ADMIN_EMAIL", ADA)
                .env("DEMO_ADMIN_PASSWORD", PASSWORD)
        });
        let sessions: Vec<(ApplicationContext, String)> = stage
            .apps()
            .filter_map(|(context, app)| Some((context, session(context, app, strategy)?)))
            .collect();
        let tokens: Vec<(ApplicationContext, &str)> =
            sessions.iter().map(|(context, token)| (*context, token.as_str())).collect();
        for redis in REDIS {
            match redis {
                Redis::Up => {}
                Redis::Moved => drop((move_values(&stage, false), move_values(&stage, true))),
                Redis::Flushed => stage.redis.flush(),
                Redis::Stopped => stage.redis.stop(),
            }
            stage.assert_apart(&tokens, &format!("{strategy}, legacy tokens {legacy}, Redis {redis:?}"));
            checked += tokens.len() * ApplicationContext::ALL.len();
        }
    }
    let contexts = ApplicationContext::NAMES.join(", ");
    tally("contexts", format!("{strategy}: {checked} pairs of a session and an application, of {contexts}"));
}

#[test]
fn sessions_stay_apart_by_mock_only_f3_a8_a15() {
    run(MigrationStrategy::MockOnly);
}

#[test]
fn sessions_stay_apart_by_write_through_f3_a8_a15() {
    run(MigrationStrategy::MockWithWriteThrough);
}

#[test]
fn sessions_stay_apart_by_gradual_f3_a8_a15() {
    run(MigrationStrategy::Gradual);
}

#[test]
fn sessions_stay_apart_by_production_only_f3_a8_a15() {
    run(MigrationStrategy::ProductionOnly);
}
