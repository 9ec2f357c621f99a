//! The checklist before the clean-up: what must hold before nothing of the older software counts any more, measured.

mod facts;
mod keys;
mod points;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use identity_db::cleanup::{self, Applied, Standing};
use identity_db::{Database, DatabaseConfig};
use serde::Serialize;
use tokio::sync::Mutex;

use crate::error::SessionError;
use crate::factory::{ManagerConfiguration, RedisConfiguration};
use crate::redis_link::RedisLink;

pub use facts::{BackupFile, Facts, Lacking, Processes};
use keys::Keys;
pub use keys::ScanProgress;

/// How long a page waits for Redis to be looked through, and how long it goes by what was found then.
const PAGE_BUDGET: Duration = Duration::from_millis(500);
const PAGE_AGE: Duration = Duration::from_secs(30);

/// The checklist.
#[derive(Debug, Clone, Serialize)]
pub struct Checklist {
    /// The database that it is about.
    pub database: String,
    /// Whether the strict mode is on: since the clean-up, in every process.
    pub strict: bool,
    /// The clean-up, once it was applied.
    pub applied: Option<Applied>,
    /// Whether every point holds that must.
    pub ready: bool,
    /// When it was measured.
    pub measured_at: DateTime<Utc>,
    /// The points.
    pub points: Vec<Point>,
}

/// A point of the checklist.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// Its name.
    pub id: &'static str,
    /// What is to hold.
    pub sentence: &'static str,
    /// Whether it does. What could not be measured does not.
    pub holds: bool,
    /// Whether the clean-up waits for it; the others are for somebody to judge.
    pub required: bool,
    /// Whether it was measured completely.
    pub complete: bool,
    /// What was found, as an English sentence.
    pub measured: String,
    /// What was found.
    #[serde(skip)]
    pub facts: Facts,
    /// Since when it is so; where nothing tells, since it was first found so.
    pub since: Option<DateTime<Utc>>,
}

/// Measures the checklist. It has connections of its own, few, so that nobody who logs in waits for it.
#[derive(Debug)]
pub struct CleanupProbe {
    database: Database,
    redis: Option<RedisLink>,
    /// What a page found last in Redis.
    found: Mutex<Option<(Instant, Keys)>>,
}

impl CleanupProbe {
    /// For these stores.
    ///
    /// # Errors
    /// When the URL of Redis cannot be used.
    pub fn new(database: &DatabaseConfig, redis: Option<&RedisConfiguration>) -> Result<Self, SessionError> {
        let link = |redis: &RedisConfiguration| RedisLink::new(&redis.url, redis.max_retries);
        let redis = redis.map(link).transpose().map_err(|error| SessionError::Internal(error.to_string()))?;
        let database = Database::new(&DatabaseConfig { max_connections: 2, ..database.clone() });
        Ok(Self { database, redis, found: Mutex::default() })
    }

    /// For the stores of an application; `None` where it has none.
    ///
    /// # Errors
    /// As [`CleanupProbe::new`].
    pub fn of(configuration: &ManagerConfiguration) -> Result<Option<Self>, SessionError> {
        let probe = |database| Self::new(database, configuration.redis.as_ref());
        configuration.database.as_ref().map(probe).transpose()
    }

    /// The checklist, with Redis looked through to the end however long it takes.
    ///
    /// # Errors
    /// When Postgres gives no answer.
    pub async fn measure(&self, progress: ScanProgress<'_>) -> Result<Checklist, SessionError> {
        let keys = match &self.redis {
            Some(link) => keys::count(link, progress).await,
            None => Keys::unknown(Lacking::NoRedis),
        };
        self.noted(&keys).await
    }

    /// The checklist for a page: half a second is given to Redis, and what was found counts for half a minute.
    ///
    /// # Errors
    /// When Postgres gives no answer.
    pub async fn glance(&self) -> Result<Checklist, SessionError> {
        let mut found = self.found.lock().await;
        if let Some((_, keys)) = found.as_ref().filter(|(at, _)| at.elapsed() < PAGE_AGE) {
            // What is noted is news: somebody else may have found something since.
            return Ok(self.checklist(keys).await?.0);
        }
        let keys = match &self.redis {
            Some(link) => keys::count_within(link, PAGE_BUDGET).await,
            None => Keys::unknown(Lacking::NoRedis),
        };
        *found = Some((Instant::now(), keys.clone()));
        drop(found);
        self.noted(&keys).await
    }

    /// The checklist, which is noted.
    async fn noted(&self, keys: &Keys) -> Result<Checklist, SessionError> {
        let (checklist, standing) = self.checklist(keys).await?;
        let at = checklist.measured_at;
        self.database.run(move |conn| cleanup::note_points(conn, at, &standing)).await?;
        Ok(checklist)
    }

    /// The checklist, and what is to be noted of it.
    async fn checklist(&self, keys: &Keys) -> Result<(Checklist, Vec<Standing>), SessionError> {
        let measured = self.database.read(cleanup::measure).await?;
        let mut points = points::of(&measured, keys);
        let mut standing = Vec::new();
        for point in points.iter_mut().filter(|point| point.complete) {
            standing.push(Standing { id: point.id, holds: point.holds });
            let known = measured.known.get(point.id).filter(|known| known.holds == point.holds);
            let noted = known.map_or(measured.now, |known| known.since);
            point.since = point.since.or(Some(noted));
        }
        let checklist = Checklist {
            database: measured.database,
            strict: measured.applied.is_some(),
            applied: measured.applied,
            ready: points.iter().all(|point| point.holds || !point.required),
            measured_at: measured.now,
            points,
        };
        Ok((checklist, standing))
    }
}

impl Checklist {
    /// The points that fail and must not.
    pub fn failing(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(|point| point.required && !point.holds)
    }
}
