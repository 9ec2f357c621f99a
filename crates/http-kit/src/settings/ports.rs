//! The ports of all applications as they were given: a flag and an environment variable for each.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use constants::Application;

/// What was given for each variable. Where one machine runs several applications, all of them see all of it.
#[derive(Debug, Default)]
pub(crate) struct Ports(BTreeMap<&'static str, String>);

impl Ports {
    /// What was given for this variable.
    pub(crate) fn given(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(String::as_str)
    }

    #[cfg(test)]
    pub(crate) fn set(&mut self, variable: &'static str, value: &str) {
        self.0.insert(variable, value.to_owned());
    }
}

impl FromArgMatches for Ports {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut ports = Self::default();
        ports.update_from_arg_matches(matches).map(|()| ports)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for Application { port, .. } in Application::ALL {
            if let Some(value) = matches.get_one::<String>(port.variable) {
                self.0.insert(port.variable, value.clone());
            }
        }
        Ok(())
    }
}

impl Args for Ports {
    fn augment_args(command: Command) -> Command {
        command.args(Application::ALL.iter().map(|Application { scope, port, .. }| {
            let help = format!("Port of {scope} (default {})", port.default);
            Arg::new(port.variable).long(port.flag).env(port.variable).help(help)
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
