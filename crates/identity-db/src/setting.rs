//! How a setting is refused: one line that names the variable, its value and what is allowed.

use std::fmt;

use url::Url;

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    name: &'static str,
    value: Option<String>,
    allowed: String,
}

impl SettingError {
    /// A value that may be shown.
    pub fn wrong(name: &'static str, value: &str, allowed: impl fmt::Display) -> Self {
        Self { name, value: Some(value.escape_debug().to_string()), allowed: allowed.to_string() }
    }

    /// A value that is a token, a key or a password: it is not shown.
    pub fn wrong_secret(name: &'static str, allowed: impl fmt::Display) -> Self {
        Self { name, value: Some("***".into()), allowed: allowed.to_string() }
    }

    /// A URL: what stands before its last `@` is not shown.
    pub fn wrong_url(name: &'static str, value: &str, allowed: impl fmt::Display) -> Self {
        Self::wrong(name, &masked_url(value), allowed)
    }

    /// A variable that must be set and is not.
    pub fn missing(name: &'static str, allowed: impl fmt::Display) -> Self {
        Self { name, value: None, allowed: allowed.to_string() }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value} cannot be used; allowed: {}", self.name, self.allowed),
            None => write!(f, "{} is not set; allowed: {}", self.name, self.allowed),
        }
    }
}

impl std::error::Error for SettingError {}

/// A URL as it may be printed: nothing of what stands before the last `@`, where passwords are.
#[must_use]
pub fn masked_url(url: &str) -> String {
    match url.rfind('@') {
        Some(at) => format!("***@{}", &url[at + 1..]),
        None => url.to_owned(),
    }
}

/// The database of one URL, as whom another logs in. What is no URL is left as it is.
#[must_use]
pub fn logged_in_as(place: &str, owner: &str) -> String {
    let (Some(place_hosts), Some(owner_hosts)) = (Hosts::of(place), Hosts::of(owner)) else {
        return place.to_owned();
    };
    let (Some(mut url), Some(owner)) = (place_hosts.first(), owner_hosts.first()) else {
        return place.to_owned();
    };
    // Neither fails for a URL that names a host.
    let _ = url.set_username(owner.username());
    let _ = url.set_password(owner.password());
    match Hosts::of(url.as_str()) {
        Some(single) => format!("{}{}{}", single.before, place_hosts.hosts, place_hosts.after),
        None => place.to_owned(),
    }
}

/// A URL that may name several hosts, as those of Postgres do.
struct Hosts<'a> {
    before: &'a str,
    hosts: &'a str,
    after: &'a str,
}

impl<'a> Hosts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let start = url.find("://")? + 3;
        let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |length| start + length);
        let start = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
        Some(Self { before: &url[..start], hosts: &url[start..end], after: &url[end..] })
    }

    /// The URL of each host alone, as far as they are URLs.
    fn each(&self) -> impl Iterator<Item = Option<Url>> {
        self.hosts.split(',').map(|host| Url::parse(&format!("{}{host}{}", self.before, self.after)).ok())
    }

    fn first(&self) -> Option<Url> {
        self.each().next().flatten()
    }
}

/// A variable's value, where an empty one counts as unset.
#[must_use]
pub fn set(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

/// Checks a URL and its scheme.
///
/// # Errors
/// When it is no URL, has another scheme or no host.
pub fn url(name: &'static str, value: &str, schemes: &[&str]) -> Result<String, SettingError> {
    let allowed = || {
        let forms: Vec<String> = schemes.iter().map(|scheme| format!("{scheme}://…")).collect();
        forms.join(" or ")
    };
    match Url::parse(value) {
        Ok(url) if schemes.contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty()) => {
            Ok(value.to_owned())
        }
        _ => Err(SettingError::wrong_url(name, value, allowed())),
    }
}

