//! Admin-panel without Redis and without Postgres.

use std::time::Duration;

use test_support::{App, TestPostgres, TestRedis, eventually, stack};

use crate::{PASSWORD, person};

#[test]
fn everything_works_while_redis_is_gone_or_hangs_f12() {
    let (database, redis, app) = stack("admin-panel");
    person(&database, "admin@example.com", "admin");
    for hang in [true, false] {
        if hang {
            redis.pause();
        } else {
            redis.resume();
            redis.stop();
        }
        let admin = app.log_in("admin@example.com", PASSWORD);
        let other = app.log_in("admin@example.com", PASSWORD);
        for answer in [admin.me(), admin.client.get("/api/sessions"), other.log_out(), admin.me()] {
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(answer.took < Duration::from_millis(600), "{:?}", answer.took);
        }
        app.with_cookie(&other.token).get("/api/me").assert_problem(401, "unauthenticated");
        assert_eq!(admin.log_out().status, 200);
        admin.me().assert_problem(401, "unauthenticated");
    }
}

#[test]
fn without_postgres_nobody_is_let_in_or_logged_out_f12() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let database = postgres.database();
    person(&database, "admin@example.com", "admin");
    let app = App::builder("admin-panel").database(&database).redis(&redis).start();
    let admin = app.log_in("admin@example.com", PASSWORD);
    assert_eq!(admin.me().status, 200);
    postgres.stop();
    // Redis is full, and admin-panel does not believe it.
    for answer in [
        admin.me(),
        admin.client.get("/api/verify"),
        admin.log_out(),
        app.anon().log_in("admin@example.com", PASSWORD),
    ] {
        answer.assert_problem(503, "unavailable");
        assert!(answer.header("retry-after").is_some() && answer.set_cookies().is_empty(), "{answer:?}");
        assert!(answer.took < Duration::from_secs(1), "{:?}", answer.took);
    }
    postgres.start_again();
    let within = Duration::from_secs(3);
    eventually("admin-panel works again without a restart", within, || {
        (admin.me().status == 200).then_some(())
    });
}
