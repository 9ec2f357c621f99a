//! Who keeps people and sessions. Every manager acts in the one application context it was built for.

pub(crate) mod mock;
pub(crate) mod production;
pub(crate) mod strategy;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use constants::ApplicationContext;
use identity_db::SessionId;
use identity_db::UserId;
use identity_db::audit::Origin;
use identity_db::rate_limit::Counter;
use identity_db::server::Faults;
use identity_db::session::Session;
use identity_db::user::{Credential, NewUser, User, UserChange};
use tokio::sync::broadcast;

use crate::account::{EndOthers, LoggedIn, OthersEnded, SessionRequest};
use crate::administration::Administration;
use crate::email::Email;
use crate::error::SessionError;
use crate::login::{Code, OneTimeProof, Phone, Redeemer};
use crate::principal::Snapshot;
use crate::token::SessionToken;

pub use mock::MockUserManager;
pub use production::ProductionUserManager;
pub use strategy::{GradualUserManager, SwitchingUserManager, WriteThroughUserManager};

/// Short for the answers of a manager.
pub type Result<T> = std::result::Result<T, SessionError>;

/// How up to date the answer of a look-up must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// A cache may repeat a recent yes.
    Cached,
    /// Postgres is asked: for acts that need a recent proof.
    Authoritative,
}

/// Which parts of a manager answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Nothing can be decided without Postgres.
    pub needed: bool,
    /// Postgres answers.
    pub postgres: bool,
    /// Redis answers.
    pub redis: bool,
    /// Anything cached may count.
    pub lease: bool,
    /// No migration is pending.
    pub migrated: bool,
    /// Nothing was found, or nothing that matters here, that keeps Postgres from what it must keep.
    pub fit: bool,
}

/// Keeps people and their sessions in one application context.
///
/// Absent is `Ok(None)` or `Ok(false)`; `Err(Unavailable)` means that nobody knows.
#[async_trait]
pub trait UserManager: Send + Sync + std::fmt::Debug {
    /// The context in which every session of this manager counts.
    fn context(&self) -> ApplicationContext;

    /// The person with this address.
    async fn find_by_email(&self, email: &Email) -> Result<Option<User>>;

    /// The person with this id.
    async fn find_by_id(&self, id: UserId) -> Result<Option<User>>;

    /// The person whose live session has this token.
    async fn find_by_session_id(&self, token: &SessionToken) -> Result<Option<User>> {
        Ok(self
            .look_up(token, Freshness::Cached, &Origin::default())
            .await?
            .map(|snapshot| snapshot.user.clone()))
    }

    /// What a login with this address is checked against.
    async fn credential_by_email(&self, email: &Email) -> Result<Option<Credential>>;

    /// What a proof by this person is checked against.
    async fn credential(&self, id: UserId) -> Result<Option<Credential>>;

    /// Creates a person; `None` when the address is taken.
    async fn create(&self, new: NewUser, origin: Origin) -> Result<Option<User>>;

    /// Changes a person; `None` when there is no such person.
    async fn update(&self, id: UserId, change: UserChange) -> Result<Option<User>>;

    /// A page of people, the newest first.
    async fn get_all(&self, limit: i64, offset: i64) -> Result<Vec<User>>;

    /// How many people there are.
    async fn count(&self) -> Result<i64>;

    /// A live session that can be told without waiting for anything; `None` says nothing about it.
    fn peek(&self, _id: &SessionId) -> Option<Arc<Snapshot>> {
        None
    }

    /// Who is changed from now on, by whatever process. Changes while the stream of denials is down are not told.
    fn changed_users(&self) -> broadcast::Receiver<UserId> {
        broadcast::channel(1).1
    }

    /// The live session of a token, with its user. `origin` is who presents it: a session of the older software
    /// that is adopted by this look-up is known by it.
    async fn look_up(
        &self,
        token: &SessionToken,
        freshness: Freshness,
        origin: &Origin,
    ) -> Result<Option<Arc<Snapshot>>>;

    /// Opens a session; the one function through which every login goes. `None` when the person is blocked,
    /// gone, or has another credential than the one that was checked.
    async fn create_session(&self, request: SessionRequest) -> Result<Option<LoggedIn>>;

    /// Ends the sessions of these tokens. Ending what has ended or never was is no error.
    async fn delete_session(&self, tokens: &[SessionToken], origin: Origin) -> Result<()>;

    /// Moves the idle end of a session on, as a use does; `false` when it is not live.
    async fn extend_session(&self, token: &SessionToken) -> Result<bool>;

    /// The live sessions of a person in this context.
    async fn sessions(&self, user: UserId) -> Result<Vec<Session>>;

    /// Ends one session of a person in this context by its id; `false` when that person has none such.
    async fn revoke_session(&self, user: UserId, id: &SessionId, origin: Origin) -> Result<bool>;

    /// Ends every other session of a person in every context, and gives the caller's a new token. `None`
    /// when the caller's session has ended, or the credential is another than the one that was checked.
    async fn end_others(&self, act: EndOthers) -> Result<Option<OthersEnded>>;

    /// Notes a new proof of identity in a session; `false` when it has ended.
    async fn renew_proof(&self, token: &SessionToken, credential_version: i64) -> Result<bool>;

    /// Keeps the code that is sent to a phone, in the place of an older one.
    async fn store_code(&self, phone: &Phone, code: &Code) -> Result<()>;

    /// Uses up a proof that counts once; whose it is. `None` when it is wrong, used or too old, or belongs to
    /// another person than the one for whom it is to count. The attempt at a code is counted in any case.
    async fn redeem(&self, proof: OneTimeProof, redeemer: Redeemer) -> Result<Option<User>>;

    /// What staff do with the people and sessions that this manager keeps.
    fn administration(&self) -> &dyn Administration;

    /// Counts an attempt before it is judged; the inner error is how long to wait.
    async fn reserve(&self, counters: Vec<Counter>) -> Result<std::result::Result<(), Duration>>;

    /// Takes an attempt back that is none of those that are limited.
    async fn refund(&self, counters: Vec<Counter>) -> Result<()>;

    /// Which stores answer.
    async fn health(&self) -> Health;

    /// Asks the stores, once at the start, whether they are what the promises need: an error where they could
    /// be asked and are not. Elsewhere than in production it is logged and no error.
    async fn examine(&self) -> std::result::Result<(), Faults> {
        Ok(())
    }

    /// Hears of what other processes end; runs as long as the process does. Where nothing is cached there is
    /// nothing to hear.
    async fn follow_denials(&self) {
        std::future::pending::<()>().await;
    }

    /// Says, where others would otherwise wait for it, that this process ends.
    async fn leave(&self) {}

    /// Does what is due between requests, such as writing down uses; the next call should come after the
    /// returned time. Called once more before the process ends.
    async fn maintain(&self) -> Duration;
}
