//! What fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use test_support::{Passage, Reply};

use crate::named::named;
use crate::people::{Person, made_up};
use crate::stage::Stage;

named! {
    /// A fault. The first sixteen happen by themselves; the rest are what only a proxy can do.
    pub(crate) enum Fault {
        RedisRefused => "Redis refused",
        RedisSlow => "Redis slow",
        RedisHung => "Redis hung",
        RedisFlushed => "Redis flushed",
        RedisReadOnly => "Redis read-only",
        RedisFull => "Redis out of memory",
        RedisOlderCopy => "Redis failed over to an older copy",
        RedisForged => "Redis with forged values",
        PostgresStopped => "Postgres stopped",
        PostgresHung => "Postgres hung",
        PoolExhausted => "pool exhausted",
        BackendsKilled => "backends killed",
        PostgresReadOnly => "Postgres read-only",
        PostgresRestarted => "Postgres restarted",
        PostgresCrashed => "Postgres crashed (kill -9)",
        ClientReset => "client reset",
        RedisAnswersLost => "Redis applies, its answers are lost",
        RedisCut => "Redis cut in mid-frame",
        PostgresAnswersLost => "Postgres applies, its answers are lost",
        PostgresCut => "Postgres cut in mid-frame",
    }
}

/// Ends a fault.
pub(crate) type Heal<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Requests that hold connections of a pool, for each process; a pool has ten.
const CROWD: usize = 14;

impl Fault {
    /// Whether it takes a server that nobody else uses.
    pub(crate) const fn needs_own_postgres(self) -> bool {
        matches!(
            self,
            Self::PostgresStopped
                | Self::PostgresHung
                | Self::PostgresReadOnly
                | Self::PostgresRestarted
                | Self::PostgresCrashed
        )
    }

    /// Whether some answer must have been that nobody knows, or the fault was none.
    pub(crate) const fn is_felt(self) -> bool {
        matches!(
            self,
            Self::PostgresStopped
                | Self::PostgresHung
                | Self::PoolExhausted
                | Self::PostgresReadOnly
                | Self::PostgresCrashed
                | Self::PostgresAnswersLost
                | Self::PostgresCut
        )
    }

    /// Whether commands to Redis must have failed.
    pub(crate) const fn fails_redis(self) -> bool {
        matches!(
            self,
            Self::RedisRefused
                | Self::RedisHung
                | Self::RedisReadOnly
                | Self::RedisFull
                | Self::RedisAnswersLost
                | Self::RedisCut
        )
    }

    /// Begins it; the answer ends it. `people` are those on whom operations are under way.
    pub(crate) fn strike<'a, 'p>(
        self,
        stage: &'a Stage,
        people: impl Iterator<Item = &'p Person>,
        copy: &Copies,
    ) -> Heal<'a> {
        let passage = |of_redis: bool, passage: Passage| -> Heal<'a> {
            let way = if of_redis { &stage.redis_way } else { &stage.postgres_way };
            way.set(passage);
            Box::new(move || way.set(Passage::Open))
        };
        let redis = &stage.redis;
        let postgres = || stage.postgres.as_ref().expect("a Postgres of its own");
        match self {
            Self::RedisRefused => {
                redis.stop();
                Box::new(|| redis.start_again())
            }
            Self::RedisSlow => passage(true, Passage::Late(Duration::from_millis(20))),
            Self::RedisHung => {
                redis.pause();
                Box::new(|| redis.resume())
            }
            Self::RedisReadOnly => {
                redis.command(&["REPLICAOF", "127.0.0.1", "1"]);
                Box::new(|| drop(redis.command(&["REPLICAOF", "NO", "ONE"])))
            }
            Self::RedisFull => {
                redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
                Box::new(|| drop(redis.command(&["CONFIG", "SET", "maxmemory", "0"])))
            }
            Self::RedisFlushed | Self::RedisOlderCopy | Self::RedisForged => {
                people.for_each(|person| self.follow_up(stage, person, copy));
                Box::new(|| {})
            }
            Self::PostgresStopped => {
                postgres().stop();
                Box::new(move || postgres().start_again())
            }
            Self::PostgresHung => {
                let paused = postgres().pause();
                Box::new(move || drop(paused))
            }
            Self::PoolExhausted => exhaust_pools(stage),
            Self::BackendsKilled => kill_backends(stage),
            Self::PostgresReadOnly => {
                postgres().set("default_transaction_read_only", "on");
                Box::new(move || postgres().set("default_transaction_read_only", "off"))
            }
            Self::PostgresRestarted => {
                postgres().stop();
                postgres().start_again();
                Box::new(|| {})
            }
            Self::PostgresCrashed => {
                postgres().crash();
                Box::new(move || postgres().start_again())
            }
            Self::ClientReset => Box::new(|| {}),
            Self::RedisAnswersLost => passage(true, Passage::AnswersLost),
            Self::RedisCut => passage(true, Passage::AnswersCut(3)),
            Self::PostgresAnswersLost => passage(false, Passage::AnswersLost),
            Self::PostgresCut => passage(false, Passage::AnswersCut(3)),
        }
    }

    /// What happens as soon as something was acknowledged to this person.
    pub(crate) fn follow_up(self, stage: &Stage, person: &Person, copy: &Copies) {
        match self {
            Self::RedisFlushed => stage.redis.flush(),
            Self::RedisOlderCopy => {
                // Those who were connected to the server that is gone notice it.
                stage.redis_way.cut();
                stage.redis.flush();
                for (key, value) in &copy.all {
                    stage.redis.command(&["SET", key, value]);
                }
            }
            Self::RedisForged => forge(stage, person, copy),
            _ => {}
        }
    }
}

