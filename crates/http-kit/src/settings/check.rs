//! Turns what was given into [`Settings`], or says in one line what cannot be used.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use constants::{
    Application, ApplicationContext, Environment, LegacyTokens, MigrationStrategy, PoolMode, Port,
    UnknownName, redis,
};
use delivery::{Routes, SmsGatewayUrl, SmtpUrl};
use ipnet::IpNet;
use session_management::setting::{self, SettingError, set};
use session_management::{
    DatabaseConfig, Email, Lifetimes, Limits, LoginWidget, ManagerConfiguration, Password, RedisConfiguration,
};
use url::Url;

use super::{Arguments, OUTBOX, Settings, TelegramBot};
use crate::cookie::SessionCookies;

/// A setting that cannot be used.
pub type SettingsError = SettingError;

/// For so many seconds load balancers go on sending requests to a process that has said that it is not ready.
const DRAIN_SECONDS: u64 = 5;

/// Sessions that a process keeps in its memory where nothing else is set.
const NEAR_ENTRIES: usize = 131_072;

type Checked<T> = Result<T, SettingError>;

pub(super) fn settings(context: ApplicationContext, given: &Arguments) -> Checked<Settings> {
    let environment =
        named::<Environment>("APP_ENV", given.environment.as_deref())?.unwrap_or(Environment::Development);
    let strategy = strategy(environment, given)?;
    let legacy_tokens = legacy_tokens(environment, given)?;
    let lifetimes = lifetimes(context, given)?;
    let (database, web_database, redis) = stores(environment, strategy, given)?;
    check_unused(given)?;
    let near_entries = number("NEAR_CACHE_ENTRIES", given.near_cache_entries.as_deref(), 0..=1 << 24)?
        .and_then(|entries| usize::try_from(entries).ok())
        .unwrap_or(NEAR_ENTRIES);
    let listen_url = postgres("DATABASE_LISTEN_URL", given.database_listen_url.as_deref())?;
    let (port_variable, port) = port(context, given)?;
    Ok(Settings {
        manager: ManagerConfiguration {
            context,
            environment,
            strategy,
            database,
            listen_url,
            replica: postgres("DATABASE_REPLICA_URL", given.database_replica_url.as_deref())?
                .map(DatabaseConfig::new),
            near_entries,
            redis,
            lifetimes: Some(lifetimes),
            legacy_tokens,
        },
        web_database,
        limits: limits(given)?,
        routes: routes(environment, given)?,
        telegram: telegram(given)?,
        telegram_bot: telegram_bot(given)?,
        demo_admin: demo_admin(given)?,
        cookies: SessionCookies::new(context, environment, legacy_tokens, lifetimes.absolute),
        trusted_proxies: trusted_proxies(given)?,
        address: parsed("LISTEN_ADDRESS", given.listen_address.as_deref(), "an IP address")?
            .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        port_variable,
        port,
        drain: drain(environment, given)?,
        public_origin: public_origin(given)?,
    })
}

fn strategy(environment: Environment, given: &Arguments) -> Checked<MigrationStrategy> {
    const NAME: &str = "MIGRATION_STRATEGY";
    let chosen = named::<MigrationStrategy>(NAME, given.migration_strategy.as_deref())?;
    let wrong =
        |chosen: MigrationStrategy, allowed: &str| Err(SettingError::wrong(NAME, chosen.as_str(), allowed));
    match (environment, chosen) {
        (Environment::Mock, None | Some(MigrationStrategy::MockOnly)) => Ok(MigrationStrategy::MockOnly),
        (Environment::Mock, Some(other)) => wrong(other, "mock-only, with APP_ENV=mock"),
        (Environment::Production, Some(MigrationStrategy::MockOnly)) => wrong(
            MigrationStrategy::MockOnly,
            "production-only, gradual or mock-with-write-through, in production",
        ),
        (_, chosen) => Ok(chosen.unwrap_or(MigrationStrategy::ProductionOnly)),
    }
}

