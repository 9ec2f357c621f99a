//! The table of applications: the one place in which an application is described. Whatever lists applications or their
//! contexts goes through it.

use std::time::Duration;

use crate::Language;
use crate::named::named_enum;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What is fixed about an application.
#[derive(Debug)]
pub struct Application {
    /// The context of its sessions.
    pub context: ApplicationContext,
    /// Its folder under `apps/`.
    pub scope: AppScope,
    /// Its name for people.
    pub title: Title,
    /// Where it listens.
    pub port: Port,
    /// What its cookies are called.
    pub cookies: Cookies,
    /// What stands before the ids of its sessions in Redis.
    pub redis_prefix: &'static str,
    /// Default life of an unused session.
    pub idle: Duration,
    /// Default life of a session however much it is used.
    pub absolute: Duration,
    /// Whether only staff may open sessions in it.
    pub staff_only: bool,
    /// Whether people make their accounts in it themselves, also by the first login with a phone or by Telegram.
    pub sign_up: bool,
    /// Whether a cache may repeat a yes in it; without, every look-up asks Postgres.
    pub cached: bool,
    /// The page to which a login leads.
    pub home: &'static str,
}

/// The name of an application in every language.
#[derive(Debug)]
pub struct Title {
    /// In English.
    pub english: &'static str,
    /// In Russian.
    pub russian: &'static str,
}

/// The setting that chooses a port.
#[derive(Debug)]
pub struct Port {
    /// The environment variable.
    pub variable: &'static str,
    /// The same as a flag, without its dashes.
    pub flag: &'static str,
    /// What counts where nothing is set.
    pub default: u16,
}

/// Names of cookies. They differ per application, since a browser sends a cookie to every port of a host.
#[derive(Debug)]
pub struct Cookies {
    /// The session.
    pub session: &'static str,
    /// The key of a stranger's forms.
    pub form_key: &'static str,
    /// Which message the next page shows.
    pub notice: &'static str,
}

impl Title {
    /// The name in a language.
    #[must_use]
    pub const fn of(&self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::Russian => self.russian,
        }
    }
}

