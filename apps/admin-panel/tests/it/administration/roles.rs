//! Nobody acts on a person of a higher role, and somebody is always left to administer.

use serde_json::json;
use test_support::at_once;

use super::{Panel, a_grant, patch};

/// Unblocked administrators.
const ADMINS: &str = "SELECT count(*) FROM users WHERE role = 'admin' AND blocked_at IS NULL";

#[test]
fn nobody_acts_on_a_person_of_a_higher_role_c2() {
    let panel = Panel::new();
    let (operator, support) = (panel.staff("operator"), panel.staff("support"));
    let root = panel.staff("root");
    for (name, role) in [("support", "support"), ("operator", "operator")] {
        for permission in
            ["users.block", "users.verify", "sessions.end", "roles.change", "permissions.change"]
        {
            let granted = root.client.post(&panel.path(name, "/permissions"), &a_grant(permission, "admin"));
            assert!(matches!(granted.status, 200 | 201), "{role}: {}", granted.text());
        }
    }
    let before = panel.lines();
    for (staff, above) in [(&operator, "admin"), (&support, "admin"), (&support, "operator")] {
        let path = panel.path(above, "");
        for change in [
            json!({"blocked": true}),
            json!({"blocked": false}),
            json!({"is_verified": true}),
            json!({"role": "user"}),
        ] {
            patch(&staff.client, &path, &change).assert_problem(403, "forbidden");
        }
        let sid = &root.session_id;
        for path in [format!("{path}/sessions"), format!("{path}/sessions/{sid}")] {
            staff.client.delete(&path).assert_problem(403, "forbidden");
        }
        let grants = format!("{path}/permissions");
        staff.client.post(&grants, &a_grant("reports.read", "web")).assert_problem(403, "forbidden");
        let taken = staff.client.delete(&format!("{grants}/users.block?application_context=admin"));
        taken.assert_problem(403, "forbidden");
        // Looking is no act.
        assert_eq!(staff.client.get(&path).status, 200);
        assert_eq!(staff.client.get(&format!("{path}/sessions")).status, 200);
    }
    assert_eq!(panel.lines(), before, "a refusal leaves no line");
    assert_eq!(root.me().status, 200);
    // Whoever has the same role may.
    assert_eq!(patch(&root.client, &panel.path("admin", ""), &json!({"is_verified": true})).status, 200);
}

#[test]
fn the_last_administrator_stays_one_c2() {
    let panel = Panel::new();
    let admin = panel.staff("admin");
    let (own, other) = (panel.path("admin", ""), panel.path("root", ""));
    assert_eq!(patch(&admin.client, &other, &json!({"blocked": true})).status, 200);
    for change in [json!({"role": "user"}), json!({"role": "operator"}), json!({"blocked": true})] {
        patch(&admin.client, &own, &change).assert_problem(409, "conflict");
    }
    assert_eq!(patch(&admin.client, &own, &json!({"role": "admin", "blocked": false})).status, 200);
    // One who is blocked is none, and may be demoted.
    assert_eq!(patch(&admin.client, &other, &json!({"role": "user"})).status, 200);
    assert_eq!(patch(&admin.client, &other, &json!({"role": "admin", "blocked": false})).status, 200);
    assert_eq!(patch(&admin.client, &own, &json!({"role": "support"})).status, 200);
    assert_eq!(panel.database.number(ADMINS), 1);
    assert_eq!(admin.me().member("/user/role"), "support");
}

#[test]
fn two_administrators_who_demote_each_other_at_once_do_not_both_succeed_c2() {
    let panel = Panel::new();
    let pair = [panel.staff("admin"), panel.staff("root")];
    let paths = [panel.path("root", ""), panel.path("admin", "")];
    let mut met = 0;
    for _ in 0..150 {
        let answers = at_once(2, |n| patch(&pair[n].client, &paths[n], &json!({"role": "user"})));
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses[0], 200, "{statuses:?}");
        // Who was let in is told why; who came after the demotion is not let in.
        assert!(matches!(statuses[1], 401 | 403 | 409), "{statuses:?}");
        met += i32::from(statuses[1] == 409);
        assert_eq!(panel.database.number(ADMINS), 1);
        panel
            .database
            .execute("UPDATE users SET role = 'admin' WHERE email LIKE 'admin@%' OR email LIKE 'root@%'");
    }
    assert!(met > 0, "they never met");
}

#[test]
fn many_who_block_and_demote_each_other_at_once_leave_somebody_c2() {
    let panel = Panel::new();
    for n in 0..4 {
        crate::person(&panel.database, &format!("many{n}@example.com"), "admin");
    }
    panel.database.execute("DELETE FROM users WHERE email LIKE 'admin@%' OR email LIKE 'root@%'");
    for _ in 0..8 {
        let staff: Vec<_> = (0..4).map(|n| panel.staff(&format!("many{n}"))).collect();
        at_once(12, |n| {
            // Each other one of the rest.
            let victim = &staff[(n % 4 + 1 + n / 4) % 4].user_id;
            let change = if n % 2 == 0 { json!({"blocked": true}) } else { json!({"role": "user"}) };
            let answer = patch(&staff[n % 4].client, &format!("/api/users/{victim}"), &change);
            assert!(matches!(answer.status, 200 | 401 | 403 | 409), "{}", answer.text());
        });
        assert!(panel.database.number(ADMINS) >= 1);
        panel.database.execute("UPDATE users SET role = 'admin', blocked_at = NULL WHERE email LIKE 'many%'");
    }
}

#[test]
fn a_role_changes_what_the_next_request_may_c2() {
    let panel = Panel::new();
    let (admin, support) = (panel.staff("admin"), panel.staff("support"));
    let (own, user) = (panel.path("support", ""), panel.path("user", "/sessions"));
    for (role, status) in [("operator", 200), ("support", 403), ("admin", 200), ("support", 403)] {
        let changed = patch(&admin.client, &own, &json!({ "role": role }));
        assert_eq!((changed.status, changed.member("/user/role").as_str()), (200, role));
        assert_eq!(support.client.delete(&user).status, status, "{role}");
    }
}