/// Checks the URL of a Postgres database.
///
/// # Errors
/// When it is no `postgres://` URL.
pub fn postgres_url(name: &'static str, value: &str) -> Result<String, SettingError> {
    let is_right = |part: Option<Url>| {
        part.is_some_and(|url| {
            let has_host = url.host_str().is_some_and(|host| !host.is_empty());
            has_host && matches!(url.scheme(), "postgres" | "postgresql")
        })
    };
    let hosts = Hosts::of(value).filter(|hosts| hosts.each().all(is_right));
    hosts
        .map(|_| value.to_owned())
        .ok_or_else(|| SettingError::wrong_url(name, value, "postgres://… or postgresql://…"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    #[test]
    fn an_error_is_one_line_that_names_variable_value_and_what_is_allowed() {
        let error = SettingError::wrong("APP_ENV", "prod\nuction", "one of mock, development, production");
        assert_eq!(
            error.to_string(),
            r"APP_ENV=prod\nuction cannot be used; allowed: one of mock, development, production"
        );
    }

    #[test]
    fn nothing_before_the_last_at_sign_is_printed() {
        let error = url("REDIS_URL", "http://user:p@ss@host/0", &["redis", "rediss"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "REDIS_URL=***@host/0 cannot be used; allowed: redis://… or rediss://…"
        );
    }

    #[test]
    fn a_url_of_postgres_may_name_several_hosts_c9() {
        let several = "postgres://me:p@ss@a:1,b,[::1]:3/db?target_session_attrs=read-write";
        assert_eq!(postgres_url("DATABASE_URL", several), Ok(several.to_owned()));
        for wrong in
            ["postgres://a,/db", "postgres://a:x,b/db", "postgres://a,b:x/db", "http://a,b/db", "postgres://"]
        {
            let error = postgres_url("DATABASE_URL", wrong).unwrap_err().to_string();
            assert!(error.ends_with("allowed: postgres://… or postgresql://…"), "{error}");
        }
        assert_eq!(
            logged_in_as("postgres://app@a:1,b/web?x=1", "postgres://owner:p%40@c,d/other"),
            "postgres://owner:p%40@a:1,b/web?x=1"
        );
    }

    #[test]
    fn empty_means_unset() {
        assert_eq!(set(Some(" ")), None);
        assert_eq!(set(Some("x ")), Some("x"));
    }

    #[test]
    fn of_any_text_a_url_is_taken_as_it_is_or_refused_in_one_line() {
        const EXAMPLES: &[&str] = &[
            "postgres://me:secret@localhost:5432/identity?sslmode=require",
            "postgresql://[::1]/x",
            "postgres:///x",
            "redis://default:secret@127.0.0.1:6379/0",
            "rediss://host",
            "HTTP://host",
        ];
        let schemes = ["postgres", "postgresql", "redis", "rediss"];
        for_all("DATABASE_URL and REDIS_URL", any_or_almost(EXAMPLES), |text| {
            match url("DATABASE_URL", &text, &schemes) {
                Ok(taken) => {
                    prop_assert_eq!(&taken, &text);
                    let parsed = Url::parse(&taken).unwrap();
                    prop_assert!(schemes.contains(&parsed.scheme()));
                    prop_assert!(parsed.host_str().is_some_and(|host| !host.is_empty()));
                }
                Err(refusal) => {
                    let line = refusal.to_string();
                    prop_assert!(!line.contains(['\n', '\r', '\0']), "{line:?}");
                    prop_assert!(line.starts_with("DATABASE_URL="));
                }
            }
            Ok(())
        });
    }

    #[test]
    fn whatever_the_password_is_no_refusal_shows_it() {
        let parts = ("[a-z]{1,6}", "[ -~é\n]{0,20}", "[a-z.]{1,12}");
        for_all("URL with a password", parts, |(user, rest, host)| {
            let refusal =
                SettingError::wrong_url("X", &format!("{user}:pa55w0rd{rest}@{host}"), "y").to_string();
            prop_assert!(!refusal.contains("pa55w0rd"), "{refusal}");
            prop_assert!(!refusal.contains('\n'), "{refusal:?}");
            Ok(())
        });
    }
}
