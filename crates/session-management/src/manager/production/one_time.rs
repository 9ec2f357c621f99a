//! Codes and Telegram's payloads in Postgres.

use std::sync::PoisonError;

use constants::lifetime;
use identity_db::one_time::{self, Whose};
use identity_db::user::User;

use super::Inner;
use crate::error::SessionError;
use crate::login::{Code, OneTimeProof, Phone, Redeemer, TelegramIdentity};
use crate::manager::Result;

impl Inner {
    pub(super) async fn store_code(&self, phone: &Phone, code: &Code) -> Result<()> {
        let newest = self.code_hashes(phone, code).await?.into_iter().next();
        let hash = newest.ok_or_else(|| SessionError::Internal("a keyring without a key".into()))?;
        let phone = phone.as_str().to_owned();
        let stored = move |conn: &mut _| one_time::store_code(conn, &phone, &hash, lifetime::CODE);
        Ok(self.database.run(stored).await?)
    }

    pub(super) async fn redeem(&self, proof: OneTimeProof, redeemer: Redeemer) -> Result<Option<User>> {
        let whose = match redeemer {
            Redeemer::Anybody(origin) => Whose::Anybody(self.context, origin),
            Redeemer::Person(id) => Whose::Person(id),
        };
        Ok(match proof {
            OneTimeProof::Code(phone, code) => {
                let hashes = self.code_hashes(&phone, &code).await?;
                let redeem = move |conn: &mut _| one_time::redeem_code(conn, phone.as_str(), &hashes, &whose);
                self.database.run(redeem).await?
            }
            OneTimeProof::Telegram(TelegramIdentity(payload)) => {
                self.database.run(move |conn| one_time::redeem_payload(conn, &payload, &whose)).await?
            }
        })
    }

    async fn code_hashes(&self, phone: &Phone, code: &Code) -> Result<Vec<one_time::Digest>> {
        let hashes = || {
            let keyring = self.keyring.read().unwrap_or_else(PoisonError::into_inner);
            keyring.as_ref().map(|keyring| keyring.code_hashes(phone, code))
        };
        if let Some(hashes) = hashes() {
            return Ok(hashes);
        }
        // The process has only just begun.
        self.refresh_keyring().await;
        hashes().ok_or_else(|| SessionError::Unavailable("there is no root key yet".into()))
    }
}
