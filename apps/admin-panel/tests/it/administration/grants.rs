//! Permissions that are granted to a person: they count at once, until their end or until they are taken.

use serde_json::json;

use super::{Panel, a_grant, patch};

#[test]
fn a_grant_counts_on_the_next_request_and_no_longer_than_it_lasts_a4() {
    let panel = Panel::new();
    let (admin, support) = (panel.staff("admin"), panel.staff("support"));
    let (user, grants) = (panel.path("user", ""), panel.path("support", "/permissions"));
    let block = || patch(&support.client, &user, &json!({"blocked": false}));
    block().assert_problem(403, "forbidden");
    let granted = admin.client.post(&grants, &a_grant("users.block", "admin"));
    assert_eq!(granted.status, 201, "{}", granted.text());
    assert_eq!(block().status, 200);
    let permission = &granted.json()["permission"];
    assert_eq!(permission["granted_by"], admin.user_id);
    assert_eq!(permission["expires_at"], json!(null));
    assert_eq!(support.client.get(&grants).json(), json!({ "permissions": [permission] }));

    let taken = admin.client.delete(&format!("{grants}/users.block?application_context=admin"));
    assert_eq!(taken.status, 204);
    block().assert_problem(403, "forbidden");
    let again = admin.client.delete(&format!("{grants}/users.block?application_context=admin"));
    again.assert_problem(404, "not_found");

    let until = json!({"permission": "users.block", "application_context": "admin", "expires_at": "2100-01-01T00:00:00+02:00"});
    let granted = admin.client.post(&grants, &until);
    assert_eq!(
        (granted.status, granted.member("/permission/expires_at").as_str()),
        (201, "2099-12-31T22:00:00Z")
    );
    assert_eq!(block().status, 200);
    // The same again has another end.
    assert_eq!(admin.client.post(&grants, &a_grant("users.block", "admin")).status, 200);
    assert_eq!(panel.database.value("SELECT expires_at IS NULL FROM user_permissions"), "t");
    panel.database.execute("UPDATE user_permissions SET expires_at = clock_timestamp()");
    block().assert_problem(403, "forbidden");
    panel.database.execute("UPDATE user_permissions SET expires_at = clock_timestamp() + interval '1 hour'");
    assert_eq!(block().status, 200);
}

#[test]
fn a_grant_counts_in_its_own_application_alone_a4_f3() {
    let panel = Panel::new();
    let (admin, support) = (panel.staff("admin"), panel.staff("support"));
    let grants = panel.path("support", "/permissions");
    assert_eq!(admin.client.post(&grants, &a_grant("sessions.end", "web")).status, 201);
    let path = panel.path("user", "/sessions");
    support.client.delete(&path).assert_problem(403, "forbidden");
    assert_eq!(admin.client.post(&grants, &a_grant("sessions.end", "admin")).status, 201);
    assert_eq!(support.client.delete(&path).status, 200);
    let taken = admin.client.delete(&format!("{grants}/sessions.end?application_context=web"));
    assert_eq!(taken.status, 204);
    assert_eq!(support.client.delete(&path).status, 200, "the other one stays");
}

#[test]
fn every_grant_opens_what_it_names_and_nothing_else_a4() {
    let panel = Panel::new();
    let (admin, support) = (panel.staff("admin"), panel.staff("support"));
    let grants = panel.path("support", "/permissions");
    let user = panel.path("user", "");
    let acts = |permission: &str| match permission {
        "sessions.end" => support.client.delete(&format!("{user}/sessions")).status,
        "users.block" => patch(&support.client, &user, &json!({"blocked": false})).status,
        "users.verify" => patch(&support.client, &user, &json!({"is_verified": false})).status,
        "roles.change" => patch(&support.client, &user, &json!({"role": "user"})).status,
        _ => support.client.post(&format!("{user}/permissions"), &a_grant("reports.read", "web")).status,
    };
    let all = ["sessions.end", "users.block", "users.verify", "roles.change", "permissions.change"];
    for granted in all {
        assert_eq!(admin.client.post(&grants, &a_grant(granted, "admin")).status, 201);
        for act in all {
            let status = acts(act);
            assert_eq!(status == 403, act != granted, "{granted} and {act}: {status}");
        }
        let path = format!("{grants}/{granted}?application_context=admin");
        assert_eq!(admin.client.delete(&path).status, 204);
    }
}

#[test]
fn a_grant_lets_nobody_give_more_than_they_have_a4() {
    let panel = Panel::new();
    let (admin, support) = (panel.staff("admin"), panel.staff("support"));
    for permission in ["permissions.change", "roles.change"] {
        let granted =
            admin.client.post(&panel.path("support", "/permissions"), &a_grant(permission, "admin"));
        assert_eq!(granted.status, 201);
    }
    let own = panel.path("support", "");
    for role in ["admin", "operator"] {
        patch(&support.client, &own, &json!({ "role": role })).assert_problem(403, "forbidden");
    }
    let grants = format!("{own}/permissions");
    support.client.post(&grants, &a_grant("users.block", "admin")).assert_problem(403, "forbidden");
    // What they have, and what another application calls its own, they may.
    assert_eq!(support.client.post(&grants, &a_grant("users.read", "admin")).status, 201);
    assert_eq!(support.client.post(&grants, &a_grant("users.block", "web")).status, 201);
    assert_eq!(patch(&support.client, &panel.path("user", ""), &json!({"role": "support"})).status, 200);
}

#[test]
fn a_grant_lets_no_customer_in_however_many_there_are_a4() {
    let panel = Panel::new();
    let admin = panel.staff("admin");
    for permission in ["users.read", "audit.read", "roles.change", "permissions.change"] {
        let granted = admin.client.post(&panel.path("user", "/permissions"), &a_grant(permission, "admin"));
        assert_eq!(granted.status, 201);
    }
    panel.app.anon().log_in("user@example.com", crate::PASSWORD).assert_problem(403, "forbidden");
    // Nor does it keep somebody in who is staff no more.
    let support = panel.staff("support");
    let granted = admin.client.post(&panel.path("support", "/permissions"), &a_grant("users.block", "admin"));
    assert_eq!(granted.status, 201);
    assert_eq!(patch(&admin.client, &panel.path("support", ""), &json!({"role": "user"})).status, 200);
    support.client.get("/api/users").assert_problem(403, "forbidden");
}

#[test]
fn roles_and_permissions_need_a_recent_proof_and_the_rest_does_not_c2() {
    let panel = Panel::new();
    let admin = panel.staff("admin");
    let (user, grants) = (panel.path("user", ""), panel.path("user", "/permissions"));
    let grant = || admin.client.post(&grants, &a_grant("reports.read", "web"));
    let take = || admin.client.delete(&format!("{grants}/reports.read?application_context=web"));
    let demote = || patch(&admin.client, &user, &json!({"role": "user"}));
    assert_eq!(grant().status, 201);
    panel.let_proofs_grow_old();
    for answer in [grant(), take(), demote()] {
        answer.assert_problem(403, "reauthentication_required");
    }
    assert_eq!(patch(&admin.client, &user, &json!({"blocked": true, "is_verified": true})).status, 200);
    assert_eq!(admin.client.delete(&format!("{user}/sessions")).status, 200);
    let proof = json!({"password": crate::PASSWORD});
    assert_eq!(admin.client.post("/api/reauthenticate", &proof).status, 204);
    assert_eq!((grant().status, take().status, demote().status), (200, 204, 200));
}
