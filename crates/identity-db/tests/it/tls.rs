//! The listening connection understands a URL as libpq does, which the pool goes by.

use identity_db::{migration, stream};
use test_support::TestPostgres;

/// Fails unless both ways to connect get through, or neither does.
#[track_caller]
fn assert_connects(url: &str, expected: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listening = runtime.block_on(stream::server(url)).map(|_| ());
    let by_libpq = migration::connect(url).map(|_| ());
    assert_eq!(by_libpq.is_ok(), expected, "libpq, {url}: {by_libpq:?}");
    assert_eq!(listening.is_ok(), expected, "the listening connection, {url}: {listening:?}");
}

#[test]
fn sslmode_means_what_it_means_to_libpq() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let by_address = database.url();
    let by_name = by_address.replace("127.0.0.1", "localhost");
    for (mode, connects) in
        [("disable", true), ("allow", true), ("prefer", true), ("require", false), ("verify-full", false)]
    {
        assert_connects(&format!("{by_name}?sslmode={mode}"), connects);
    }

    let other = postgres.offer_tls("somebody.else");
    let wrong = other.with_file_name("other.crt");
    std::fs::rename(&other, &wrong).unwrap();
    let root = postgres.offer_tls("localhost");
    let (root, wrong) = (root.display(), wrong.display());
    postgres.require_tls();
    for url in [&by_name, &by_address] {
        assert_connects(url, true);
        assert_connects(&format!("{url}?sslmode=disable"), false);
        for mode in ["allow", "prefer", "require"] {
            assert_connects(&format!("{url}?sslmode={mode}"), true);
        }
        assert_connects(&format!("{url}?sslmode=verify-ca"), false);
        assert_connects(&format!("{url}?sslmode=verify-ca&sslrootcert={root}"), true);
        assert_connects(&format!("{url}?sslmode=require&sslrootcert={wrong}"), false);
        assert_connects(&format!("{url}?sslmode=verify-ca&sslrootcert={wrong}"), false);
        assert_connects(&format!("{url}?sslmode=verify-full"), false);
    }
    assert_connects(&format!("{by_name}?sslmode=verify-full&sslrootcert={root}"), true);
    assert_connects(&format!("{by_address}?sslmode=verify-full&sslrootcert={root}"), false);
}
