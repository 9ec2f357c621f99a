//! A session that is going to be ended, and one beside it that may end it.

use constants::AppScope;

pub(super) struct Victim {
    pub(super) application: AppScope,
    pub(super) email: String,
    /// What the client holds.
    pub(super) token: String,
    /// What the stores hold.
    pub(super) id: String,
    /// Another device of the same person.
    pub(super) other_token: String,
}
