//! The factory: one manager for each configuration, always of the context that was asked for.

use std::sync::{Arc, Mutex};

use constants::{ApplicationContext, Environment, LegacyTokens, MigrationStrategy};
use identity_db::user::NewUser;
use session_management::manager::Freshness;
use session_management::{
    DatabaseConfig, Email, Lifetimes, Login, ManagerConfiguration, MultiDatabaseConfiguration, Origin,
    RedisConfiguration, SessionRequest, UserManager, UserManagerFactory,
};
use test_support::{TestDatabase, TestRedis, at_once};

fn configuration(context: ApplicationContext, database: &str, redis: &str) -> ManagerConfiguration {
    ManagerConfiguration {
        context,
        environment: Environment::Development,
        strategy: MigrationStrategy::ProductionOnly,
        database: Some(DatabaseConfig::new(database)),
        listen_url: None,
        replica: None,
        near_entries: 16,
        redis: Some(RedisConfiguration { url: redis.to_owned(), max_retries: 3 }),
        lifetimes: None,
        legacy_tokens: LegacyTokens::Off,
    }
}

/// Building asks nobody, so nobody needs to be there.
fn nowhere(context: ApplicationContext) -> ManagerConfiguration {
    configuration(context, "postgres://me:secret@127.0.0.1:1/none", "redis://127.0.0.1:1")
}

#[test]
fn a_manager_is_built_once_however_many_ask_at_the_same_moment_a6() {
    for strategy in MigrationStrategy::ALL {
        let factory = UserManagerFactory::default();
        let wanted = ManagerConfiguration { strategy: *strategy, ..nowhere(ApplicationContext::Web) };
        let seen = Mutex::new(Vec::new());
        for _ in 0..20 {
            seen.lock().unwrap().extend(at_once(8, |_| factory.create(&wanted).unwrap()));
        }
        let seen = seen.into_inner().unwrap();
        assert!(seen.iter().all(|manager| Arc::ptr_eq(manager, &seen[0])), "{strategy}");
    }
}

#[test]
fn another_configuration_is_another_manager_a6() {
    let factory = UserManagerFactory::default();
    let web = nowhere(ApplicationContext::Web);
    let others = [
        web.for_context(ApplicationContext::Admin),
        ManagerConfiguration { strategy: MigrationStrategy::Gradual, ..web.clone() },
        ManagerConfiguration { legacy_tokens: LegacyTokens::Read, ..web.clone() },
        ManagerConfiguration { lifetimes: Some(Lifetimes::of(ApplicationContext::Admin)), ..web.clone() },
        ManagerConfiguration { redis: None, ..web.clone() },
        ManagerConfiguration { environment: Environment::Mock, ..web.clone() },
    ];
    let first = factory.create(&web).unwrap();
    for other in others {
        assert!(!Arc::ptr_eq(&first, &factory.create(&other).unwrap()), "{other:?}");
    }
    assert!(Arc::ptr_eq(&first, &factory.create(&web.clone()).unwrap()));
}

#[test]
fn the_context_is_never_forgotten_f4() {
    let factory = UserManagerFactory::default();
    for environment in [Environment::Mock, Environment::Development, Environment::Production] {
        for strategy in MigrationStrategy::ALL {
            for given in ApplicationContext::ALL {
                if (environment, *strategy) == (Environment::Production, MigrationStrategy::MockOnly) {
                    continue;
                }
                let given = ManagerConfiguration { environment, strategy: *strategy, ..nowhere(*given) };
                assert_eq!(factory.create(&given).unwrap().context(), given.context);
                for asked in ApplicationContext::ALL {
                    let built = factory.create_for_context(*asked, &given).unwrap();
                    assert_eq!(built.context(), *asked, "{given:?}");
                }
                assert_eq!(factory.create_for_web(&given).unwrap().context(), ApplicationContext::Web);
                assert_eq!(factory.create_for_admin(&given).unwrap().context(), ApplicationContext::Admin);
            }
        }
    }
}

#[test]
fn what_production_needs_is_said_in_one_line_a6() {
    let factory = UserManagerFactory::default();
    let production =
        ManagerConfiguration { environment: Environment::Production, ..nowhere(ApplicationContext::Web) };
    for (wrong, words) in [
        (ManagerConfiguration { database: None, ..production.clone() }, "a database configuration"),
        (ManagerConfiguration { redis: None, ..production.clone() }, "a Redis configuration"),
        (
            ManagerConfiguration { strategy: MigrationStrategy::MockOnly, ..production.clone() },
            "refuses mock-only",
        ),
    ] {
        let line = factory.create(&wrong).unwrap_err().to_string();
        assert!(line.contains(words) && line.contains("production") && !line.contains('\n'), "{line}");
    }
    assert!(factory.create(&production).is_ok());
}

