//! The pages.

mod account;
mod audit;
mod cleanup;
mod dashboard;
mod home;
mod login;
mod paging;
mod people;
mod problem;

pub use account::{AccountPage, DeviceRow};
pub use audit::{AuditPage, LogLine, LogValue};
pub use cleanup::{ChecklistRows, CleanupPage, PointRow};
pub use dashboard::{Chart, ChartRow, DashboardPage, Lag};
pub use home::{HomePage, Person};
pub use login::{CodePage, LoginPage, PhoneForm, RegisterPage, TelegramButton, TelegramPage, Ways};
pub use paging::Pages;
pub use people::{ActForm, ActPage, GrantRow, PersonPage, PersonRow, SessionRow, UsersPage};
pub use problem::ProblemPage;
