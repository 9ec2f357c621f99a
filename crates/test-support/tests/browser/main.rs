//! Both applications in a real Chromium, as people and staff use them: with scripts and without.

mod axe;
mod hostile;
mod people;
mod policy;
mod staff;
mod stage;
mod tour;

/// A password that nobody minds in a test.
const PASSWORD: &str = "correct horse battery";

/// What an iPhone says of itself.
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1";
