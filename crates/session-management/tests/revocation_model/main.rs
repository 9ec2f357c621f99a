//! The model of the revocation protocol: each world holds with all guards, and breaks without any one of them.
//!
//! A revocation must be refused everywhere within a lease, whatever Redis, the network or a pause does.
//! Tests of the real code can try some of the interleavings that could break that; this explores all of them,
//! in small worlds: a lease lasts one tick, an entry counts for two, a denial is kept for three. Without the
//! second half nobody would know that the first half shows anything.
//!
//! One process is modelled in full, two in the world `PAIR`. In the other worlds the second one is any number of
//! processes that look up and write to Redis whenever they like: processes meet in Postgres and Redis only,
//! so that nothing else of them can be felt. A write that is late, lost, flushed or brought back from an older
//! copy is there as "a read finds any value that was ever sent, or nothing"; the world `REDIS` takes these faults
//! one by one. A pause of a process, a slow network and a frozen backend are steps that do not come.
//!
//! Not in it: TRUNCATE, the end of a right, `DEGRADED_GRACE_SECONDS`, Postgres losing an acknowledged commit, and the
//! order in which a processor lets memory be seen, for which lease.rs and denials.rs have Acquire and Release.

mod acts;
mod guard;
mod look_up;
mod model;
mod redis;
mod state;
mod stream;
mod world;

use std::fmt::Write;

use stateright::{Checker, HasDiscoveries, Model};

use guard::{Guard, Guards, Invariant};
use model::Protocol;
use world::World;

/// What an exploration came to.
struct Explored {
    states: usize,
    /// The invariant that broke first, the number of steps to it, and the steps.
    broken: Option<(Invariant, usize, String)>,
}

/// Explores a world without some guards, until an invariant breaks or nothing is left to be seen. Breadth
/// first, so that what is found is as short as can be.
fn explore(world: &World, removed: &[Guard]) -> Explored {
    let protocol = Protocol::new(*world, Guards::without(removed));
    let checker = protocol.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let broken = Invariant::ALL.into_iter().find_map(|invariant| {
        let path = checker.discovery(invariant.name())?;
        let steps = path.into_actions();
        let mut trace = String::new();
        for (number, step) in steps.iter().enumerate() {
            let _ = write!(trace, "\n  {:2} {step:?}", number + 1);
        }
        Some((invariant, steps.len(), trace))
    });
    assert!(broken.is_some() || checker.is_done(), "{}: not everything was explored", world.name);
    Explored { states: checker.unique_state_count(), broken }
}

/// Checks that nothing breaks in a world, and tells how large it is.
fn holds(world: &World, removed: &[Guard]) -> String {
    let Explored { states, broken } = explore(world, removed);
    if let Some((invariant, _, trace)) = broken {
        panic!("{} without {removed:?}: {} broke:{trace}", world.name, invariant.name());
    }
    format!("{}: {states} states, all explored, nothing broke without {removed:?}", world.name)
}

/// Checks that a world breaks in this way without these guards, and tells how.
fn breaks(world: &World, removed: &[Guard], expected: Invariant) -> String {
    let Explored { states, broken } = explore(world, removed);
    let Some((invariant, length, trace)) = broken else {
        panic!("{}: nothing broke without {removed:?} in {states} states", world.name);
    };
    assert_eq!(invariant, expected, "{}:{trace}", world.name);
    format!(
        "{}: without {removed:?} {} broke after {length} steps, {states} states:{trace}",
        world.name,
        expected.name()
    )
}

/// One test per world, with all guards.
mod with_all_guards {
    macro_rules! worlds {
        ($($name:ident $world:ident)*) => {
            $(#[test] fn $name() {
                println!("{}", super::holds(&super::world::$world, &[]));
            })*
        };
    }
    worlds! {
        session_c4 SESSION
        user_c4 USER
        near_c4 NEAR
        start_c4 START
        forgery_c4 FORGERY
        redis_c4 REDIS
        pair_c4 PAIR
        fail_over_c4 FAIL_OVER
        end END
        login LOGIN
        contexts_f3 CONTEXTS
        admin_c4 ADMIN
        legacy_f1_f2 LEGACY
        legacy_in_redis_f1 LEGACY_REDIS
        legacy_at_admin_f3 LEGACY_ADMIN
    }
}

/// One test per guard: without it an invariant breaks.
mod without {
    use super::guard::Guard::{self, *};
    use super::guard::Invariant::{ContextsApart as I3, LoginWorks as I2, RevokedIsRefused as I1};