/// What Redis held before.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    all: Vec<(String, String)>,
    /// The value of somebody on whom nobody acts.
    of_another: Option<String>,
}

/// A copy of what Redis holds now.
pub(crate) fn copies(stage: &Stage, bystander: &Person) -> Copies {
    let all: Vec<(String, String)> = stage.redis.dump().into_iter().collect();
    let of_another = all.iter().find(|(_, value)| value.contains(&bystander.id));
    let of_another = of_another.map(|(_, value)| value.clone());
    Copies { all, of_another }
}

/// Writes other people's values, and half ones, under keys of this person and of nobody.
fn forge(stage: &Stage, person: &Person, copy: &Copies) {
    let value = copy.of_another.as_ref().expect("a bystander has a value in Redis");
    let half = &value[..value.len() / 2];
    let forged = [(&person.own, value.as_str()), (&person.others[0], half), (&person.others[1], "null")];
    let nobodys = made_up();
    for (token, value) in forged.into_iter().chain([(&nobodys, value.as_str()), (&person.admin, value)]) {
        let digest = stage.database.value(&format!("SELECT session_digest('{token}')"));
        for context in ["web:", "admin:"] {
            let set = stage.redis.command(&["SET", &format!("session:{context}{digest}"), value]);
            assert!(matches!(set, Reply::Text(_)), "{set:?}");
        }
    }
}

/// Lets requests that wait for a row hold every connection of each process' pool.
fn exhaust_pools(stage: &Stage) -> Heal<'_> {
    let crowd: Vec<Person> = (0..CROWD).map(|_| stage.person()).collect();
    let ids: Vec<String> = crowd.iter().map(|person| format!("'{}'", person.id)).collect();
    let mut locks = stage.database.connect();
    let lock = format!("BEGIN; SELECT FROM sessions WHERE user_id IN ({}) FOR NO KEY UPDATE", ids.join(", "));
    locks.batch_execute(&lock).expect("the locks");
    let over = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = [&stage.web[0], &stage.web[1], &stage.admin]
        .into_iter()
        .flat_map(|app| crowd.iter().map(move |person| (app, person)))
        .map(|(app, person)| {
            let token = if app.cookie() == "adminSessionId" { &person.admin } else { &person.own };
            let (client, over) = (app.with_bearer(token), Arc::clone(&over));
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let answer = client.request("POST", "/api/logout").try_send();
                    drop(answer);
                }
            })
        })
        .collect();
    // Each of them is waited for by the server, not by us.
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    test_support::eventually("the pools are exhausted", Duration::from_secs(5), || {
        (stage.database.number(waiting) >= 20).then_some(())
    });
    Box::new(move || {
        over.store(true, Ordering::Relaxed);
        locks.batch_execute("ROLLBACK").expect("the locks are given up");
        threads.into_iter().for_each(|thread| thread.join().expect("one of the crowd"));
    })
}

/// Kills every connection of the applications again and again.
fn kill_backends(stage: &Stage) -> Heal<'_> {
    let over = Arc::new(AtomicBool::new(false));
    let (until, mut killer) = (Arc::clone(&over), stage.database.connect());
    let thread = std::thread::spawn(move || {
        let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE datname = current_database() AND usename = 'test_app'";
        let mut killed = 0;
        while !until.load(Ordering::Relaxed) {
            killed += killer.query_one(kill, &[]).expect("the backends are killed").get::<_, i64>(0);
            std::thread::sleep(Duration::from_millis(20));
        }
        killed
    });
    Box::new(move || {
        over.store(true, Ordering::Relaxed);
        assert!(thread.join().expect("who kills") > 0, "no backend was there to be killed");
    })
}