/// Declares the applications: the enums of contexts and of folders, a type for each context, and the table.
macro_rules! applications {
    ($(
        $(#[$meta:meta])*
        $context:ident = $name:literal in apps / $scope:ident = $folder:literal {
            $($field:ident: $value:expr),+ $(,)?
        }
    )+) => {
        named_enum! {
            /// The application in which a session was opened, and the only one in which it counts.
            /// In Postgres: the enum `application_type`.
            pub enum ApplicationContext { $($(#[$meta])* $context = $name),+ }
        }

        named_enum! {
            /// The applications of the monorepo by the names of their folders under `apps/`.
            pub enum AppScope { $($(#[$meta])* $scope = $folder),+ }
        }

        impl Application {
            /// Every application, in the order of [`ApplicationContext::ALL`].
            pub const ALL: &'static [Self] = &[$(Self {
                context: ApplicationContext::$context,
                scope: AppScope::$scope,
                redis_prefix: concat!("session:", $name, ":"),
                $($field: $value),+
            }),+];
        }

        /// A type for each application context.
        pub mod contexts {
            $(
                $(#[$meta])*
                #[derive(Debug, Clone, Copy)]
                pub struct $context;

                impl super::AppContext for $context {
                    const CONTEXT: super::ApplicationContext = super::ApplicationContext::$context;
                }
            )+
        }
    };
}

// A new one stands at the end: what processes say of themselves to each other goes by the place in this list.
applications! {
    /// The site that customers use.
    Web = "web" in apps/Web = "web" {
        title: Title { english: "Web", russian: "Сайт" },
        port: Port { variable: "WEB_PORT", flag: "web-port", default: 3000 },
        cookies: Cookies { session: "sessionId", form_key: "formKey", notice: "notice" },
        idle: Duration::from_secs(30 * DAY),
        absolute: Duration::from_secs(90 * DAY),
        staff_only: false,
        sign_up: true,
        cached: true,
        home: "/account",
    }

    /// The panel that staff use.
    Admin = "admin" in apps/AdminPanel = "admin-panel" {
        title: Title { english: "Admin panel", russian: "Управление" },
        port: Port { variable: "ADMIN_PORT", flag: "admin-port", default: 3001 },
        cookies: Cookies { session: "adminSessionId", form_key: "adminFormKey", notice: "adminNotice" },
        idle: Duration::from_secs(30 * MINUTE),
        absolute: Duration::from_secs(12 * HOUR),
        staff_only: true,
        sign_up: false,
        cached: false,
        home: "/",
    }
}

/// An application context as a type, so that a handler of one cannot be given a principal of another.
pub trait AppContext: Send + Sync + 'static {
    /// The same as a value.
    const CONTEXT: ApplicationContext;
}

impl ApplicationContext {
    /// What is fixed about the application of this context.
    #[must_use]
    pub const fn application(self) -> &'static Application {
        &Application::ALL[self as usize]
    }

    /// The application that opens sessions of this context.
    #[must_use]
    pub const fn scope(self) -> AppScope {
        self.application().scope
    }

    /// Whether what the older software left counts in it: in web alone, since that software knew one application.
    #[must_use]
    pub const fn counts_legacy_tokens(self) -> bool {
        matches!(self, Self::Web)
    }
}

impl AppScope {
    /// What is fixed about this application.
    #[must_use]
    pub const fn application(self) -> &'static Application {
        &Application::ALL[self as usize]
    }

    /// The context that this application's sessions carry.
    #[must_use]
    pub const fn context(self) -> ApplicationContext {
        self.application().context
    }
}

// An unused session must not outlive a used one, and the table stands in the order of both enums.
const _: () = {
    let mut place = 0;
    while place < Application::ALL.len() {
        let application = &Application::ALL[place];
        assert!(application.idle.as_secs() < application.absolute.as_secs());
        assert!(application.context as usize == place && application.scope as usize == place);
        place += 1;
    }
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_applications_share_a_name_f11_a15() {
        let lists: [(&str, Vec<&str>); 6] = [
            ("context", ApplicationContext::NAMES.to_vec()),
            ("folder", AppScope::NAMES.to_vec()),
            ("Redis prefix", Application::ALL.iter().map(|one| one.redis_prefix).collect()),
            ("port", Application::ALL.iter().flat_map(|one| [one.port.variable, one.port.flag]).collect()),
            (
                "title",
                Application::ALL.iter().flat_map(|one| [one.title.english, one.title.russian]).collect(),
            ),
            (
                "cookie",
                Application::ALL
                    .iter()
                    .flat_map(|one| [one.cookies.session, one.cookies.form_key, one.cookies.notice])
                    .chain([crate::cookie::LEGACY_AUTH_TOKEN, crate::cookie::PHONE])
                    .collect(),
            ),
        ];
        for (what, names) in lists {
            let distinct: BTreeSet<&str> = names.iter().copied().collect();
            assert_eq!(distinct.len(), names.len(), "two applications have the same {what}: {names:?}");
        }
        let ports: BTreeSet<u16> = Application::ALL.iter().map(|one| one.port.default).collect();
        assert_eq!(ports.len(), Application::ALL.len(), "two applications have the same default port");
    }

    #[test]
    fn names_fit_where_they_are_used_a15() {
        for one in Application::ALL {
            let (context, folder) = (one.context.as_str(), one.scope.as_str());
            for name in [context, folder] {
                let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                assert!(name.bytes().all(legal), "{name}: small letters, digits and - alone");
            }
            // Shell scripts make one of the other.
            assert_eq!(one.port.flag.replace('-', "_").to_uppercase(), one.port.variable, "{folder}");
            assert!(one.port.variable.ends_with("_PORT"), "{folder}");
            assert!(one.home.starts_with('/'), "{folder}");
            assert!(!(one.staff_only && one.sign_up), "{folder}: nobody makes themselves staff");
        }
    }

    #[test]
    fn contexts_and_folders_map_to_each_other_a1() {
        for context in ApplicationContext::ALL {
            assert_eq!(context.scope().context(), *context);
        }
        assert_eq!(AppScope::AdminPanel.context(), ApplicationContext::Admin);
        assert_eq!(<contexts::Admin as AppContext>::CONTEXT, ApplicationContext::Admin);
    }
}