fn legacy_tokens(environment: Environment, given: &Arguments) -> Checked<LegacyTokens> {
    const NAME: &str = "LEGACY_TOKENS";
    match (named(NAME, given.legacy_tokens.as_deref())?, environment) {
        (Some(chosen), _) => Ok(chosen),
        (None, Environment::Production) => {
            Err(SettingError::missing(NAME, UnknownName { allowed: LegacyTokens::NAMES }))
        }
        (None, Environment::Mock | Environment::Development) => Ok(LegacyTokens::DualWrite),
    }
}

fn lifetimes(context: ApplicationContext, given: &Arguments) -> Checked<Lifetimes> {
    let (idle, absolute) = (&given.session_idle_seconds, &given.session_absolute_seconds);
    Lifetimes::checked(context, idle.as_deref(), absolute.as_deref())
}

/// Where people and sessions are, where web's own data, and Redis.
type Stores = (Option<DatabaseConfig>, Option<DatabaseConfig>, Option<RedisConfiguration>);

/// With `mock-only` the servers may be left out; where they are given, the strategy can be changed later.
fn stores(environment: Environment, strategy: MigrationStrategy, given: &Arguments) -> Checked<Stores> {
    let shared = postgres("DATABASE_URL", given.database_url.as_deref())?;
    let identity = postgres("DATABASE_IDENTITY_URL", given.database_identity_url.as_deref())?;
    let web = postgres("DATABASE_WEB_URL", given.database_web_url.as_deref())?;
    let pool_mode = named::<PoolMode>("DATABASE_POOL_MODE", given.database_pool_mode.as_deref())?;
    let pool_mode = pool_mode.unwrap_or(PoolMode::Session);
    let retries = number("REDIS_MAX_RETRIES", given.redis_max_retries.as_deref(), 0..=10)?;
    let retries = retries.and_then(|retries| u32::try_from(retries).ok()).unwrap_or(redis::MAX_RETRIES);
    let checked = |url| RedisConfiguration::checked(url, retries);
    let redis = set(given.redis_url.as_deref()).map(checked).transpose()?;
    if environment == Environment::Mock {
        return Ok((None, None, None));
    }
    let (identity, web) = (identity.or_else(|| shared.clone()), web.or(shared));
    let database = |url| DatabaseConfig { pool_mode, ..DatabaseConfig::new(url) };
    let web = web.map(database);
    let is_memory = strategy == MigrationStrategy::MockOnly;
    if is_memory && (identity.is_none() || redis.is_none()) {
        return Ok((None, web, None));
    }
    let missing = || SettingError::missing("DATABASE_URL", "postgres://…");
    let identity = identity.ok_or_else(missing)?;
    if web.is_none() && !is_memory {
        return Err(missing());
    }
    let redis = redis.ok_or_else(RedisConfiguration::missing)?;
    Ok((Some(database(identity)), web, Some(redis)))
}

/// Checks what is set although this application does not use it, so that a mistake shows where it is made.
fn check_unused(given: &Arguments) -> Checked<()> {
    postgres("DATABASE_OWNER_URL", given.database_owner_url.as_deref())?;
    number("DEGRADED_GRACE_SECONDS", given.degraded_grace_seconds.as_deref(), 0..=3600)?;
    Ok(())
}

