//! What each guard of the protocol is there for, in the real code: each scenario is harmless with all guards, and
//! breaks a promise without one of them, as the model in `revocation_model` says.
//!
//! Real Postgres, real Redis, the real library; processes are managers with a clock of their own, and what Postgres says to
//! a listener goes through a proxy that holds it up. Nothing waits for luck: a message is late because it is held.
//!
//! Some guards of the model are no decision in the code, so that there is nothing to take out:
//!
//! - *only look-ups write* and *a touch never re-stamps*: nothing else has a way to write an entry;
//! - *commit before cookie*: the cookie is made of the row that the committed statement returns;
//! - *not from the future*: in the model, too, nothing breaks without it;
//! - *uptime counts sleep*: a machine cannot be suspended in a test;
//! - *the legacy step follows a positive "no row"*: adoption is a statement of Postgres, too, so that where no answer comes
//!   to the one none comes to the other;
//! - *a logout's tombstone is an upsert*: a logout adopts and then ends, as it would any row.
//!
//! Three stand in the database alone, as triggers, and are taken out there.

#![expect(clippy::unwrap_used, reason = "the way in which a test fails")]

mod acts;
mod decisions;
mod entries;
mod keys;
mod legacy;
mod pause;
mod probes;
mod stage;
mod stream;

use identity_db::fail;
use stage::Stage;

/// Plays a scenario, and tells whether a promise was broken. The flag is whether the guard is out: a few
/// scenarios wait for another event then.
type Scenario = fn(&Stage, bool) -> bool;

/// Plays it with all guards, and without these. Of two that are named together each is enough without the other.
#[track_caller]
fn shows(guards: &[&str], scenario: Scenario) {
    let stage = Stage::new();
    assert!(!scenario(&stage, false), "a promise was broken with all guards");
    guards.iter().for_each(|guard| fail::cfg(format!("guard::{guard}"), "return").unwrap());
    assert!(scenario(&stage, true), "no promise was broken without {guards:?}");
    guards.iter().for_each(|guard| fail::remove(format!("guard::{guard}")));
}

macro_rules! guards {
    ($($test:ident: $($guard:ident)+ => $scenario:path;)*) => {
        $(#[test] fn $test() {
            shows(&[$(stringify!($guard)),+], $scenario);
        })*

        const SHOWN: &[&str] = &[$($(stringify!($guard)),+),*];
    };
}

