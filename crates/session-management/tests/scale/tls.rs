//! Redis by TLS.

use test_support::{App, TestDatabase, TestRedis};

use crate::load::PASSWORD;
use crate::{part, wait_for_redis};

#[test]
fn a_redis_whose_certificate_is_believed_is_used_by_tls_c9() {
    let (database, (redis, url, certificate)) = (TestDatabase::new(), TestRedis::start_with_tls());
    let web = || App::builder("web").database(&database).env("REDIS_URL", &url);
    let believing = web().env("SSL_CERT_FILE", certificate.to_str().unwrap()).start();
    wait_for_redis(&[&believing], "up");
    let alice = believing.register("alice@example.com", PASSWORD);
    assert!(redis.dump().contains_key(&format!("session:web:{}", alice.session_id)));

    let wary = web().start();
    assert_eq!(part(&wary, "redis"), "down", "nobody vouches for the certificate");
    assert_eq!(wary.with_bearer(&alice.token).get("/api/me").status, 200);
}