/// Gateways before the folder; and the folder, in which codes lie open, never in production.
fn routes(environment: Environment, given: &Arguments) -> Checked<Routes> {
    let sms_gateway = set(given.sms_gateway_url.as_deref()).map(|url| {
        let wrong = || SettingError::wrong_url("SMS_GATEWAY_URL", url, SmsGatewayUrl::ALLOWED);
        SmsGatewayUrl::parse(url).ok_or_else(wrong)
    });
    let smtp = set(given.smtp_url.as_deref()).map(|url| {
        let wrong = || SettingError::wrong_url("SMTP_URL", url, SmtpUrl::ALLOWED);
        SmtpUrl::parse(url).ok_or_else(wrong)
    });
    let outbox = set(given.outbox_dir.as_deref()).map(|folder| {
        let place = PathBuf::from(folder);
        let existing = place.ancestors().find(|part| part.exists());
        let is_possible = existing.is_none_or(Path::is_dir);
        is_possible.then_some(place).ok_or_else(|| SettingError::wrong("OUTBOX_DIR", folder, "a folder"))
    });
    let outbox = outbox.transpose()?.unwrap_or_else(|| OUTBOX.into());
    let outbox = (environment != Environment::Production).then_some(outbox);
    Ok(Routes { sms_gateway: sms_gateway.transpose()?, smtp: smtp.transpose()?, outbox })
}

fn telegram(given: &Arguments) -> Checked<Option<LoginWidget>> {
    let token = set(given.telegram_bot_token.as_deref());
    let wrong = || SettingError::wrong_secret("TELEGRAM_BOT_TOKEN", LoginWidget::ALLOWED);
    token.map(|token| LoginWidget::of_bot(token).ok_or_else(wrong)).transpose()
}

fn telegram_bot(given: &Arguments) -> Checked<Option<TelegramBot>> {
    const NAME: &str = "TELEGRAM_BOT_NAME";
    let name = set(given.telegram_bot_name.as_deref()).map(|name| {
        let name = name.strip_prefix('@').unwrap_or(name);
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_name = (5..=32).contains(&name.len()) && name.bytes().all(legal);
        let wrong = || SettingError::wrong(NAME, name, "a bot's user name: 5 to 32 letters, digits and _");
        is_name.then(|| name.to_owned()).ok_or_else(wrong)
    });
    let name = name.transpose()?;
    let id = set(given.telegram_bot_token.as_deref()).and_then(|token| token.split_once(':'));
    Ok(id.map(|(id, _)| TelegramBot { id: id.to_owned(), name }))
}

fn demo_admin(given: &Arguments) -> Checked<Option<(Email, Password)>> {
    const NAME: &str = "DEMO_ADMIN_EMAIL";
    let email = set(given.demo_admin_email.as_deref()).unwrap_or("admin@example.com");
    let email = Email::parse(email).ok_or_else(|| SettingError::wrong(NAME, email, "an e-mail address"))?;
    let wrong = |_| SettingError::wrong_secret("DEMO_ADMIN_PASSWORD", "8 to 256 characters");
    let password = set(given.demo_admin_password.as_deref()).map(|text| Password::new(text.to_owned()));
    Ok(password.transpose().map_err(wrong)?.map(|password| (email, password)))
}

/// The port of this application; those of the others are checked, too.
fn port(context: ApplicationContext, given: &Arguments) -> Checked<(&'static str, u16)> {
    const ALLOWED: &str = "a port from 0 (a free one) to 65535";
    let mut own = None;
    for application in Application::ALL {
        let Port { variable, default, .. } = application.port;
        let port = parsed(variable, given.ports.given(variable), ALLOWED)?.unwrap_or(default);
        if application.context == context {
            own = Some((variable, port));
        }
    }
    own.ok_or_else(|| SettingError::missing(context.application().port.variable, ALLOWED))
}

