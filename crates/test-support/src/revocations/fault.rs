//! What fails while sessions are ended.

use std::fmt;

use rustix::process::{Pid, Signal, kill_process};

use super::stage::Stage;
use super::victim::Victim;

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Redis is not there.
    RedisStopped,
    /// Redis takes connections and does not answer.
    RedisPaused,
    /// Redis is emptied before the end and after it.
    RedisFlushed,
    /// What Redis held before the end is put back after it.
    RedisRestored,
    /// The connections on which denials come are cut before the end.
    ListenerCut,
    /// Their backends do not answer from before the end on.
    ListenerFrozen,
}

impl Fault {
    pub(super) const ALL: [Self; 7] = [
        Self::None,
        Self::RedisStopped,
        Self::RedisPaused,
        Self::RedisFlushed,
        Self::RedisRestored,
        Self::ListenerCut,
        Self::ListenerFrozen,
    ];

    /// What lasts for many revocations begins; it ends with the answer.
    pub(super) fn begin(self, stage: &Stage) -> impl Drop {
        match self {
            Self::RedisStopped => stage.redis.stop(),
            Self::RedisPaused => stage.redis.pause(),
            _ => {}
        }
        OnDrop(move || match self {
            Self::RedisStopped => stage.redis.start_again(),
            Self::RedisPaused => stage.redis.resume(),
            _ => {}
        })
    }

    /// What happens when all victims have been let in, just before they are ended; it is healed when the
    /// answer is dropped. Others wait for it meanwhile, so it does not panic.
    pub(super) fn strike(self, stage: &Stage, victims: &[Victim]) -> Result<impl Drop, String> {
        let mut frozen = Vec::new();
        match self {
            Self::RedisFlushed => stage.redis.flush(),
            Self::RedisRestored => {
                victims.iter().for_each(|victim| copy(stage, &key(victim), &backup(victim)));
            }
            Self::ListenerCut => {
                for pid in stage.listeners() {
                    stage.database.execute(&format!("SELECT pg_terminate_backend({pid})"));
                }
            }
            Self::ListenerFrozen => {
                frozen = stage.listeners().into_iter().filter_map(Pid::from_raw).collect();
                if frozen.len() < 4 || frozen.iter().any(|pid| kill_process(*pid, Signal::STOP).is_err()) {
                    return Err(format!("not every process has a backend that can be frozen: {frozen:?}"));
                }
            }
            Self::None | Self::RedisStopped | Self::RedisPaused => {}
        }
        Ok(OnDrop(move || {
            for pid in &frozen {
                let _ = kill_process(*pid, Signal::CONT);
            }
        }))
    }

    /// What happens as soon as the end of this one was acknowledged.
    pub(super) fn follow_up(self, stage: &Stage, victim: &Victim) {
        match self {
            Self::RedisFlushed => stage.redis.flush(),
            Self::RedisRestored => copy(stage, &backup(victim), &key(victim)),
            _ => {}
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::RedisStopped => "Redis stopped",
            Self::RedisPaused => "Redis paused",
            Self::RedisFlushed => "Redis flushed",
            Self::RedisRestored => "Redis restored from an older copy",
            Self::ListenerCut => "listening connections cut",
            Self::ListenerFrozen => "listening backends frozen",
        })
    }
}

fn key(victim: &Victim) -> String {
    format!("session:web:{}", victim.id)
}

fn backup(victim: &Victim) -> String {
    format!("backup:{}", victim.id)
}

/// Copies a value, whatever it is made of.
fn copy(stage: &Stage, from: &str, to: &str) {
    stage.redis.command(&["COPY", from, to, "REPLACE"]);
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
