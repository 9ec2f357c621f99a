//! The dashboard and the checklist.

use std::time::Duration;

use test_support::eventually;

use super::Panel;
use crate::PASSWORD;

#[test]
fn the_dashboard_shows_numbers_as_pictures_and_as_tables_c2() {
    let panel = Panel::new();
    let web = panel.web();
    let _devices: Vec<_> = (0..3).map(|_| web.log_in("user@example.com", PASSWORD)).collect();
    panel.database.execute(
        "INSERT INTO legacy_uses (day, source, uses)
         VALUES ((now() AT TIME ZONE 'UTC')::date, 'users.auth_token', 41), ((now() AT TIME ZONE 'UTC')::date - 13, 'redis', 7)",
    );
    let support = panel.browser("support");
    let page = support.see("/");
    assert_eq!(page.texts("#live .figure"), ["3", "1"]);
    assert_eq!(page.texts("#logins tbody tr").len(), 48);
    assert_eq!(page.texts("#legacy tbody tr").len(), 14);
    let logins: i64 = page.texts("#logins tbody td").iter().map(|text| text.parse::<i64>().unwrap()).sum();
    assert_eq!(logins, 4);
    assert!(page.texts("#legacy tbody td").first().unwrap().starts_with("7 redis 7"));
    assert!(page.texts("#legacy tbody td").last().unwrap().starts_with("41 users.auth_token 41"));
    assert_eq!(
        page.attributes("#legacy svg rect[fill='#3F51C4']", "fill").len(),
        2,
        "a bar for each day of use"
    );
    let text = page.answer.text();
    for refused in ["style=\"", "<style", "onload", "onclick"] {
        assert!(!text.contains(refused), "{refused}");
    }
}

#[test]
fn the_dashboard_shows_which_parts_answer_c2_f12() {
    let panel = Panel::new();
    let support = panel.browser("support");
    panel.app.wait_for_lease();
    let measured = || (!support.see("/").text("[data-part=lag] dd").contains("not measured")).then_some(());
    eventually("the lag is measured", Duration::from_secs(10), measured);
    assert_eq!(support.see("/").texts("#health .tag"), ["up", "up", "up"]);
    panel.redis.pause();
    let page = support.see("/");
    panel.redis.resume();
    assert_eq!(page.text("[data-part=redis] dd"), "down");
    assert_eq!(page.text("[data-part=postgres] dd"), "up");
}

#[test]
fn the_checklist_is_shown_point_by_point_a13() {
    let panel = Panel::new();
    panel.redis.command(&["SET", "session:old-token", "x"]);
    let support = panel.browser("support");
    let page = support.see("/cleanup");
    assert_eq!(
        page.attributes("#checklist [data-point]", "data-point"),
        ["legacy-keys", "legacy-uses", "contexts", "migrations", "backup", "dual-write", "stable"]
    );
    assert_eq!(page.attribute("[data-point=legacy-keys]", "data-holds"), "false");
    assert!(page.text("[data-point=legacy-keys] .muted").contains("1 found"));
    assert_eq!(page.attribute("[data-point=migrations]", "data-holds"), "true");
    assert!(page.has("#not-ready"));
    panel.database.execute("INSERT INTO cleanup (checklist) VALUES ('{}')");
    assert!(support.see("/cleanup").text("#applied").starts_with("The clean-up was applied:"));
}

#[test]
fn in_russian_everything_on_these_pages_is_russian_a10() {
    let panel = Panel::new();
    panel.database.execute(
        "INSERT INTO backups (taken_at, file_name, bytes, sha256, table_count, row_count, server_version)
             VALUES (now(), '/b/one.dump', 9, repeat('0', 64), 1, 1, '16');
         INSERT INTO legacy_uses (day, source, uses) VALUES ((now() AT TIME ZONE 'UTC')::date, 'redis', 7);
         INSERT INTO audit_log (action, detail) VALUES ('strategy_set', '{\"strategy\": \"gradual\"}')",
    );
    let support = panel.browser("support");
    let support = super::Browser(support.0.copy().with_header("Accept-Language", "ru"));
    panel.app.wait_for_lease();
    let measured = || support.see("/").page.count("[data-part=lag] .num").gt(&0).then_some(());
    eventually("the lag is measured", Duration::from_secs(10), measured);
    let lag = support.see("/").text("[data-part=lag] dd");
    assert!(lag.contains(" мс") && !lag.contains(" ms"), "{lag}");
    let page = support.see("/cleanup");
    for told in page.texts("#checklist .point .muted") {
        let english = told
            .split([' ', ':', ','])
            .filter(|word| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase()));
        let names = ["cleanup", "check", "sessionctl", "read", "off"];
        let english: Vec<&str> = english.filter(|word| !names.contains(word)).collect();
        assert!(english.is_empty(), "{english:?} in {told}");
    }
    assert_eq!(page.text("[data-point=migrations] .muted").split(" · ").next(), Some("не выполнено: 0"));
    let log = support.see("/audit?action=strategy_set");
    assert_eq!(log.text("#log tbody th"), "Задана другая стратегия перехода");
    assert_eq!(log.text("#log .values dt"), "Стратегия");
}
