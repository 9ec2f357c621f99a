//! The acts of people: registering, logging in, proving again who they are, ending sessions.

use std::sync::Arc;

use constants::{AppContext, AuditAction, Role};
use identity_db::rate_limit::Counter;
use identity_db::user::{Credential, NewUser, User};
use identity_db::{HashedPassword, SessionId, UserId};

use crate::account::{EndOthers, LoggedIn, Login, OthersEnded, OwnSession, SessionRequest};
use crate::email::Email;
use crate::error::SessionError;
use crate::limits::{self, Limits};
use crate::login::LoginWidget;
use crate::manager::{Freshness, Result, UserManager};
use crate::metrics;
use crate::one_by_one::OneByOne;
use crate::password::{Password, PasswordHasher, QUEUE_BUDGET, Verdict};
use crate::principal::Principal;
use crate::token::SessionToken;
use crate::{Origin, Session};

/// What an application holds: every act of a person, in the application's own context. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct SessionService {
    manager: Arc<dyn UserManager>,
    hasher: PasswordHasher,
    /// Comparisons of passwords, by the counter of their account and address.
    proofs: OneByOne,
    limits: Limits,
    widget: Option<LoginWidget>,
}

impl SessionService {
    /// Acts through a manager.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new(manager: Arc<dyn UserManager>, limits: Limits) -> Result<Self> {
        Ok(Self {
            manager,
            hasher: PasswordHasher::new()?,
            proofs: OneByOne::default(),
            limits,
            widget: None,
        })
    }

    /// The same, with logins by the Telegram widget of a bot.
    #[must_use]
    pub fn with_telegram(mut self, widget: Option<LoginWidget>) -> Self {
        self.widget = widget;
        self
    }

    /// The widget whose logins count here.
    pub(crate) const fn widget(&self) -> Option<&LoginWidget> {
        self.widget.as_ref()
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The manager below.
    #[must_use]
    pub fn manager(&self) -> &Arc<dyn UserManager> {
        &self.manager
    }

    /// Whose a token is, if that can be told without waiting for anything. `None` says nothing.
    #[must_use]
    pub fn peek<C: AppContext>(&self, id: &SessionId) -> Option<Principal<C>> {
        let principal = Principal::new(self.manager.peek(id)?)?;
        self.admit(principal.user()).is_ok().then_some(principal)
    }

    /// Whose a token is. `Ok(None)` is a no; an error is no answer.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`] when no store can tell; [`SessionError::Forbidden`] for a person whose
    /// role has been taken since they logged in.
    pub async fn look_up<C: AppContext>(
        &self,
        token: &SessionToken,
        origin: &Origin,
    ) -> Result<Option<Principal<C>>> {
        let found = self.manager.look_up(token, Freshness::Cached, origin).await?;
        let Some(principal) = found.and_then(Principal::new) else { return Ok(None) };
        self.admit(principal.user())?;
        Ok(Some(principal))
    }

    /// Where only staff have business, nobody else is let in.
    pub(crate) fn admit(&self, user: &User) -> Result<()> {
        let is_closed = self.manager.context().application().staff_only && !user.role.is_staff();
        if is_closed { Err(SessionError::Forbidden) } else { Ok(()) }
    }

    /// Creates a person and logs them in.
    ///
    /// # Errors
    /// [`SessionError::Conflict`] when the address is taken; [`SessionError::RateLimited`].
    pub async fn register(&self, email: Email, password: Password, login: Login) -> Result<LoggedIn> {
        self.reserve(self.limits.registration(login.address)).await?;
        let hashed_password = Some(self.hasher.hash(password).await?);
        let new = NewUser {
            email: Some(email.as_str().to_owned()),
            hashed_password,
            role: Role::User,
            is_verified: false,
        };
        let created = self.manager.create(new, login.origin.clone()).await?;
        let user = created.ok_or(SessionError::Conflict)?;
        self.open(user, "password", login, None).await
    }

    /// Creates an administrator in a store that has nobody yet who could.
    ///
    /// # Errors
    /// [`SessionError::Conflict`] when the address is taken.
    pub async fn create_first_admin(&self, email: Email, password: Password) -> Result<User> {
        let hashed_password = Some(self.hasher.hash(password).await?);
        let email = Some(email.as_str().to_owned());
        let new = NewUser { email, hashed_password, role: Role::Admin, is_verified: true };
        self.manager.create(new, Origin::default()).await?.ok_or(SessionError::Conflict)
    }

    /// Logs a person in by address and password. `email` is `None` for a text that is no address: it takes
    /// as long and fails in the same way as an unknown one.
    ///
    /// # Errors
    /// [`SessionError::InvalidCredentials`], whatever was wrong; [`SessionError::Forbidden`] for the right
    /// password of a person who has no business here; [`SessionError::RateLimited`].
    pub async fn log_in(&self, email: Option<Email>, password: Password, login: Login) -> Result<LoggedIn> {
        let outcome = self.log_in_by_password(email, password, login).await;
        metrics::count_login("password", &outcome);
        outcome
    }

    async fn log_in_by_password(
        &self,
        email: Option<Email>,
        password: Password,
        login: Login,
    ) -> Result<LoggedIn> {
        let known = match &email {
            Some(email) => self.manager.credential_by_email(email).await?,
            None => None,
        };
        let account = email.as_ref().map_or("", limits::account);
        let counters = self.limits.login(account, login.address);
        let (user, rehashed) = self.prove(known, password, counters).await?;
        self.admit(&user)?;
        self.open(user, "password", login, rehashed).await
    }

    /// Ends the sessions of the tokens that a request carried, whatever they are.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`] when the end could not be stored.
    pub async fn log_out(&self, tokens: &[SessionToken], origin: Origin) -> Result<()> {
        self.manager.delete_session(tokens, origin).await
    }

    /// The caller's live sessions in this application.
    ///
    /// # Errors
    /// When no store can tell.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<Session>> {
        self.manager.sessions(user).await
    }

    /// Ends one of the caller's sessions; `false` when it is not theirs.
    ///
    /// # Errors
    /// When the end could not be stored.
    pub async fn end_session(&self, user: UserId, id: &SessionId, origin: Origin) -> Result<bool> {
        self.manager.revoke_session(user, id, origin).await
    }

    /// Ends all other sessions of the caller, who proved within five minutes who they are.
    ///
    /// # Errors
    /// [`SessionError::ReauthenticationRequired`]; [`SessionError::Unauthenticated`] when the caller's own
    /// session has ended meanwhile.
    pub async fn end_others(&self, own: OwnSession) -> Result<OthersEnded> {
        let user = self.recently_proven(&own).await?;
        let act = EndOthers {
            own,
            new_password: None,
            credential_version: user.credential_version,
            proven: false,
            action: AuditAction::SessionsEndedByOwner,
        };
        self.manager.end_others(act).await?.ok_or(SessionError::Unauthenticated)
    }

    /// Changes the caller's password and ends all their other sessions. Without a current one, which is for
    /// people who have none yet, a recent proof is needed.
    ///
    /// # Errors
    /// [`SessionError::InvalidCredentials`] when the current password is wrong or missing.
    pub async fn change_password(
        &self,
        own: OwnSession,
        current: Option<Password>,
        new: Password,
    ) -> Result<OthersEnded> {
        let credential = self.manager.credential(own.user_id).await?;
        let has_password = credential.as_ref().is_some_and(|known| known.hashed_password.is_some());
        let user = match (current, has_password) {
            (None, true) => return Err(SessionError::InvalidCredentials),
            (None, false) => self.recently_proven(&own).await?,
            (Some(current), _) => self.prove_own(credential, current, &own).await?,
        };
        let new_password = Some(self.hasher.hash(new).await?);
        let act = EndOthers {
            own,
            new_password,
            credential_version: user.credential_version,
            proven: true,
            action: AuditAction::PasswordChanged,
        };
        self.manager.end_others(act).await?.ok_or(SessionError::Unauthenticated)
    }

    /// Whether the caller has a password that could be asked for.
    ///
    /// # Errors
    /// When no store can tell.
    pub async fn has_password(&self, user: UserId) -> Result<bool> {
        let credential = self.manager.credential(user).await?;
        Ok(credential.is_some_and(|known| known.hashed_password.is_some()))
    }

    /// Renews the caller's proof of identity by their password.
    ///
    /// # Errors
    /// [`SessionError::InvalidCredentials`]; [`SessionError::RateLimited`].
    pub async fn reauthenticate(&self, own: OwnSession, password: Password) -> Result<()> {
        let credential = self.manager.credential(own.user_id).await?;
        let user = self.prove_own(credential, password, &own).await?;
        let renewed = self.manager.renew_proof(&own.token, user.credential_version).await?;
        renewed.then_some(()).ok_or(SessionError::Unauthenticated)
    }

    async fn prove_own(
        &self,
        credential: Option<Credential>,
        password: Password,
        own: &OwnSession,
    ) -> Result<User> {
        let account = own.user_id.to_string();
        let email = credential.as_ref().and_then(|known| known.user.email.clone());
        let counters = self.limits.login(email.as_deref().unwrap_or(&account), own.address);
        Ok(self.prove(credential, password, counters).await?.0)
    }

    /// Compares a password: waits for a turn, counts the attempt, hashes, and only then says anything.
    ///
    /// Of one account and address one at a time, until its count is settled: right passwords that come at once would
    /// otherwise refuse each other by attempts that they are about to be given back.
    async fn prove(
        &self,
        known: Option<Credential>,
        password: Password,
        counters: Vec<Counter>,
    ) -> Result<(User, Option<HashedPassword>)> {
        let subject = counters.first().map_or("", |counter| counter.subject.as_str());
        let alone = self.proofs.enter(subject, QUEUE_BUDGET).await;
        let _alone =
            alone.ok_or_else(|| SessionError::Unavailable("too many logins of one account".into()))?;
        // The turn comes before the count, so that logins which wait do not use up an account's attempts.
        let turn = self.hasher.turn().await?;
        self.reserve(counters.clone()).await?;
        let (user, stored) = match known {
            Some(Credential { user, hashed_password }) => (Some(user), hashed_password),
            None => (None, None),
        };
        let verdict = self.hasher.verify(turn, password, stored).await?;
        match (verdict, user) {
            (Verdict::Right { rehashed }, Some(user)) if user.blocked_at.is_none() => {
                self.refund(counters).await;
                Ok((user, rehashed))
            }
            _ => Err(SessionError::InvalidCredentials),
        }
    }

    pub(crate) async fn open(
        &self,
        user: User,
        auth_method: &'static str,
        login: Login,
        rehashed: Option<HashedPassword>,
    ) -> Result<LoggedIn> {
        let request = SessionRequest { user, auth_method, login, rehashed };
        self.manager.create_session(request).await?.ok_or(SessionError::InvalidCredentials)
    }

    /// The caller, if Postgres knows of a proof within five minutes; a cache might know an older one.
    async fn recently_proven(&self, own: &OwnSession) -> Result<User> {
        let snapshot = self.manager.look_up(&own.token, Freshness::Authoritative, &own.origin).await?;
        let snapshot = snapshot.ok_or(SessionError::Unauthenticated)?;
        if !snapshot.is_recent(snapshot.read_at) {
            return Err(SessionError::ReauthenticationRequired);
        }
        Ok(snapshot.user.clone())
    }

    pub(crate) async fn reserve(&self, counters: Vec<Counter>) -> Result<()> {
        self.manager.reserve(counters).await?.map_err(SessionError::RateLimited)
    }

    /// Takes back what turned out not to be an attempt of the kind that is limited.
    pub(crate) async fn refund(&self, counters: Vec<Counter>) {
        if let Err(error) = self.manager.refund(counters).await {
            log::warn!("something that is not limited stays counted as an attempt: {error}");
        }
    }
}
