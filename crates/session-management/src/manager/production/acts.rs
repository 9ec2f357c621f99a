//! Logging in and ending sessions: what each act writes, and what follows its commit.

use constants::AuditAction;
use identity_db::session::{self, NewSession, Revocation, Revoked, Rotation};
use identity_db::{DatabaseError, QueryError, SessionId, audit, failpoint, user};

use super::{Inner, Result};
use crate::Origin;
use crate::account::{EndOthers, LoggedIn, Login, OthersEnded, SessionRequest, dual_writes};
use crate::error::SessionError;
use crate::metrics;
use crate::token::SessionToken;

impl Inner {
    pub(super) async fn create_session(&self, request: SessionRequest) -> Result<Option<LoggedIn>> {
        let SessionRequest { mut user, auth_method, login, rehashed } = request;
        let token = SessionToken::generate();
        let id = token.id();
        let dual_written = dual_writes(self.context, self.legacy_tokens(), login.by_cookie);
        let carried: Vec<SessionId> = login.carried.iter().map(SessionToken::id).collect();
        self.adopt_carried(&login).await?;
        let row = session::Login {
            user_id: user.id,
            credential_version: user.credential_version,
            session: NewSession {
                id,
                context: self.context,
                idle: self.lifetimes.idle,
                absolute: self.lifetimes.absolute,
                origin: login.origin,
                auth_method,
            },
            carried: carried.clone(),
            auth_token: dual_written.then(|| token.expose().to_owned()),
            rehashed,
        };
        let Some(session) = self.database.run(move |conn| session::open(conn, &row)).await? else {
            return Ok(None);
        };
        unless_failing(failpoint!(fails "login::committed"))?;
        log::info!(
            "[SESSION_CREATE] context={} session={} user={} method={auth_method}",
            self.context,
            id.short(),
            user.id
        );
        if !carried.is_empty() {
            self.forget(&carried).await;
        }
        unless_failing(failpoint!(fails "login::before_fill"))?;
        self.fill(&id).await;
        unless_failing(failpoint!(fails "login::filled"))?;
        user.last_login_at = Some(session.created_at);
        Ok(Some(LoggedIn { token, user, session, dual_written }))
    }

    /// What the request carried and the older software began is to end with the rest. That Redis cannot be asked
    /// for it keeps nobody from logging in.
    async fn adopt_carried(&self, login: &Login) -> Result<()> {
        if !self.adopts() {
            return Ok(());
        }
        for token in &login.carried {
            if self.look_ups.find(token.id()).await?.0.is_none()
                && let Err(error) = self.try_adopt(token, &login.origin).await?
            {
                log::warn!("a carried token stays as it is: {error}");
            }
        }
        Ok(())
    }

    pub(super) async fn log_out(&self, tokens: Vec<SessionToken>, origin: Origin) -> Result<()> {
        let mut revocation = Revocation {
            ids: tokens.iter().map(SessionToken::id).collect(),
            of_user: None,
            context: Some(self.context),
            actor: None,
            action: AuditAction::SessionLogout,
            origin,
        };
        let ended = self.revoke(revocation.clone()).await?;
        self.forget_legacy(&tokens, &ended.keyed).await;
        let rest: Vec<SessionToken> =
            tokens.into_iter().filter(|token| !ended.all.contains(&token.id())).collect();
        if failpoint!("guard::logout_leaves_tombstone") {
            return Ok(());
        }
        revocation.ids = self.adopt_unknown(&rest, &revocation.origin).await?;
        if !revocation.ids.is_empty() {
            let ended = self.revoke(revocation).await?;
            self.forget_legacy(&rest, &ended.keyed).await;
        }
        Ok(())
    }

    pub(super) async fn revoke(&self, revocation: Revocation) -> Result<Revoked> {
        let ids = revocation.ids.clone();
        let cause = revocation.action;
        let ended = self.database.run(move |conn| session::revoke(conn, &revocation)).await?;
        unless_failing(failpoint!(fails "revoke::committed"))?;
        for id in &ended.live {
            metrics::REVOCATIONS.with_label_values(&[cause.as_str()]).inc();
            log::info!("[SESSION_DELETE] context={} session={} cause={cause}", self.context, id.short());
        }
        self.forget(&ids).await;
        unless_failing(failpoint!(fails "revoke::forgotten"))?;
        Ok(ended)
    }

    pub(super) async fn end_others(&self, act: EndOthers) -> Result<Option<OthersEnded>> {
        let EndOthers { own, new_password, credential_version, proven, action } = act;
        let token = SessionToken::generate();
        let dual_written = dual_writes(self.context, self.legacy_tokens(), own.by_cookie);
        let rotation = Rotation {
            keep: own.token.id(),
            replacement: token.id(),
            proven,
            auth_token: dual_written.then(|| token.expose().to_owned()),
        };
        let entry = audit::Entry {
            action,
            context: Some(self.context),
            actor: Some(own.user_id),
            subject: Some(own.user_id),
            session: Some(rotation.replacement),
            origin: own.origin,
            detail: None,
        };
        let replacement = rotation.replacement;
        let ended = self
            .database
            .transaction(move |conn| {
                let seen = Some(credential_version);
                let raised = user::raise_epoch(conn, own.user_id, seen, new_password.as_ref())?;
                let raised = raised.ok_or(QueryError::RollbackTransaction)?;
                let ended = session::end_all(conn, own.user_id, raised.session_epoch, Some(&rotation))?;
                if !ended.kept {
                    return Err(QueryError::RollbackTransaction);
                }
                audit::append(conn, &entry)?;
                Ok((ended, raised))
            })
            .await;
        let (ended, raised) = match ended {
            Err(DatabaseError::RolledBack) => return Ok(None),
            other => other?,
        };
        unless_failing(failpoint!(fails "end_all::committed"))?;
        self.near.deny_user(raised.id, raised.version);
        for id in &ended.live {
            metrics::REVOCATIONS.with_label_values(&[action.as_str()]).inc();
            log::info!("[SESSION_DELETE] context={} session={} cause={action}", self.context, id.short());
        }
        unless_failing(failpoint!(fails "end_all::denied"))?;
        self.forget(&ended.all).await;
        unless_failing(failpoint!(fails "end_all::forgotten"))?;
        self.fill(&replacement).await;
        unless_failing(failpoint!(fails "end_all::filled"))?;
        Ok(Some(OthersEnded { revoked: ended.live.len(), token, dual_written }))
    }
}

/// Nobody is told what became of an act that a test lets fail here.
fn unless_failing(fails: bool) -> Result<()> {
    if fails { Err(SessionError::Unavailable("a failpoint".into())) } else { Ok(()) }
}