guards! {
    lease_c4: lease => entries::without_a_lease_nothing_counts;
    lease_from_start_of_beat_c4: lease_from_start_of_beat => entries::a_late_answer_makes_no_lease;
    lease_before_denials_c4: lease_before_denials => entries::a_pause_between_the_checks;
    session_denial_c4: session_denial => entries::a_revocation_is_heard_of;
    user_denial_c4: user_denial => entries::a_block_is_heard_of;
    stream_start_c4: stream_start => entries::what_was_read_before_the_stream;
    incarnation_c4: incarnation => entries::what_was_read_from_another_server;
    age_limit_c4: age_limit => entries::an_entry_that_outlives_its_denial;
    age_clock_after_denials_c4: age_clock_after_denials => entries::a_long_pause_between_the_checks;
    end_of_entry_c3: end_of_entry => entries::an_entry_past_its_end;
    end_of_right_a4: end_of_right => entries::a_right_past_its_end;
    mac_c4: mac => entries::a_forged_value;
    mac_covers_key_c4: mac_covers_key value_names_its_session => entries::a_value_under_another_key;
    read_at_on_postgres_clock_c4: read_at_on_postgres_clock => entries::a_reader_whose_clock_is_ahead;
    one_statement_c4: one_statement => entries::a_late_stamp;
    kept_longer_than_age_c4: kept_longer_than_age => entries::a_denial_that_is_forgotten_early;
    none_dropped_c4: none_dropped => entries::too_many_denials;
    own_denial_c4: own_denial => acts::a_process_knows_what_it_ended;
    commit_before_answer_c4: commit_before_answer => acts::an_answer_ahead_of_its_commit;
    login_keeps_credential_b1: login_keeps_credential => acts::a_login_under_a_password_that_was_changed;
    login_takes_epoch_under_lock_b1: login_takes_epoch_under_lock => acts::a_login_beside_the_end_of_all_others;
    touch_only_live_c3: touch_only_live => acts::a_use_of_a_session_that_has_ended;
    socket_order_c4: socket_order => stream::a_denial_is_applied_before_what_follows_it;
    start_after_listen_c4: start_after_listen => stream::what_ended_just_before_listen;
    beat_on_same_connection_c4: beat_on_same_connection => stream::a_listener_that_is_held_up;
    same_backend_c4: same_backend => stream::another_backend_in_the_middle;
    probe_c4: probe => stream::a_way_that_swallows_notifications;
    miss_is_not_remembered_b1: miss_is_not_remembered => decisions::a_row_that_comes_after_the_question;
    idle_is_not_remembered_c3: idle_is_not_remembered => decisions::a_use_that_is_written_down_late;
    block_is_not_remembered_c2: block_is_not_remembered => decisions::a_block_that_is_lifted;
    context_in_look_up_f3: context_in_look_up => decisions::a_session_of_the_other_application;
    admin_reads_no_cache_c4: admin_reads_no_cache => decisions::the_panel_right_after_a_revocation;
    legacy_only_in_web_f3: legacy_only_in_web context_in_look_up => legacy::a_token_that_is_shown_to_the_panel;
    legacy_redis_error_is_no_answer_f12: legacy_redis_error_is_no_answer => legacy::a_token_while_redis_is_away;
    logout_leaves_tombstone_f2: logout_leaves_tombstone => legacy::a_token_that_was_logged_out;
    end_all_leaves_tombstones_f1: end_all_leaves_tombstones => legacy::a_token_after_the_end_of_all;
    valid_after_f1: valid_after => legacy::a_key_of_redis_after_the_end_of_all;
    no_state_filter_f1: no_state_filter adoption_decides_from_row => legacy::a_token_whose_row_has_ended;
    error_is_neither_f12: error_is_neither => decisions::a_session_while_postgres_is_away;
}

/// These are taken out of the database.
mod in_the_database {
    use super::{Stage, entries, legacy, stage::Session};

    /// Plays it with the trigger and without it.
    fn shows(trigger: &str, scenario: super::Scenario) {
        let stage = Stage::new();
        assert!(!scenario(&stage, false));
        stage.database.execute(&format!("ALTER TABLE sessions DISABLE TRIGGER {trigger}"));
        assert!(scenario(&stage, true));
    }

    #[test]
    fn denials_by_trigger_c4() {
        // The process begins with the trigger in place, or it would refuse to cache at all.
        shows("sessions_notify_denial", |stage, out| {
            if out {
                stage.database.execute("ALTER TABLE sessions ENABLE ALWAYS TRIGGER sessions_notify_denial");
            }
            let process = stage.process();
            if out {
                stage.database.execute("ALTER TABLE sessions DISABLE TRIGGER sessions_notify_denial");
            }
            entries::outlives_a_revocation(stage, &process)
        });
    }

    #[test]
    fn purge_keeps_tombstones_f1() {
        shows("sessions_keep_tombstone", legacy::a_token_whose_row_was_purged);
    }

    #[test]
    fn revocation_is_final_f1() {
        shows("sessions_guard", |stage, _| {
            let process = stage.process_without_caches();
            let session: Session = stage.session();
            stage.revoke(&session);
            let undo = "UPDATE sessions SET revoked = false, revoked_at = NULL WHERE id =";
            let _ = stage.database.try_execute(&format!("{undo} '{}'", session.id));
            process.lets_in(&session)
        });
    }
}

/// Whatever guard the code has a failpoint for is shown here.
#[test]
fn every_failpoint_is_here() {
    let crates = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut found = Vec::new();
    let mut folders = vec![format!("{crates}/identity-db/src"), format!("{crates}/session-management/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(name);
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let names = text.split("failpoint!(\"guard::").skip(1).filter_map(|rest| rest.split('"').next());
            found.extend(names.map(str::to_owned));
        }
    }
    found.sort();
    found.dedup();
    let mut shown: Vec<String> = SHOWN.iter().map(|guard| (*guard).to_owned()).collect();
    shown.sort();
    shown.dedup();
    assert_eq!(found, shown);
}