#[test]
fn with_split_databases_people_and_sessions_are_in_the_identity_database_a6_a9() {
    let (identity, factory) = (TestDatabase::new(), UserManagerFactory::default());
    let manager = ManagerConfiguration { redis: None, ..nowhere(ApplicationContext::Web) };
    let split = |identity_url: &str, web_url: &str| {
        let (identity_url, web_url) = (identity_url.to_owned(), web_url.to_owned());
        MultiDatabaseConfiguration { manager: manager.clone(), identity_url, web_url }
    };
    let web_url = "postgres://127.0.0.1:1/web";
    for (wrong, name) in [
        (split("mysql://me:secret@host/x", web_url), "DATABASE_IDENTITY_URL"),
        (split(&identity.url(), "http://me:secret@host"), "DATABASE_WEB_URL"),
    ] {
        let line = factory.create_multi_database(&wrong).unwrap_err().to_string();
        assert!(line.contains(name) && !line.contains("secret"), "{line}");
        assert!(!format!("{wrong:?}").contains("secret"), "{wrong:?}");
    }
    let right = split(&identity.url(), web_url);
    let built = factory.create_multi_database(&right).unwrap();
    assert!(Arc::ptr_eq(&built, &factory.create_multi_database(&right).unwrap()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert!(runtime.block_on(built.create(alice(), Origin::default())).unwrap().is_some());
    assert_eq!(identity.value("SELECT email FROM users"), "alice@example.com");
}

fn alice() -> NewUser {
    NewUser {
        email: Some("alice@example.com".into()),
        hashed_password: None,
        role: constants::Role::Admin,
        is_verified: true,
    }
}

/// A session through a manager; the token.
async fn open(manager: &Arc<dyn UserManager>) -> session_management::SessionToken {
    let user = manager.find_by_email(&Email::parse("alice@example.com").unwrap()).await.unwrap().unwrap();
    let request = SessionRequest { user, auth_method: "password", login: Login::default(), rehashed: None };
    manager.create_session(request).await.unwrap().unwrap().token
}

#[test]
fn a_session_of_one_manager_is_no_session_of_the_others_whatever_is_in_redis_f3_f4() {
    let (database, redis, factory) = (TestDatabase::new(), TestRedis::start(), UserManagerFactory::default());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let given = configuration(ApplicationContext::Web, &database.url(), &redis.url());
    runtime.block_on(async {
        let (web, admin) =
            (factory.create_for_web(&given).unwrap(), factory.create_for_admin(&given).unwrap());
        web.create(alice(), Origin::default()).await.unwrap().unwrap();
        for (own, other) in [(&web, &admin), (&admin, &web)] {
            let token = open(own).await;
            for flushed in [false, true] {
                if flushed {
                    redis.flush();
                }
                for freshness in [Freshness::Cached, Freshness::Authoritative] {
                    let look_up = |manager: &Arc<dyn UserManager>| {
                        let (manager, token) = (Arc::clone(manager), token.clone());
                        async move { manager.look_up(&token, freshness, &Origin::default()).await.unwrap() }
                    };
                    assert!(look_up(own).await.is_some());
                    assert!(look_up(other).await.is_none());
                }
            }
            assert!(!other.extend_session(&token).await.unwrap());
            assert!(!other.renew_proof(&token, 0).await.unwrap());
            assert!(own.extend_session(&token).await.unwrap() && own.renew_proof(&token, 0).await.unwrap());
        }
    });
}

#[test]
fn a_session_is_a_row_before_it_is_anything_else_f6() {
    let (database, redis, factory) = (TestDatabase::new(), TestRedis::start(), UserManagerFactory::default());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let given = configuration(ApplicationContext::Web, &database.url(), &redis.url());
    let web = factory.create_for_web(&given).unwrap();
    runtime.block_on(web.create(alice(), Origin::default())).unwrap().unwrap();
    let token = runtime.block_on(open(&web));
    let row =
        format!("SELECT application_context || ' ' || revoked FROM sessions WHERE id = '{}'", token.id());
    assert_eq!(database.value(&row), "web false");
    // Redis follows: without it, or with nothing in it, the session is the same.
    redis.flush();
    let whose =
        |token| runtime.block_on(web.find_by_session_id(token)).unwrap().map(|user| user.email.unwrap());
    assert_eq!(whose(&token).as_deref(), Some("alice@example.com"));
    redis.stop();
    let unseen = runtime.block_on(open(&web));
    assert_eq!(whose(&unseen).as_deref(), Some("alice@example.com"));
    redis.start_again();
    database.execute("DELETE FROM sessions");
    assert_eq!(whose(&token), None);
}
