//! A session that another device or staff end is refused behind a proxy as soon as in web itself.

use std::time::{Duration, Instant};

use serde_json::json;
use test_support::{App, Client, ordinary_or_long, tally};

use crate::proxy::Kind;
use crate::service::PythonService;
use crate::stage::{ALICE, Stage};
use crate::{PASSWORD, behind_every_proxy};

/// What C4 of docs/requirements.md promises.
const PROMISED: Duration = Duration::from_millis(500);

behind_every_proxy!(an_end_is_felt_behind_the_proxy_within_half_a_second_c4_c7);

fn an_end_is_felt_behind_the_proxy_within_half_a_second_c4_c7(kind: Kind) {
    let service = PythonService::start();
    let stage = Stage::new(kind, service.port());
    let start = |name| App::builder(name).database(&stage.database).redis(&stage.redis).start();
    // Both are other processes than the one that the proxy asks.
    let (other_web, panel) = (start("web"), start("admin-panel"));
    let alice = stage.alice();
    let _ = stage.web.register("ada@example.com", PASSWORD);
    stage.database.execute("UPDATE users SET role = 'operator' WHERE email = 'ada@example.com'");
    let staff = panel.log_in("ada@example.com", PASSWORD);
    let device = other_web.with_cookie(&alice.token);

    let rounds = ordinary_or_long(24, 240);
    let (mut worst, mut total) = (Duration::ZERO, Duration::ZERO);
    for round in 0..rounds {
        let phone = stage.web.log_in(ALICE, PASSWORD);
        let client = stage.at_proxy(&phone);
        // The second is answered out of web's memory.
        for _ in 0..2 {
            assert_eq!(client.get("/reports/").status, 200);
        }
        let ended = if round % 2 == 0 {
            device.delete(&format!("/api/sessions/{}", phone.session_id))
        } else {
            staff.client.delete(&format!("/api/users/{}/sessions/{}", alice.user_id, phone.session_id))
        };
        assert_eq!(ended.status, 204, "{}", ended.text());
        let refused = refused_after(&client);
        (worst, total) = (worst.max(refused), total + refused);
        assert_eq!(stage.at_proxy(&alice).get("/reports/").status, 200, "the others go on");
    }
    let mean = total / u32::try_from(rounds).expect("a number of rounds");
    let line = json!({"rounds": rounds, "mean_ms": mean.as_millis(), "worst_ms": worst.as_millis()});
    tally(&format!("Ends felt behind {kind:?}"), line);
}

/// How long after now the first request is refused, with everything that it takes. None that begins later than promised passes.
#[track_caller]
pub(crate) fn refused_after(client: &Client) -> Duration {
    let acknowledged = Instant::now();
    loop {
        let began = acknowledged.elapsed();
        match client.get("/reports/").status {
            401 => break,
            200 => assert!(began <= PROMISED, "a request passed that began {began:?} after the end"),
            other => panic!("{other}"),
        }
    }
    let refused = acknowledged.elapsed();
    assert_eq!(client.get("/reports/").status, 401, "and so it stays");
    refused
}
