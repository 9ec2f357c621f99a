//! A wrong setting stops the start with one line that says which, and what would be right.

use std::net::TcpListener;

use test_support::{App, AppBuilder, TestDatabase, TestRedis};

/// Stores that need not be there: settings are checked before anything is asked of them.
fn web() -> AppBuilder {
    let builder = App::builder("web").env("DATABASE_URL", "postgres://app:pw-of-database@127.0.0.1:1/db");
    builder.env("REDIS_URL", "redis://:pw-of-redis@127.0.0.1:1")
}

/// It did not start, and said so in one line with each of these words and without a password.
fn assert_refused(builder: AppBuilder, words: &[&str]) {
    let failed = builder.start_and_fail();
    assert!(failed.code.is_some_and(|code| code != 0), "{failed:?}");
    assert_eq!(failed.log.trim_end().lines().count(), 1, "{}", failed.log);
    for word in words {
        assert!(failed.log.contains(word), "no {word:?} in {}", failed.log);
    }
    for secret in ["s3cret", "pw-of-database", "pw-of-redis"] {
        assert!(!failed.log.contains(secret), "{}", failed.log);
    }
}

#[test]
fn a_wrong_value_is_named_with_what_is_allowed() {
    for (name, value, words) in [
        ("APP_ENV", "staging", &["staging", "mock, development, production"][..]),
        ("APP_ENV", "Production", &["Production", "mock, development, production"]),
        ("MIGRATION_STRATEGY", "sometimes", &["sometimes", "gradual", "mock-with-write-through"]),
        ("LEGACY_TOKENS", "yes", &["yes", "dual-write, read, off"]),
        ("WEB_PORT", "70000", &["70000"]),
        ("WEB_PORT", "http", &["http"]),
        ("SESSION_IDLE_SECONDS", "0", &["0"]),
        ("SESSION_IDLE_SECONDS", "soon", &["soon"]),
        ("SESSION_ABSOLUTE_SECONDS", "-1", &["-1"]),
        ("TRUSTED_PROXIES", "everyone", &["everyone"]),
        ("TRUSTED_PROXIES", "10.0.0.0/99", &["10.0.0.0/99"]),
        ("PUBLIC_URL", "web.example.com", &["web.example.com", "http"]),
        ("PUBLIC_URL", "ftp://web.example.com", &["ftp://web.example.com", "http"]),
        ("REDIS_MAX_RETRIES", "many", &["many"]),
        ("LIMIT_LOGINS_PER_ACCOUNT", "0", &["LIMIT_LOGINS_PER_ACCOUNT=0 ", "from 1 to 1000000"]),
        ("LIMIT_LOGINS_PER_ADDRESS", "1000001", &["1000001", "from 1 to 1000000"]),
        ("LIMIT_REGISTRATIONS_PER_ADDRESS", "none", &["none", "from 1 to 1000000"]),
        ("REDIS_URL", "http://me:s3cret@redis.example:6379", &["***@redis.example:6379", "redis://"]),
        ("REDIS_URL", "me:s3cret@redis.example", &["***@redis.example", "redis://"]),
        ("REDIS_URL", "redis://me:s3@cret@", &["***@", "redis://"]),
        ("SMS_GATEWAY_URL", "smpp://me:s3cret@sms.example", &["***@sms.example", "https://", "twilio://"]),
        ("SMS_GATEWAY_URL", "twilio://AC1:s3cret@api.twilio.com", &["***@api.twilio.com", "from="]),
        ("SMTP_URL", "http://me:s3cret@mail.example", &["***@mail.example", "smtp://", "smtps://"]),
        ("OUTBOX_DIR", "/dev/null/outbox", &["/dev/null/outbox", "a folder"]),
        ("TELEGRAM_BOT_TOKEN", "123456:s3cret", &["TELEGRAM_BOT_TOKEN=*** ", "BotFather"]),
        ("LIMIT_SMS_PER_PHONE", "0", &["LIMIT_SMS_PER_PHONE=0 "]),
        ("DATABASE_URL", "mysql://me:s3cret@db.example/x", &["***@db.example/x", "postgres://"]),
    ] {
        let mut all = vec![name];
        all.extend(words);
        assert_refused(web().env(name, value), &all);
    }
}

#[test]
fn a_wrong_value_is_refused_in_every_environment_also_where_it_is_not_used() {
    for environment in ["mock", "development"] {
        assert_refused(web().env("APP_ENV", environment).env("REDIS_URL", "s3cret@"), &["REDIS_URL=***@"]);
        assert_refused(web().env("APP_ENV", environment).env("TRUSTED_PROXIES", "x"), &["TRUSTED_PROXIES=x"]);
    }
}

#[test]
fn an_idle_life_that_is_longer_than_the_absolute_one_is_refused_c3() {
    let builder = web().env("SESSION_IDLE_SECONDS", "100").env("SESSION_ABSOLUTE_SECONDS", "99");
    assert_refused(builder, &["SESSION_"]);
}

#[test]
fn production_wants_to_be_told_what_matters_a6_a8() {
    let production = || web().env("APP_ENV", "production").env("PUBLIC_URL", "https://web.example.com");
    assert_refused(production(), &["LEGACY_TOKENS", "dual-write, read, off"]);
    let legacy = || production().env("LEGACY_TOKENS", "off");
    assert_refused(legacy().env("MIGRATION_STRATEGY", "mock-only"), &["MIGRATION_STRATEGY=mock-only"]);
    assert_refused(legacy().without("DATABASE_URL"), &["DATABASE_URL"]);
    assert_refused(legacy().without("REDIS_URL"), &["REDIS_URL"]);
    assert_refused(legacy().env("DATABASE_URL", ""), &["DATABASE_URL"]);
}

#[test]
fn a_flag_is_the_same_setting_as_its_variable() {
    assert_refused(
        web().argument("--environment").argument("staging"),
        &["staging", "mock, development, production"],
    );
    // The flag is nearer than the variable.
    assert_refused(web().env("APP_ENV", "mock").argument("--environment=staging"), &["staging"]);
}

#[test]
fn a_taken_port_is_an_error_that_names_the_variable() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let failed = web().env("WEB_PORT", &port).start_and_fail();
    assert!(failed.code.is_some_and(|code| code != 0), "{failed:?}");
    assert!(failed.log.contains("WEB_PORT") && failed.log.contains(&port), "{}", failed.log);
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let mut builder = App::builder("web").database(&database).redis(&redis);
    for name in [
        "APP_ENV",
        "MIGRATION_STRATEGY",
        "LEGACY_TOKENS",
        "SESSION_IDLE_SECONDS",
        "TRUSTED_PROXIES",
        "PUBLIC_URL",
    ] {
        builder = builder.env(name, "");
    }
    let app = builder.start();
    assert_eq!(app.register("alice@example.com", crate::PASSWORD).me().status, 200);
}
