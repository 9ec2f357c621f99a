//! Ways of logging in by something that counts once: a code sent by SMS, a payload signed by Telegram.

mod code;
mod phone;
mod sms;
mod telegram;

use identity_db::{UserId, failpoint};

use crate::account::{LoggedIn, Login, OwnSession};
use crate::error::SessionError;
use crate::manager::Result;
use crate::metrics;
use crate::service::SessionService;
use crate::{Origin, User};

pub use code::Code;
pub use phone::Phone;
pub use sms::IssuedCode;
pub use telegram::{LoginWidget, TelegramFields, TelegramIdentity};

/// Something that proves once who a person is.
#[derive(Debug, Clone)]
pub enum OneTimeProof {
    /// A code that was sent to a phone.
    Code(Phone, Code),
    /// What Telegram says.
    Telegram(TelegramIdentity),
}

impl OneTimeProof {
    /// Its name in sessions, metrics and the log.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Code(..) => "sms",
            Self::Telegram(_) => "telegram",
        }
    }
}

/// For whom a proof is to count.
#[derive(Debug, Clone)]
pub enum Redeemer {
    /// For whoever it belongs to; a person who is new is made, coming from there.
    Anybody(Origin),
    /// For this person alone. What belongs to anyone else is not touched.
    Person(UserId),
}

impl SessionService {
    /// Renews the caller's proof of identity by a code or a payload of their own. Where people do not sign up nothing
    /// but the password counts, since nothing else opens a session there.
    ///
    /// # Errors
    /// [`SessionError::InvalidCredentials`]; [`SessionError::RateLimited`].
    pub async fn reauthenticate_once(&self, own: OwnSession, proof: OneTimeProof) -> Result<()> {
        if !self.manager().context().application().sign_up {
            return Err(SessionError::InvalidCredentials);
        }
        let user = self.redeem(proof, Redeemer::Person(own.user_id), own.address).await?;
        let renewed = self.manager().renew_proof(&own.token, user.credential_version).await?;
        renewed.then_some(()).ok_or(SessionError::Unauthenticated)
    }

    async fn log_in_once(
        &self,
        proof: Option<OneTimeProof>,
        method: &'static str,
        login: Login,
    ) -> Result<LoggedIn> {
        let outcome = async {
            let proof = proof.ok_or(SessionError::InvalidCredentials)?;
            let redeemer = Redeemer::Anybody(login.origin.clone());
            let user = self.redeem(proof, redeemer, login.address).await?;
            self.admit(&user)?;
            self.open(user, method, login, None).await
        };
        let outcome = outcome.await;
        metrics::count_login(method, &outcome);
        outcome
    }

    /// Whose a proof is. It is used up, also when the person turns out to be blocked. A code can be guessed, so
    /// the attempt is counted for the address before it is compared; a signature cannot.
    async fn redeem(
        &self,
        proof: OneTimeProof,
        redeemer: Redeemer,
        address: Option<std::net::IpAddr>,
    ) -> Result<User> {
        let counters = match &proof {
            OneTimeProof::Code(..) => self.limits().guesses(address),
            OneTimeProof::Telegram(_) => Vec::new(),
        };
        if !counters.is_empty() {
            self.reserve(counters.clone()).await?;
        }
        let found = self.manager().redeem(proof, redeemer).await?;
        if failpoint!(fails "code::redeemed") {
            return Err(SessionError::Unavailable("a failpoint".into()));
        }
        let user = found.filter(|user| user.blocked_at.is_none()).ok_or(SessionError::InvalidCredentials)?;
        if !counters.is_empty() {
            self.refund(counters).await;
        }
        Ok(user)
    }
}
