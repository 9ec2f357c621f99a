//! The pages.

mod account;
mod home;
mod login;
mod problem;

pub use account::{AccountPage, DeviceRow};
pub use home::{HomePage, Person};
pub use login::{CodePage, LoginPage, PhoneForm, RegisterPage, TelegramPage, TelegramWay, Ways};
pub use problem::ProblemPage;