fn limits(given: &Arguments) -> Checked<Limits> {
    let limit = |name, value: &Option<String>, default: i32| -> Checked<i32> {
        let number = number(name, value.as_deref(), 1..=1_000_000)?;
        Ok(number.and_then(|number| i32::try_from(number).ok()).unwrap_or(default))
    };
    let defaults = Limits::default();
    Ok(Limits {
        logins_per_account_and_address: limit(
            "LIMIT_LOGINS_PER_ACCOUNT",
            &given.limit_logins_per_account,
            defaults.logins_per_account_and_address,
        )?,
        logins_per_address: limit(
            "LIMIT_LOGINS_PER_ADDRESS",
            &given.limit_logins_per_address,
            defaults.logins_per_address,
        )?,
        registrations_per_address: limit(
            "LIMIT_REGISTRATIONS_PER_ADDRESS",
            &given.limit_registrations_per_address,
            defaults.registrations_per_address,
        )?,
        codes_per_phone: limit("LIMIT_SMS_PER_PHONE", &given.limit_sms_per_phone, defaults.codes_per_phone)?,
        codes_per_phone_and_day: limit(
            "LIMIT_SMS_PER_PHONE_AND_DAY",
            &given.limit_sms_per_phone_and_day,
            defaults.codes_per_phone_and_day,
        )?,
        codes_per_address: limit(
            "LIMIT_SMS_PER_ADDRESS",
            &given.limit_sms_per_address,
            defaults.codes_per_address,
        )?,
    })
}

fn trusted_proxies(given: &Arguments) -> Checked<Vec<IpNet>> {
    let Some(list) = set(given.trusted_proxies.as_deref()) else { return Ok(Vec::new()) };
    let network = |part: &str| part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
    let networks: Result<Vec<IpNet>, _> = list.split(',').map(str::trim).map(network).collect();
    networks.map_err(|_| {
        SettingError::wrong(
            "TRUSTED_PROXIES",
            list,
            "IP addresses or networks such as 10.0.0.0/8, separated by commas",
        )
    })
}

fn drain(environment: Environment, given: &Arguments) -> Checked<Duration> {
    let default = if environment == Environment::Production { DRAIN_SECONDS } else { 0 };
    let seconds = number("DRAIN_SECONDS", given.drain_seconds.as_deref(), 0..=300)?;
    Ok(Duration::from_secs(seconds.unwrap_or(default)))
}

/// The origin of the URL; a path behind it says nothing about who asks.
fn public_origin(given: &Arguments) -> Checked<Option<String>> {
    let url = checked_url("PUBLIC_URL", given.public_url.as_deref(), &["http", "https"])?;
    Ok(url.and_then(|url| Url::parse(&url).ok()).map(|url| url.origin().ascii_serialization()))
}

