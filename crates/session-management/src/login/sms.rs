//! Logging in by a code that is sent to a phone.

use std::net::IpAddr;

use identity_db::rate_limit::Counter;

use super::{Code, OneTimeProof, Phone};
use crate::account::{LoggedIn, Login};
use crate::error::SessionError;
use crate::manager::Result;
use crate::service::SessionService;

/// A code that is to be sent.
#[derive(Debug)]
pub struct IssuedCode {
    /// To whom.
    pub phone: Phone,
    /// What.
    pub code: Code,
    counted: Vec<Counter>,
}

impl SessionService {
    /// Makes a code for a phone, whoever has it; an older one counts no more. The caller sends it.
    ///
    /// # Errors
    /// [`SessionError::RateLimited`] by the phone or the address.
    pub async fn issue_code(&self, phone: Phone, address: Option<IpAddr>) -> Result<IssuedCode> {
        let (by_phone, by_address) = self.limits().codes(&phone, address);
        self.reserve(by_phone.clone()).await?;
        let counted = self.reserve(by_address.clone()).await;
        if let Err(SessionError::RateLimited(_)) = counted {
            // An address beyond its limit uses up no stranger's.
            self.refund(by_phone.clone()).await;
        }
        counted?;
        let code = Code::generate();
        self.manager().store_code(&phone, &code).await?;
        Ok(IssuedCode { phone, code, counted: [by_phone, by_address].concat() })
    }

    /// Takes back what a code was counted as that certainly was not sent.
    pub async fn take_back(&self, issued: IssuedCode) {
        self.refund(issued.counted).await;
    }

    /// Logs in whoever has the phone that the code was sent to. Who is new becomes a person.
    ///
    /// # Errors
    /// [`SessionError::InvalidCredentials`], whatever was wrong, also for
    /// the right code of a person who is blocked; the attempt is counted either way.
    pub async fn log_in_by_code(&self, phone: Phone, code: Code, login: Login) -> Result<LoggedIn> {
        self.log_in_once(Some(OneTimeProof::Code(phone, code)), "sms", login).await
    }
}
