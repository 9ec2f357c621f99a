//! How long after a revocation was acknowledged another process still lets the session in, while stores fail.
//!
//! Two processes of each application on one Postgres and one Redis, all under load. A session is
//! asked for again and again at one process while it is ended elsewhere.

mod act;
mod fault;
mod report;
mod stage;
mod victim;
mod wire;

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use constants::AppScope;

pub use act::Act;
pub use fault::Fault;
pub use report::{Report, Row};
use stage::{Stage, bound};
use victim::Victim;
use wire::{Status, Wire};

/// After that long nobody may be let in any more: C4 of docs/requirements.md.
const BOUND: Duration = Duration::from_millis(500);

/// How long a session is asked for after its end, whatever comes.
const WATCH: Duration = Duration::from_secs(3);

/// How long it is not asked for after each answer.
const PAUSE: Duration = Duration::from_millis(1);

/// Sessions that are ended at the same time under a fault. Without one they are ended one after the other: what is timed
/// then is the way of a revocation, and not the passwords and programs of three other ends on the same cores.
const AT_ONCE: usize = 4;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Revocations in each application while nothing fails.
    pub healthy: usize,
    /// Revocations in each application for each fault.
    pub faulty: usize,
    /// Connections to each process that ask without regard to any revocation.
    pub load: usize,
}

/// What one revocation came to.
struct Outcome {
    act: Act,
    /// From the acknowledgement to the first refusal; zero where the refusal was there before.
    refused: Option<Duration>,
    /// From the acknowledgement to the start of the last request that was let in.
    last_yes: Duration,
    /// In the words of the report.
    broken: Option<String>,
}

/// Measures it all; `progress` is told what comes next.
pub fn measure(plan: &Plan, progress: &mut dyn FnMut(&str)) -> Report {
    let stage = Stage::start();
    let (mut report, mut dead) = (Report::default(), Vec::new());
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _end = SetOnDrop(&over);
        let load: Vec<_> = AppScope::ALL
            .iter()
            .flat_map(|&application| (0..2 * plan.load).map(move |n| (application, n)))
            .map(|(application, n)| {
                let (token, over) = (stage.bystander(application), &over);
                let port = stage.processes(application)[n % 2].port();
                scope.spawn(move || ask_until(over, port, &token))
            })
            .collect();
        for fault in Fault::ALL {
            for &application in AppScope::ALL {
                progress(&format!("{fault}, {application}"));
                let count = if fault == Fault::None { plan.healthy } else { plan.faulty };
                let outcomes = phase(&stage, fault, application, count, &mut dead);
                report.add(fault, application, outcomes);
                report.broken.extend(risen(&stage, &dead));
            }
        }
        over.store(true, Ordering::Relaxed);
        for thread in load {
            let (answers, refusal) = thread.join().expect("a thread of the load");
            report.load += answers;
            report.broken.extend(refusal);
        }
    });
    report
}