    macro_rules! guards {
        ($($name:ident: $($guard:ident),+ in $world:ident breaks $invariant:ident;)*) => {
            $(#[test] fn $name() {
                println!("{}", super::breaks(&super::world::$world, &[$($guard),+], $invariant));
            })*

            /// Every guard that is taken out somewhere.
            const REMOVED: &[Guard] = &[$($($guard),+),*];
        };
    }
    guards! {
        lease: Lease in SESSION breaks I1;
        lease_from_start_of_beat: LeaseFromStartOfBeat in SESSION breaks I1;
        lease_before_denials: LeaseBeforeDenials in SESSION breaks I1;
        session_denial: SessionDenial in SESSION breaks I1;
        user_denial: UserDenial in USER breaks I1;
        stream_start: StreamStart in SESSION breaks I1;
        stream_start_without_redis: StreamStart in NEAR breaks I1;
        incarnation: Incarnation in FAIL_OVER breaks I1;
        age_limit: AgeLimit in SESSION breaks I1;
        age_clock_after_denials: AgeClockAfterDenials in SESSION breaks I1;
        end_of_entry: EndOfEntry in END breaks I1;
        mac: Mac in FORGERY breaks I1;
        read_at_on_postgres_clock: ReadAtOnPostgresClock in SESSION breaks I1;
        one_statement: OneStatement in NEAR breaks I1;
        only_look_ups_write: OnlyLookUpsWrite in LOGIN breaks I1;
        touch_never_restamps: TouchNeverRestamps in SESSION breaks I1;
        miss_is_not_remembered: MissIsNotRemembered in LOGIN breaks I2;
        idle_is_not_remembered: IdleIsNotRemembered in END breaks I2;
        block_is_not_remembered: BlockIsNotRemembered in LOGIN breaks I2;
        denials_by_trigger: DenialsByTrigger in SESSION breaks I1;
        own_denial: OwnDenial in SESSION breaks I1;
        socket_order: SocketOrder in SESSION breaks I1;
        kept_longer_than_age: KeptLongerThanAge in SESSION breaks I1;
        none_dropped: NoneDropped in SESSION breaks I1;
        start_after_listen: StartAfterListen in START breaks I1;
        beat_on_same_connection: BeatOnSameConnection in SESSION breaks I1;
        same_backend: SameBackend in SESSION breaks I1;
        probe: Probe in START breaks I1;
        uptime_counts_sleep: UptimeCountsSleep in SESSION breaks I1;
        commit_before_answer: CommitBeforeAnswer in SESSION breaks I1;
        commit_before_cookie: CommitBeforeCookie in LOGIN breaks I2;
        login_keeps_credential: LoginKeepsCredential in LOGIN breaks I1;
        login_takes_epoch_under_lock: LoginTakesEpochUnderLock in LOGIN breaks I2;
        touch_only_live: TouchOnlyLive in END breaks I1;
        revocation_is_final: RevocationIsFinal in LEGACY breaks I1;
        context_in_look_up_f3: ContextInLookUp in CONTEXTS breaks I3;
        admin_reads_no_cache: AdminReadsNoCache in ADMIN breaks I1;
        error_is_neither: ErrorIsNeither in LOGIN breaks I2;
        legacy_only_in_web_f3: LegacyOnlyInWeb in LEGACY_ADMIN breaks I3;
        legacy_redis_error_is_no_answer: LegacyRedisErrorIsNoAnswer in LEGACY_REDIS breaks I2;
        logout_leaves_tombstone_f2: LogoutLeavesTombstone in LEGACY breaks I1;
        tombstone_upserts: TombstoneUpserts in LEGACY breaks I1;
        end_all_leaves_tombstones: EndAllLeavesTombstones in LEGACY breaks I1;
        valid_after: ValidAfter in LEGACY_REDIS breaks I1;
        purge_keeps_tombstones_f1: PurgeKeepsTombstones in LEGACY breaks I1;

        adoption_decides_from_row: AdoptionDecidesFromRow in LEGACY_REDIS breaks I1;

        // Two full processes, and Redis step by step, break as well.
        lease_of_another_process: Lease in PAIR breaks I1;
        stream_start_of_another_process: StreamStart in PAIR breaks I1;
        session_denial_step_by_step: SessionDenial in REDIS breaks I1;
        stream_start_step_by_step: StreamStart in REDIS breaks I1;

        // Each of these is enough without the other; `spare` shows it.
        mac_covers_key: MacCoversKey, ValueNamesItsSession in FORGERY breaks I1;
        mac_covers_context_f3: MacCoversKey, ValueNamesItsSession in CONTEXTS breaks I3;
        no_state_filter_f1: NoStateFilter, AdoptionDecidesFromRow in LEGACY breaks I1;
        legacy_only_after_no_row_f1: LegacyOnlyAfterNoRow, AdoptionDecidesFromRow in LEGACY breaks I1;
    }

    #[test]
    fn every_guard_is_here() {
        let spare = [NotFromTheFuture];
        let missing: Vec<_> =
            Guard::ALL.iter().filter(|guard| !REMOVED.contains(guard) && !spare.contains(guard)).collect();
        assert!(missing.is_empty(), "{missing:?} are never taken out");
    }
}

/// Guards that stand behind another one: nothing breaks without them while that one stands.
mod spare {
    use super::guard::Guard::*;

    macro_rules! guards {
        ($($name:ident: $guard:ident in $($world:ident)+;)*) => {
            $(#[test] fn $name() {
                $(println!("{}", super::holds(&super::world::$world, &[$guard]));)+
            })*
        };
    }
    guards! {
        // A value says of which session and context it is, so that a MAC that does not is enough, and the other way round.
        mac_covers_key: MacCoversKey in FORGERY CONTEXTS;
        value_names_its_session: ValueNamesItsSession in FORGERY CONTEXTS;
        // An adoption that decides from the row finds the row that a filter hid, or an error kept from sight.
        no_state_filter: NoStateFilter in LEGACY;
        legacy_only_after_no_row: LegacyOnlyAfterNoRow in LEGACY;
        adoption_decides_from_row: AdoptionDecidesFromRow in LEGACY;
        // It shortens how long an entry counts at the wrong end, so that no revocation hangs on it. It is there for
        // a clock that was set back, where Postgres' own times mean nothing.
        not_from_the_future: NotFromTheFuture in SESSION FAIL_OVER;
    }
}
