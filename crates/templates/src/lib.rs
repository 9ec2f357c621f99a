//! Pages as typed structs, messages in English and Russian, and the files that pages load. A page that lacks a value does
//! not compile.

mod ago;
mod device;
mod fault;
mod frame;
mod locale;
mod notice;

pub mod asset;
pub mod page;

pub use ago::{ago, moment};
pub use askama::Template;
pub use device::Device;
pub use fault::Fault;
pub use frame::{FormToken, Frame, Link};
pub use locale::Locale;
pub use notice::Notice;