/// Lets the load end also when a measurement panics.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks for a session that nobody ends, every other millisecond; tells how often, and when it was not let in.
fn ask_until(over: &AtomicBool, port: u16, token: &str) -> (usize, Option<String>) {
    let (mut wire, mut answers) = (Wire::new(port, token), 0);
    while !over.load(Ordering::Relaxed) {
        match wire.me() {
            Status::LetIn => answers += 1,
            Status::Unavailable => {}
            status => return (answers, Some(format!("a session that nobody ended got {status:?}"))),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    (answers, None)
}

/// So many revocations in one application under one fault.
fn phase(
    stage: &Stage,
    fault: Fault,
    application: AppScope,
    count: usize,
    dead: &mut Vec<Victim>,
) -> Vec<Outcome> {
    let during = fault.begin(stage);
    let acts: Vec<Act> = Act::ALL.into_iter().cycle().take(count).collect();
    let mut outcomes = Vec::new();
    for acts in acts.chunks(if fault == Fault::None { 1 } else { AT_ONCE }) {
        let victims = stage.victims(application, acts.len());
        for (outcome, victim) in batch(stage, fault, &victims, acts).into_iter().zip(victims) {
            if let Some(outcome) = outcome {
                outcomes.push(outcome);
                dead.push(victim);
            }
        }
    }
    drop(during);
    stage.recover();
    outcomes
}

/// Ends these sessions at the same time, each while it is asked for at the other process.
fn batch(stage: &Stage, fault: Fault, victims: &[Victim], acts: &[Act]) -> Vec<Option<Outcome>> {
    // Everybody meets when all victims have been let in, and again when the fault is there.
    let everybody = 2 * victims.len() + 1;
    let (warm, struck) = (&Barrier::new(everybody), &Barrier::new(everybody));
    std::thread::scope(|scope| {
        let threads: Vec<_> = victims
            .iter()
            .zip(acts)
            .map(|(victim, &act)| {
                let watching = scope.spawn(move || watch(stage, victim, warm, struck));
                let ending = scope.spawn(move || {
                    warm.wait();
                    struck.wait();
                    end(stage, fault, victim, act)
                });
                (victim.application, act, watching, ending)
            })
            .collect();
        warm.wait();
        let healing = fault.strike(stage, victims);
        struck.wait();
        let outcomes = threads.into_iter().map(|(application, act, watching, ending)| {
            let ended = ending.join().expect("the end of a session");
            let watched = watching.join().expect("who watches a session");
            ended.map(|(acknowledged, broken)| watched.judge(application, act, acknowledged, broken))
        });
        let outcomes = outcomes.collect();
        drop(healing.expect("the fault"));
        if matches!(fault, Fault::ListenerCut | Fault::ListenerFrozen) {
            stage.recover();
        }
        outcomes
    })
}

/// Ends a session; the answer is when that was acknowledged, and what was wrong right after it.
fn end(stage: &Stage, fault: Fault, victim: &Victim, act: Act) -> Option<(Instant, Option<String>)> {
    let acknowledged = act.perform(stage, victim)?;
    fault.follow_up(stage, victim);
    let [here, there] = stage.processes(victim.application);
    let at_once = if !victim.application.application().cached {
        vec![here, there]
    } else if act.is_request() {
        vec![here]
    } else {
        Vec::new()
    };
    let broken = at_once.into_iter().find_map(|process| {
        let status = Wire::new(process.port(), &victim.token).me();
        (status == Status::LetIn).then(|| format!("the first request after the end got {status:?}"))
    });
    Some((acknowledged, broken))
}

/// What somebody saw who asked for a session again and again.
struct Watched {
    /// When the last request began that was let in, since everybody was ready.
    last_yes: Option<Instant>,
    first_no: Option<Instant>,
    /// How often nobody knew.
    unavailable: usize,
    broken: Option<String>,
}

/// Asks until the session has been refused for a while.
fn watch(stage: &Stage, victim: &Victim, warm: &Barrier, struck: &Barrier) -> Watched {
    const AFTER: u32 = 20;
    let mut wire = Wire::new(stage.processes(victim.application)[1].port(), &victim.token);
    // Others wait for this, so it does not panic.
    let early =
        (0..3).map(|_| wire.me()).find(|status| !matches!(status, Status::LetIn | Status::Unavailable));
    warm.wait();
    struck.wait();
    let began = Instant::now();
    let broken = early.map(|status| format!("{status:?} before the end"));
    let mut watched = Watched { last_yes: None, first_no: None, unavailable: 0, broken };
    let mut refusals = 0;
    while refusals < AFTER && began.elapsed() < WATCH {
        let asked = Instant::now();
        match wire.me() {
            Status::LetIn => {
                watched.last_yes = Some(asked);
                if refusals > 0 {
                    watched.broken = Some("let in again after a refusal".into());
                }
            }
            Status::Refused => {
                watched.first_no.get_or_insert_with(Instant::now);
                refusals += 1;
            }
            Status::Unavailable => watched.unavailable += 1,
            status => watched.broken = Some(format!("{status:?} while it was ended")),
        }
        // Without it those who ask would take the processor from those who answer.
        std::thread::sleep(PAUSE);
    }
    watched
}

impl Watched {
    fn judge(
        self,
        application: AppScope,
        act: Act,
        acknowledged: Instant,
        broken: Option<String>,
    ) -> Outcome {
        let since = |at: Instant| at.saturating_duration_since(acknowledged);
        let last_yes = self.last_yes.map(since).unwrap_or_default();
        let never = (self.first_no.is_none() && self.unavailable == 0).then(|| "never refused".to_owned());
        let late = (last_yes > bound(application)).then(|| format!("let in {last_yes:?} after the end"));
        Outcome {
            act,
            refused: self.first_no.map(since),
            last_yes,
            broken: broken.or(self.broken).or(late).or(never),
        }
    }
}

/// Sessions that have ended and are let in somewhere, in the words of the report.
fn risen<'a>(stage: &'a Stage, dead: &'a [Victim]) -> impl Iterator<Item = String> + 'a {
    dead.iter().flat_map(|victim| {
        let processes = stage.processes(victim.application).iter();
        processes.filter_map(|process| {
            let status = Wire::new(process.port(), &victim.token).me();
            (status == Status::LetIn).then(|| format!("a session that has ended got {status:?} later"))
        })
    })
}
