//! Nobody can tell who somebody is: that is 503 to everybody, never a way to the login and never a way in.

use std::time::Duration;

use test_support::{Client, Response, TestPostgres, TestRedis, eventually};

use crate::proxy::{Kind, Proxy};
use crate::service::PythonService;
use crate::stage::behind_a_proxy;
use crate::{PAGE, PASSWORD, behind_every_proxy};

const SOON: Duration = Duration::from_secs(5);

behind_every_proxy!(an_outage_is_503_and_never_the_login_c7);

fn an_outage_is_503_and_never_the_login_c7(kind: Kind) {
    let (cluster, redis, service) = (TestPostgres::start(), TestRedis::start(), PythonService::start());
    let database = cluster.database();
    let web = behind_a_proxy("web").database(&database).redis(&redis).start();
    let proxy = Proxy::start(kind, web.port(), service.port());
    let alice = web.register("alice@example.com", PASSWORD);
    let client = proxy.anon();
    client.add_cookie(web.cookie(), &alice.token);
    assert_eq!(client.get("/reports/").status, 200);

    cluster.stop();
    redis.flush();
    eventually("what is cached no longer answers", SOON, || {
        (client.get("/reports/").status == 503).then_some(())
    });
    for answer in both(&client) {
        assert_eq!(answer.status, 503);
        // Envoy keeps to itself what came with it.
        assert_eq!(answer.header("retry-after"), (kind != Kind::Envoy).then_some("1"), "{answer:?}");
        assert_kept(&answer);
    }
    cluster.start_again();
    eventually("the same session is back", SOON, || (client.get("/reports/").status == 200).then_some(()));

    web.kill();
    for answer in both(&client) {
        assert_eq!(answer.status, if kind == Kind::Traefik { 500 } else { 503 });
        assert_kept(&answer);
    }
}

fn both(client: &Client) -> [Response; 2] {
    [client.get("/reports/"), client.request("GET", "/reports/").header("Accept", PAGE).send()]
}

#[track_caller]
fn assert_kept(answer: &Response) {
    assert_eq!(answer.header("location"), None, "{answer:?}");
    assert!(answer.set_cookies().is_empty(), "{answer:?}");
    assert!(!answer.text().contains("X_USER_ID"), "{answer:?}");
}
