//! People and what they prove once, in both stores.

use identity_db::audit::Origin;
use identity_db::user::{Credential, NewUser, User};

use super::WriteThroughUserManager;
use crate::email::Email;
use crate::login::{OneTimeProof, Redeemer};
use crate::manager::strategy::gradual::{subject, used_by};
use crate::manager::strategy::stores::unfelt;
use crate::manager::{Result, UserManager};

impl WriteThroughUserManager {
    /// What a login is checked against. A password that was changed through another process counts here, too.
    pub(super) async fn credential_of(&self, email: &Email) -> Result<Option<Credential>> {
        let there =
            unfelt("find", self.stores.reach(self.stores.production.credential_by_email(email)).await);
        if let Some(there) = there.flatten() {
            unfelt("find", self.stores.reach(self.stores.load_person(there.user.id)).await);
        }
        self.stores.old.credential_by_email(email).await
    }

    pub(super) async fn make(&self, new: NewUser, origin: Origin) -> Result<Option<User>> {
        if let Some(email) = new.email.as_deref().and_then(Email::parse) {
            self.credential_of(&email).await?;
        }
        let made = self.stores.old.create(new, origin).await?;
        if let Some(user) = &made {
            self.write("create", user.id).await;
        }
        Ok(made)
    }

    /// Uses a proof up in both. Where production has it, too, its answer counts, so that no two processes take it.
    pub(super) async fn use_up(&self, proof: OneTimeProof, redeemer: Redeemer) -> Result<Option<User>> {
        let old = &self.stores.old;
        let (phone, telegram_id) = subject(&proof);
        if let Some(user) = old.owner_of(phone, telegram_id) {
            self.write("redeem", user).await;
        }
        let is_only_here = match &proof {
            OneTimeProof::Code(phone, _) => old.has_code_of_its_own(phone),
            OneTimeProof::Telegram(_) => false,
        };
        let there = self.stores.reach(self.stores.production.redeem(proof.clone(), redeemer.clone())).await;
        let user = match unfelt("redeem", there) {
            Some(Some(user)) => {
                old.take_in_used(used_by(&proof));
                self.stores.load_person(user.id).await?;
                return Ok(old.find_by_id(user.id).await?.or(Some(user)));
            }
            Some(None) if !is_only_here => return Ok(None),
            _ => old.redeem(proof, redeemer).await?,
        };
        if let Some(user) = &user {
            self.write("redeem", user.id).await;
        }
        Ok(user)
    }
}