fn named<T>(name: &'static str, value: Option<&str>) -> Checked<Option<T>>
where
    T: FromStr<Err = UnknownName>,
{
    set(value).map(|value| value.parse().map_err(|error| SettingError::wrong(name, value, error))).transpose()
}

fn parsed<T: FromStr>(name: &'static str, value: Option<&str>, allowed: &str) -> Checked<Option<T>> {
    set(value).map(|value| value.parse().map_err(|_| SettingError::wrong(name, value, allowed))).transpose()
}

fn number(
    name: &'static str,
    value: Option<&str>,
    range: std::ops::RangeInclusive<u64>,
) -> Checked<Option<u64>> {
    let allowed = format!("a whole number from {} to {}", range.start(), range.end());
    match parsed::<u64>(name, value, &allowed)? {
        Some(number) if !range.contains(&number) => {
            Err(SettingError::wrong(name, &number.to_string(), allowed))
        }
        number => Ok(number),
    }
}

fn postgres(name: &'static str, value: Option<&str>) -> Checked<Option<String>> {
    set(value).map(|url| setting::postgres_url(name, url)).transpose()
}

fn checked_url(name: &'static str, value: Option<&str>, schemes: &[&str]) -> Checked<Option<String>> {
    set(value).map(|url| setting::url(name, url, schemes)).transpose()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    fn refusal(arguments: &Arguments) -> String {
        settings(ApplicationContext::Web, arguments).unwrap_err().to_string()
    }

    fn mock() -> Arguments {
        Arguments { environment: Some("mock".into()), ..Arguments::default() }
    }

    #[test]
    fn every_variable_that_is_set_is_checked_in_every_environment() {
        let wrong = |change: fn(&mut Arguments)| {
            let mut arguments = mock();
            change(&mut arguments);
            refusal(&arguments)
        };
        for (line, name) in [
            (wrong(|a| a.environment = Some("prod".into())), "APP_ENV=prod "),
            (wrong(|a| a.redis_url = Some("http://:secret@host".into())), "REDIS_URL=***@host "),
            (wrong(|a| a.database_replica_url = Some("secret@".into())), "DATABASE_REPLICA_URL=***@ "),
            (wrong(|a| a.telegram_bot_token = Some("secret".into())), "TELEGRAM_BOT_TOKEN=*** "),
            (wrong(|a| a.telegram_bot_token = Some("123:secret".into())), "TELEGRAM_BOT_TOKEN=*** "),
            (wrong(|a| a.telegram_bot_name = Some("a b".into())), "TELEGRAM_BOT_NAME=a b "),
            (wrong(|a| a.sms_gateway_url = Some("twilio://AC:secret@x".into())), "SMS_GATEWAY_URL=***@x "),
            (wrong(|a| a.sms_gateway_url = Some("smpp://:secret@x".into())), "SMS_GATEWAY_URL=***@x "),
            (wrong(|a| a.smtp_url = Some("http://me:secret@mail".into())), "SMTP_URL=***@mail "),
            (
                wrong(|a| a.smtp_url = Some("smtp://me:secret@mail?tls=no".into())),
                "SMTP_URL=***@mail?tls=no ",
            ),
            (wrong(|a| a.outbox_dir = Some("/dev/null/x".into())), "OUTBOX_DIR=/dev/null/x "),
            (wrong(|a| a.limit_sms_per_phone = Some("0".into())), "LIMIT_SMS_PER_PHONE=0 "),
            (wrong(|a| a.ports.set("WEB_PORT", "70000")), "WEB_PORT=70000 "),
            (wrong(|a| a.ports.set("ADMIN_PORT", "x")), "ADMIN_PORT=x "),
            (wrong(|a| a.session_idle_seconds = Some("0".into())), "SESSION_IDLE_SECONDS=0 "),
            (wrong(|a| a.trusted_proxies = Some("10.0.0.0/8, me".into())), "TRUSTED_PROXIES=10.0.0.0/8, me "),
            (wrong(|a| a.public_url = Some("a.example".into())), "PUBLIC_URL=a.example "),
            (wrong(|a| a.limit_logins_per_account = Some("-1".into())), "LIMIT_LOGINS_PER_ACCOUNT=-1 "),
            (wrong(|a| a.migration_strategy = Some("gradual".into())), "MIGRATION_STRATEGY=gradual "),
            (wrong(|a| a.migration_strategy = Some("Gradual".into())), "MIGRATION_STRATEGY=Gradual "),
            (wrong(|a| a.legacy_tokens = Some("on".into())), "LEGACY_TOKENS=on "),
            (wrong(|a| a.database_url = Some("mysql://me:secret@h/d".into())), "DATABASE_URL=***@h/d "),
            (wrong(|a| a.database_identity_url = Some("secret@".into())), "DATABASE_IDENTITY_URL=***@ "),
            (wrong(|a| a.database_web_url = Some("http://:secret@h".into())), "DATABASE_WEB_URL=***@h "),
            (wrong(|a| a.degraded_grace_seconds = Some("x".into())), "DEGRADED_GRACE_SECONDS=x "),
            (wrong(|a| a.database_pool_mode = Some("statement".into())), "DATABASE_POOL_MODE=statement "),
            (wrong(|a| a.drain_seconds = Some("301".into())), "DRAIN_SECONDS=301 "),
            (wrong(|a| a.redis_max_retries = Some("11".into())), "REDIS_MAX_RETRIES=11 "),
        ] {
            assert!(
                line.starts_with(name) && line.contains("allowed: ") && !line.contains("secret"),
                "{line}"
            );
        }
    }

    #[test]
    fn production_wants_to_be_told_about_legacy_tokens_and_has_no_mock_a1() {
        let production = || Arguments { environment: Some("production".into()), ..Arguments::default() };
        assert_eq!(refusal(&production()), "LEGACY_TOKENS is not set; allowed: one of dual-write, read, off");
        let mock_only = Arguments { migration_strategy: Some("mock-only".into()), ..production() };
        assert!(refusal(&mock_only).starts_with("MIGRATION_STRATEGY=mock-only "));
    }

    #[test]
    fn empty_means_unset() {
        let mut arguments = Arguments { redis_url: Some(String::new()), ..mock() };
        arguments.ports.set("WEB_PORT", " ");
        assert_eq!(settings(ApplicationContext::Web, &arguments).unwrap().port, 3000);
    }

    #[test]
    fn of_any_list_of_proxies_each_part_is_a_network_or_the_start_is_refused() {
        const EXAMPLES: &[&str] =
            &["10.0.0.0/8, 127.0.0.1", "::1, 2001:db8::/32", "10.0.0.1/33", "0.0.0.0/0,", "localhost"];
        for_all("TRUSTED_PROXIES", any_or_almost(EXAMPLES), |text| {
            let arguments = Arguments { trusted_proxies: Some(text.clone()), ..mock() };
            let is_network = |part: &str| part.parse::<IpAddr>().is_ok() || part.parse::<IpNet>().is_ok();
            let parts: Vec<&str> = text.trim().split(',').map(str::trim).collect();
            match trusted_proxies(&arguments) {
                Ok(networks) if text.trim().is_empty() => prop_assert!(networks.is_empty()),
                Ok(networks) => {
                    prop_assert!(networks.len() == parts.len() && parts.iter().all(|part| is_network(part)));
                }
                Err(refusal) => {
                    prop_assert!(!parts.iter().all(|part| is_network(part)));
                    prop_assert!(!refusal.to_string().contains(['\n', '\r']), "{refusal}");
                }
            }
            Ok(())
        });
    }

    #[test]
    fn of_any_text_a_number_is_one_within_its_range() {
        let numbers = any::<i128>().prop_map(|number| number.to_string());
        const EXAMPLES: &[&str] = &["1", " 65535 ", "0", "-1", "1e3", "0x10", "18446744073709551616", "١"];
        for_all("numbers of the settings", prop_oneof![any_or_almost(EXAMPLES), numbers], |text| {
            let expected = text.trim().parse::<i128>().ok().filter(|number| (1..=1000).contains(number));
            match number("X", Some(&text), 1..=1000) {
                Ok(None) => prop_assert!(text.trim().is_empty()),
                Ok(Some(number)) => prop_assert_eq!(Some(i128::from(number)), expected),
                Err(refusal) => {
                    prop_assert_eq!(expected, None);
                    prop_assert!(!refusal.to_string().contains(['\n', '\r']), "{refusal}");
                }
            }
            Ok(())
        });
    }

    #[test]
    fn of_any_public_url_the_origin_is_one_that_a_browser_sends() {
        const EXAMPLES: &[&str] = &[
            "https://web.example.com/path?x#y",
            "http://user:pw@web.example.com:80",
            "HTTPS://WEB.example:443",
            "https://пример.рф",
            "data:x",
        ];
        for_all("PUBLIC_URL", any_or_almost(EXAMPLES), |text| {
            let arguments = Arguments { public_url: Some(text.clone()), ..mock() };
            let Ok(Some(origin)) = public_origin(&arguments) else { return Ok(()) };
            let url = Url::parse(&origin).unwrap();
            prop_assert!(
                matches!(url.scheme(), "http" | "https") && url.path() == "/" && !origin.ends_with('/')
            );
            prop_assert!(origin.is_ascii() && !origin.contains('@'), "{origin}");
            prop_assert_eq!(Url::parse(text.trim()).unwrap().origin(), url.origin());
            Ok(())
        });
    }
}
