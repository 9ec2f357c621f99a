//! Everything staff do is in the audit log, in the same transaction, and stays there.

use serde_json::{Value, json};
use test_support::Client;

use super::{Panel, a_grant, patch};
use crate::PASSWORD;

fn entries(client: &Client, query: &str) -> Vec<Value> {
    let answer = client.get(&format!("/api/audit?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["entries"].as_array().unwrap().clone()
}

#[test]
fn every_act_says_who_what_whom_from_where_when_and_the_old_and_the_new_value_c2() {
    let panel = Panel::new();
    let web = panel.web();
    let phone = web.log_in("user@example.com", PASSWORD);
    let _pc = web.log_in("user@example.com", PASSWORD);
    let admin = panel.staff("admin");
    let (id, path) = (panel.id("user"), panel.path("user", ""));
    let client = &admin.client;
    assert_eq!(client.delete(&format!("{path}/sessions/{}", phone.session_id)).status, 204);
    assert_eq!(client.delete(&format!("{path}/sessions")).status, 200);
    assert_eq!(patch(client, &path, &json!({"role": "support"})).status, 200);
    assert_eq!(patch(client, &path, &json!({"is_verified": true})).status, 200);
    assert_eq!(patch(client, &path, &json!({"blocked": true})).status, 200);
    assert_eq!(patch(client, &path, &json!({"blocked": false})).status, 200);
    let grants = format!("{path}/permissions");
    let until =
        |end: &str| json!({"permission": "reports.read", "application_context": "web", "expires_at": end});
    assert_eq!(client.post(&grants, &a_grant("reports.read", "web")).status, 201);
    assert_eq!(client.post(&grants, &until("2100-01-01T00:00:00Z")).status, 200);
    assert_eq!(client.delete(&format!("{grants}/reports.read?application_context=web")).status, 204);

    let mut lines = entries(client, &format!("actor={}&user={id}", admin.user_id));
    lines.reverse();
    let told: Vec<(&str, &Value)> =
        lines.iter().map(|line| (line["action"].as_str().unwrap(), &line["detail"])).collect();
    let right = |old: Value, new: Value| json!({"permission": "reports.read", "application_context": "web", "old": old, "new": new});
    let (ever, end) = (json!({"expires_at": null}), json!({"expires_at": "2100-01-01T00:00:00Z"}));
    assert_eq!(
        told,
        [
            ("session_ended", &json!({"application_context": "web"})),
            ("sessions_ended", &json!({"revoked": 1})),
            ("user_role_changed", &json!({"role": {"old": "user", "new": "support"}})),
            ("user_verification_changed", &json!({"is_verified": {"old": false, "new": true}})),
            ("user_blocked", &json!({"blocked": {"old": false, "new": true}, "revoked": 0})),
            ("user_unblocked", &json!({"blocked": {"old": true, "new": false}})),
            ("permission_granted", &right(Value::Null, ever.clone())),
            ("permission_granted", &right(ever, end.clone())),
            ("permission_taken", &right(end, Value::Null)),
        ]
    );
    for line in &lines {
        assert_eq!(line["actor_id"], admin.user_id);
        assert_eq!(line["actor_email"], "admin@example.com");
        assert_eq!(line["user_id"], id);
        assert_eq!(line["user_email"], "user@example.com");
        assert_eq!(line["application_context"], "admin");
        assert_eq!(line["ip_address"], "127.0.0.1");
        assert_eq!(line["user_agent"], "test-support/1");
        assert!(line["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{line}");
    }
    assert_eq!(lines[0]["session_id"], phone.session_id);
    for secret in [&phone.token, &admin.token] {
        assert!(!json!(lines).to_string().contains(secret.as_str()));
    }
}

#[test]
fn an_act_that_cannot_be_written_down_does_not_happen_c2() {
    let panel = Panel::new();
    let web = panel.web();
    let phone = web.log_in("user@example.com", PASSWORD);
    let admin = panel.staff("admin");
    let path = panel.path("user", "");
    let grants = format!("{path}/permissions");
    assert_eq!(admin.client.post(&grants, &a_grant("reports.read", "web")).status, 201);
    let state = || {
        panel.database.query(
            "SELECT to_jsonb(u) FROM users u UNION ALL SELECT to_jsonb(s) - 'last_activity' - 'expires_at' FROM sessions s
             UNION ALL SELECT to_jsonb(p) FROM user_permissions p UNION ALL SELECT to_jsonb(a) FROM audit_log a",
        )
    };
    let before = state();
    panel.database.execute("REVOKE INSERT ON audit_log FROM test_app");
    let answers = [
        patch(&admin.client, &path, &json!({"role": "support"})),
        patch(&admin.client, &path, &json!({"blocked": true})),
        patch(&admin.client, &path, &json!({"is_verified": true})),
        admin.client.delete(&format!("{path}/sessions")),
        admin.client.delete(&format!("{path}/sessions/{}", phone.session_id)),
        admin.client.post(&grants, &a_grant("reports.write", "web")),
        admin.client.delete(&format!("{grants}/reports.read?application_context=web")),
    ];
    for answer in answers {
        assert!(answer.status >= 500, "{} {}", answer.status, answer.text());
    }
    assert_eq!(state(), before);
    panel.database.execute("GRANT INSERT ON audit_log TO test_app");
    assert_eq!(phone.me().status, 200);
    assert_eq!(admin.client.delete(&format!("{path}/sessions")).status, 200);
}

#[test]
fn what_was_written_down_cannot_be_changed_by_the_applications_c2() {
    let panel = Panel::new();
    let operator = panel.staff("operator");
    assert_eq!(patch(&operator.client, &panel.path("user", ""), &json!({"blocked": true})).status, 200);
    let log = || panel.database.query("SELECT to_jsonb(a) FROM audit_log a ORDER BY id");
    let before = log();
    for sql in [
        "UPDATE audit_log SET actor_id = NULL",
        "UPDATE audit_log SET detail = '{}' WHERE action = 'user_blocked'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "DROP TABLE audit_log",
        "ALTER TABLE audit_log RENAME TO other",
        "ALTER SEQUENCE audit_log_id_seq RESTART",
        "MERGE INTO audit_log a USING users u ON a.subject_id = u.id WHEN MATCHED THEN DELETE",
        "INSERT INTO audit_log (id, action) OVERRIDING SYSTEM VALUE SELECT id, 'x' FROM audit_log
         ON CONFLICT (id) DO UPDATE SET action = 'x'",
        "CREATE RULE forget AS ON INSERT TO audit_log DO INSTEAD NOTHING",
        "GRANT ALL ON audit_log TO PUBLIC; UPDATE audit_log SET action = 'x'",
    ] {
        let refusal = panel.database.try_execute_as_app(sql).expect_err(sql);
        assert_eq!(refusal.code, "42501", "{sql}: {refusal:?}");
    }
    assert_eq!(log(), before);
    // A line outlives the people that it names.
    panel.database.execute("DELETE FROM users WHERE email LIKE 'user@%'");
    assert_eq!(log(), before);
    let lines = entries(&operator.client, "action=user_blocked");
    assert_eq!((lines.len(), &lines[0]["user_email"]), (1, &Value::Null));
}

#[test]
fn the_log_is_filtered_and_read_page_by_page_c2() {
    let panel = Panel::new();
    let support = panel.staff("support");
    panel.database.execute(
        "TRUNCATE audit_log; INSERT INTO audit_log (at, action, actor_id, subject_id)
         SELECT now() - (n / 10) * interval '1 second', (ARRAY['one', 'two', 'three'])[n % 3 + 1],
                (SELECT id FROM users WHERE email LIKE 'admin@%'),
                CASE WHEN n % 5 = 0 THEN (SELECT id FROM users WHERE email LIKE 'user@%') END
         FROM generate_series(1, 300) n",
    );
    let (admin, user) = (panel.id("admin"), panel.id("user"));
    for (query, count) in [
        ("".to_owned(), 300),
        ("user=&actor=&action=&page=".to_owned(), 300),
        (format!("actor={admin}"), 300),
        (format!("user={admin}"), 0),
        (format!("user={user}"), 60),
        ("action=two".to_owned(), 100),
        (format!("action=one&user={user}&actor={admin}"), 20),
        ("action=nothing".to_owned(), 0),
        ("action='%20OR%201=1%20--".to_owned(), 0),
    ] {
        assert_eq!(entries(&support.client, &format!("{query}&per_page=1000")).len(), count, "{query}");
    }
    let number = |line: &Value| line["id"].as_i64().unwrap();
    let all: Vec<i64> = entries(&support.client, "per_page=1000").iter().map(number).collect();
    let by_number = (1..=5).flat_map(|page| entries(&support.client, &format!("per_page=70&page={page}")));
    assert_eq!(by_number.map(|line| number(&line)).collect::<Vec<_>>(), all);
    let (mut by_cursor, mut next) = (Vec::new(), String::new());
    loop {
        let page = support.client.get(&format!("/api/audit?per_page=70&next={next}")).json();
        by_cursor.extend(page["entries"].as_array().unwrap().iter().map(number));
        match page["next"].as_str() {
            Some(cursor) => cursor.clone_into(&mut next),
            None => break,
        }
    }
    assert_eq!(by_cursor, all, "also where many lines have the same time");
    for wrong in
        ["user=me", "actor=%00", "action=%00", "page=0", "page=x", "per_page=0", "per_page=1001", "next=x"]
    {
        support.client.get(&format!("/api/audit?{wrong}")).assert_problem(422, "validation_failed");
    }
}
