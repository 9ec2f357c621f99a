//! What goes between Postgres and the memory of a process, and what the processes say of their strategy.

use std::collections::HashMap;
use std::sync::Arc;

use constants::MigrationStrategy;
use identity_db::audit::Origin;
use identity_db::carry::{Arrived, Bundle, Person, carry};
use identity_db::right::{self, Grant};
use identity_db::session::{self, Found, Session};
use identity_db::strategy::{self, Report};
use identity_db::user::{self, Credential};
use identity_db::{Database, DatabaseError, SessionId, UserId, one_time};
use tokio::sync::Notify;

use super::look_up::Decision;
use super::{ProductionUserManager, Result, to_the_end};
use crate::account::dual_writes;
use crate::login::Phone;
use crate::manager::Freshness;
use crate::manager::mock::Used;
use crate::token::SessionToken;

impl ProductionUserManager {
    /// What Postgres, or a cache in its name, says of a token.
    pub(crate) async fn judge(
        &self,
        token: &SessionToken,
        freshness: Freshness,
        origin: &Origin,
    ) -> Result<Decision> {
        if self.0.caches() && freshness == Freshness::Cached {
            return self.0.look_up_cached(token, origin).await;
        }
        self.0.look_up_in_postgres(token, origin).await
    }

    /// Carries a person and their sessions over, in the time that a request has.
    pub(crate) async fn carry_one(&self, bundle: Bundle) -> Result<Option<Arrived>> {
        let mut arrived = self.carry_by(self.0.database.clone(), vec![bundle]).await?;
        Ok(arrived.pop().flatten())
    }

    /// The same of many, with more patience.
    pub(crate) async fn carry(&self, bundles: Vec<Bundle>) -> Result<Vec<Option<Arrived>>> {
        self.carry_by(self.0.bulk.clone(), bundles).await
    }

    /// In one transaction; and takes what has ended out of the caches.
    async fn carry_by(&self, database: Database, bundles: Vec<Bundle>) -> Result<Vec<Option<Arrived>>> {
        let this = self.clone();
        to_the_end(async move {
            let all = Arc::new(bundles);
            let carried = |bundles: Arc<Vec<Bundle>>| {
                database.transaction(move |conn| bundles.iter().map(|bundle| carry(conn, bundle)).collect())
            };
            let arrived: Vec<Option<Arrived>> = match carried(Arc::clone(&all)).await {
                // Somebody made a person of the same address at the same moment; now they are there.
                Err(DatabaseError::Refused(_)) => carried(Arc::clone(&all)).await?,
                other => other?,
            };
            let mut ended = Vec::new();
            for (bundle, arrived) in all.iter().zip(&arrived) {
                let Some(arrived) = arrived else { continue };
                ended.extend(arrived.dead.iter().chain(&arrived.ended).copied());
                ended.extend(
                    bundle.sessions.iter().filter(|carried| carried.ended).map(|carried| carried.session.id),
                );
                let Person { known, attributes, blocked, lifted, ended_before, grants, .. } = &bundle.person;
                if *known
                    && (*attributes
                        || *blocked
                        || lifted.is_some()
                        || ended_before.is_some()
                        || !grants.is_empty())
                {
                    let user = &arrived.credential.user;
                    this.0.near.deny_user(user.id, user.version);
                }
            }
            this.0.forget_everywhere(&ended).await;
            Ok(arrived)
        })
        .await
    }

    /// Whether a session's token also goes where the older software looks.
    pub(crate) fn dual_writes(&self, by_cookie: bool) -> bool {
        dual_writes(self.0.context, self.0.legacy_tokens(), by_cookie)
    }

    /// Uses up what was used in the memory of a process.
    pub(crate) async fn note_used(&self, used: Used) -> Result<()> {
        let phones: Vec<String> = used.phones.iter().map(|phone| phone.as_str().to_owned()).collect();
        let noted = self.0.bulk.transaction(move |conn| {
            one_time::spend_codes(conn, &phones)?;
            one_time::note_payloads(conn, &used.payloads)
        });
        Ok(noted.await?)
    }

    /// Payloads that were used.
    pub(crate) async fn used(&self) -> Result<Used> {
        let payloads = self.0.bulk.read(one_time::used_payloads).await?;
        Ok(Used { phones: Vec::<Phone>::new(), payloads })
    }

    /// A page of everybody, each with their rights.
    pub(crate) async fn people(
        &self,
        after: Option<UserId>,
        limit: i64,
    ) -> Result<Vec<(Credential, Vec<Grant>)>> {
        let page = move |conn: &mut _| {
            let people = user::page(conn, after, limit)?;
            let ids: Vec<UserId> = people.iter().map(|known| known.user.id).collect();
            let mut grants: HashMap<UserId, Vec<Grant>> = HashMap::new();
            for (user, grant) in right::of_people(conn, &ids)? {
                grants.entry(user).or_default().push(grant);
            }
            let with_grants = |known: Credential| {
                let grants = grants.remove(&known.user.id).unwrap_or_default();
                (known, grants)
            };
            Ok(people.into_iter().map(with_grants).collect())
        };
        Ok(self.0.bulk.read(page).await?)
    }

    /// A person with their rights.
    pub(crate) async fn person(&self, id: UserId) -> Result<Option<(Credential, Vec<Grant>)>> {
        let person = move |conn: &mut _| match user::credential(conn, id)? {
            Some(known) => Ok(Some((known, right::list(conn, id)?))),
            None => Ok(None),
        };
        Ok(self.0.database.read(person).await?)
    }

    /// A page of the live sessions of this application.
    pub(crate) async fn live(&self, after: Option<SessionId>, limit: i64) -> Result<Vec<Session>> {
        let context = self.0.context;
        let page = move |conn: &mut _| session::page(conn, context, after.as_ref(), limit);
        Ok(self.0.bulk.read(page).await?)
    }

    /// What Postgres has of these sessions.
    pub(crate) async fn rows(&self, ids: Vec<SessionId>) -> Result<Vec<Found>> {
        Ok(self.0.bulk.read(move |conn| session::find_all(conn, &ids)).await?)
    }

    /// Whether Postgres answers.
    pub(crate) async fn answers(&self) -> bool {
        self.0.database.read(strategy::recorded).await.is_ok()
    }

    /// Says what this process runs, and hears what it is to run; no request waits for the connection.
    pub(crate) async fn report(&self, report: Report) -> Result<Option<MigrationStrategy>> {
        Ok(self.0.bulk.run(move |conn| strategy::report(conn, &report)).await?)
    }

    /// Says that this process ends.
    pub(crate) async fn leave(&self, id: uuid::Uuid) -> Result<()> {
        Ok(self.0.bulk.run(move |conn| strategy::leave(conn, id)).await?)
    }

    /// Rings when somebody has set the migration strategy.
    pub(crate) fn strategy_set(&self) -> Arc<Notify> {
        Arc::clone(&self.0.strategy_set)
    }
}
