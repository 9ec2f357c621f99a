//! Logging in and ending sessions in both stores.

use constants::AuditAction;
use std::collections::BTreeSet;

use identity_db::audit::Origin;
use identity_db::{SessionId, UserId};

use super::WriteThroughUserManager;
use crate::account::{EndOthers, LoggedIn, OthersEnded, SessionRequest};
use crate::manager::strategy::stores::unfelt;
use crate::manager::{Result, UserManager};
use crate::token::SessionToken;

impl WriteThroughUserManager {
    pub(super) async fn log_in(&self, request: SessionRequest) -> Result<Option<LoggedIn>> {
        let user = request.user.id;
        if self.stores.old.find_by_id(user).await?.is_none() {
            self.stores.load_person(user).await?;
        }
        let dual_written = self.stores.production.dual_writes(request.login.by_cookie);
        let (carried, origin) = (request.login.carried.clone(), request.login.origin.clone());
        let Some(opened) = self.stores.old.log_in(request) else { return Ok(None) };
        if !carried.is_empty() {
            self.log_out(&carried, origin).await?;
        }
        if dual_written {
            self.stores.old.note_token(user, &opened.token);
        }
        unfelt(
            "create_session",
            self.stores.reach(self.stores.save_as(user, AuditAction::SessionCreated)).await,
        );
        Ok(Some(LoggedIn { dual_written, ..opened }))
    }

    /// A logout that production does not take is kept for it.
    pub(super) async fn log_out(&self, tokens: &[SessionToken], origin: Origin) -> Result<()> {
        let ids: Vec<SessionId> = tokens.iter().map(SessionToken::id).collect();
        self.stores.old.end(&ids, AuditAction::SessionLogout, &origin);
        if tokens.is_empty() {
            return Ok(());
        }
        let told = self.stores.reach(self.stores.production.delete_session(tokens, origin.clone())).await;
        match unfelt("delete_session", told) {
            Some(()) => self.stores.old.end_at_once(&ids),
            None => self.stores.keep_missed(tokens.to_vec(), origin)?,
        }
        unfelt("delete_session", self.stores.reach(self.stores.save_owners(&ids)).await);
        Ok(())
    }

    pub(super) async fn end_all_others(&self, act: EndOthers) -> Option<OthersEnded> {
        let (user, own) = (act.own.user_id, act.own.token.id());
        let dual_written = self.stores.production.dual_writes(act.own.by_cookie);
        let (ended, live) = self.stores.old.end_all_others(act)?;
        if dual_written {
            self.stores.old.note_token(user, &ended.token);
        }
        let saved = self.stores.reach(self.stores.save_as(user, AuditAction::SessionCreated)).await;
        let there = unfelt("end_others", saved).flatten().map(|arrived| arrived.ended).unwrap_or_default();
        self.stores.old.end_at_once(&there);
        // Of sessions that other processes opened only production knows.
        let all: BTreeSet<SessionId> = live.into_iter().chain(there).filter(|id| *id != own).collect();
        Some(OthersEnded { revoked: all.len(), dual_written, ..ended })
    }

    /// Brings a person's sessions to the old store, those of other processes too, and ends what has ended there.
    pub(super) async fn bring_sessions(&self, user: UserId) {
        let brought = async {
            let sessions = self.stores.production.sessions(user).await?;
            if self.stores.old.find_by_id(user).await?.is_none() {
                self.stores.load_person(user).await?;
            }
            sessions.iter().for_each(|session| self.stores.old.take_in_session(session));
            self.stores.check_ends(self.stores.old.sessions_of(user)).await
        };
        unfelt("list", self.stores.reach(brought).await);
    }
}
