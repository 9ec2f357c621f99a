//! What a near hit of `GET /api/me` is made of: the token out of the headers, its digest, the cache.
//!
//! The cache is asked only when DATABASE_URL, REDIS_URL and SESSION_TOKEN are set, as scripts/bench sets them:
//! it answers nothing that Postgres has not said.

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use constants::{ApplicationContext, Environment, LegacyTokens, MigrationStrategy};
use criterion::Criterion;
use http_kit::Presented;
use session_management::{
    DatabaseConfig, Lifetimes, Limits, ManagerConfiguration, RedisConfiguration, SessionService,
    SessionToken, TokenRef, UserManagerFactory, Web,
};
use tokio::runtime::Runtime;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const COOKIE_NAME: &str = "__Host-sessionId";

fn main() -> Outcome {
    let mut criterion = Criterion::default().configure_from_args();
    tokens(&mut criterion)?;
    match [env::var("DATABASE_URL"), env::var("REDIS_URL"), env::var("SESSION_TOKEN")] {
        [Ok(database), Ok(redis), Ok(token)] => near_hit(&mut criterion, database, redis, &token)?,
        _ => eprintln!("near_hit is left out: DATABASE_URL, REDIS_URL and SESSION_TOKEN are not all set"),
    }
    criterion.final_summary();
    Ok(())
}

fn tokens(criterion: &mut Criterion) -> Outcome {
    let token = SessionToken::generate();
    criterion.bench_function("token_digest", |bencher| {
        bencher.iter(|| TokenRef::parse(black_box(token.expose())).is_some());
    });
    let names = [COOKIE_NAME.to_owned(), "auth_token".to_owned()];
    let cookie = headers(COOKIE, &format!("theme=dark; {COOKIE_NAME}={}", token.expose()))?;
    let bearer = headers(AUTHORIZATION, &format!("Bearer {}", token.expose()))?;
    for (name, headers) in [("cookie_parse", cookie), ("bearer_parse", bearer)] {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| Presented::of(black_box(&headers), &names).deciding().is_ok());
        });
    }
    Ok(())
}

fn headers(name: HeaderName, value: &str) -> Outcome<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_str(value)?);
    Ok(headers)
}

fn near_hit(criterion: &mut Criterion, database: String, redis: String, token: &str) -> Outcome {
    let context = ApplicationContext::Web;
    let manager = UserManagerFactory::default().create(&ManagerConfiguration {
        context,
        environment: Environment::Production,
        database: Some(DatabaseConfig::new(database)),
        listen_url: None,
        replica: None,
        near_entries: 1024,
        redis: Some(RedisConfiguration { url: redis, max_retries: 3 }),
        lifetimes: Some(Lifetimes::of(context)),
        strategy: MigrationStrategy::ProductionOnly,
        legacy_tokens: LegacyTokens::Off,
    })?;
    let service = SessionService::new(Arc::clone(&manager), Limits::default())?;
    let token = SessionToken::parse(token).ok_or("SESSION_TOKEN is no token")?;
    let runtime = Runtime::new()?;
    let stream = runtime.spawn(async move { manager.follow_denials().await });
    runtime.block_on(async {
        for _ in 0..100 {
            service.look_up::<Web>(&token).await?;
            if service.peek::<Web>(&token.id()).is_some() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err::<(), Box<dyn Error>>("the cache does not answer; is SESSION_TOKEN a live session?".into())
    })?;
    let id = token.id();
    // Shorter than an answer of Postgres may be repeated.
    criterion
        .bench_function("near_hit", |bencher| bencher.iter(|| service.peek::<Web>(black_box(&id)).is_some()));
    stream.abort();
    Ok(())
}
