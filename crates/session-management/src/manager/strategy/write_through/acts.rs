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
            self.log_out(&carried, origin).await;
        }
        let token = dual_written.then(|| opened.token.expose().to_owned());
        unfelt(
            "create_session",
            self.stores.reach(self.stores.save_with(user, AuditAction::SessionCreated, token)).await,
        );
        Ok(Some(LoggedIn { dual_written, ..opened }))
    }

    pub(super) async fn log_out(&self, tokens: &[SessionToken], origin: Origin) {
        let ids: Vec<SessionId> = tokens.iter().map(SessionToken::id).collect();
        self.stores.old.end(&ids, AuditAction::SessionLogout, &origin);
        if tokens.is_empty() {
            return;
        }
        let told = self.stores.reach(self.stores.production.delete_session(tokens, origin.clone())).await;
        if unfelt("delete_session", told).is_none() {
            self.stores.note_missed(tokens.to_vec(), origin);
        }
        unfelt("delete_session", self.stores.reach(self.stores.save_owners(&ids)).await);
    }

    pub(super) async fn end_all_others(&self, act: EndOthers) -> Option<OthersEnded> {
        let (user, own) = (act.own.user_id, act.own.token.id());
        let dual_written = self.stores.production.dual_writes(act.own.by_cookie);
        let (ended, live) = self.stores.old.end_all_others(act)?;
        let token = dual_written.then(|| ended.token.expose().to_owned());
        let saved = self.stores.reach(self.stores.save_with(user, AuditAction::SessionCreated, token)).await;
        let there = unfelt("end_others", saved).flatten().map(|arrived| arrived.ended).unwrap_or_default();
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
            let here = self.stores.old.sessions(user).await?;
            let missing = here.iter().filter(|own| !sessions.iter().any(|session| session.id == own.id));
            self.stores.check_ends(missing.map(|session| session.id).collect()).await
        };
        unfelt("list", self.stores.reach(brought).await);
    }
}
