//! The migration strategies: which of two stores answers, the memory of the process or Postgres with Redis, and which is
//! written beside it.

mod administration;
mod gradual;
mod stores;
mod switching;
mod transition;
mod write_through;

pub(crate) use stores::Stores;

pub use gradual::GradualUserManager;
pub use switching::SwitchingUserManager;
pub use write_through::WriteThroughUserManager;
