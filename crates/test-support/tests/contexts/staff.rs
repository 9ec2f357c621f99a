//! Staff see every application and act in each; metrics say which one it is.

use constants::{ApplicationContext, Language};
use serde_json::{Value, json};
use test_support::{Actor, assert_refused_soon, sessionctl};

use crate::stage::Stage;
use crate::{ADA, HASH, PASSWORD};

/// Ada, logged in to admin-panel, and Sam, another member of staff, everywhere.
fn ada_and_sam(stage: &Stage) -> (Actor, Vec<Actor>) {
    stage.database.execute(&format!(
        "INSERT INTO users (email, hashed_password, role) VALUES ('sam@example.com', '{HASH}', 'support')"
    ));
    let ada = stage.app(ApplicationContext::Admin).log_in(ADA, PASSWORD);
    let sam = stage.apps().map(|(_, app)| app.log_in("sam@example.com", PASSWORD)).collect();
    (ada, sam)
}

#[test]
fn staff_see_and_end_sessions_of_every_application_c2_a15() {
    let stage = Stage::with_legacy_tokens("off");
    let (ada, sam) = ada_and_sam(&stage);
    let path = format!("/api/users/{}/sessions", sam[0].user_id);
    let listed = ada.client.get(&path).json();
    let find = |id: &str| {
        let sessions = listed["sessions"].as_array().unwrap();
        sessions
            .iter()
            .find(|session| session["id"] == id)
            .unwrap_or_else(|| panic!("{id}: {listed}"))
            .clone()
    };
    for (context, actor) in ApplicationContext::ALL.iter().zip(&sam) {
        assert_eq!(find(&actor.session_id)["application_context"], context.as_str());
    }
    let stats: Value = ada.client.get("/api/stats").json();
    for context in ApplicationContext::ALL {
        let live = if *context == ApplicationContext::Admin { 2 } else { 1 };
        assert_eq!(stats["live_sessions"][context.as_str()], live, "{stats}");
    }
    for (context, actor) in ApplicationContext::ALL.iter().zip(&sam) {
        assert_eq!(actor.me().status, 200, "{context}");
        assert_eq!(ada.client.delete(&format!("{path}/{}", actor.session_id)).status, 204, "{context}");
        assert_refused_soon(&actor.client);
    }
    assert_eq!(ada.client.get(&path).json(), json!({"sessions": []}));
}

#[test]
fn rights_are_granted_in_every_application_and_count_there_alone_a4_a15() {
    let stage = Stage::with_legacy_tokens("off");
    let (ada, sam) = ada_and_sam(&stage);
    let path = format!("/api/users/{}/permissions", sam[0].user_id);
    for context in ApplicationContext::NAMES {
        let grant = json!({"permission": format!("{context}.own"), "application_context": context});
        let answer = ada.client.post(&path, &grant);
        assert_eq!(answer.status, 201, "{context}: {}", answer.text());
    }
    let listed = ada.client.get(&path).json();
    for context in ApplicationContext::NAMES {
        let is_it = |grant: &&Value| grant["application_context"] == *context;
        let grants = listed["permissions"].as_array().unwrap().iter().filter(is_it).count();
        assert_eq!(grants, 1, "{context}: {listed}");
        let take = format!("{path}/{context}.own?application_context={context}");
        assert_eq!(ada.client.delete(&take).status, 204, "{context}");
    }
    assert_eq!(ada.client.get(&path).json(), json!({"permissions": []}));
}

#[test]
fn pages_and_commands_name_every_application_in_both_languages_a10_a15() {
    let stage = Stage::with_legacy_tokens("off");
    let (ada, sam) = ada_and_sam(&stage);
    for language in Language::ALL {
        let person = format!("/users/{}", sam[0].user_id);
        for path in ["/", person.as_str(), "/audit"] {
            let client = ada.client.copy().with_header("Accept-Language", language.as_str());
            let page = client.request("GET", path).header("Accept", "text/html").send();
            assert_eq!(page.status, 200, "{path}");
            for context in ApplicationContext::ALL {
                let title = context.application().title.of(*language);
                assert!(page.text().contains(title), "{path} does not name {title}");
            }
        }
    }
    let printed = sessionctl(&stage.database, &["session", "list", "sam@example.com"]);
    for context in ApplicationContext::NAMES {
        assert!(printed.split_whitespace().any(|word| word == *context), "{context}: {printed}");
    }
}

#[test]
fn metrics_say_which_application_it_is_and_count_its_look_ups_c5_a15() {
    let stage = Stage::with_legacy_tokens("off");
    for (context, app) in stage.apps() {
        assert_eq!(app.log_in(ADA, PASSWORD).me().status, 200);
        let metrics = app.anon().get("/metrics").text();
        let scope = context.scope();
        let info = format!("application_info{{application=\"{scope}\",context=\"{context}\"}} 1");
        assert!(metrics.lines().any(|line| line == info), "{info} is not in {metrics}");
        let logins = "session_logins_total{method=\"password\",outcome=\"success\"} 1";
        assert!(metrics.lines().any(|line| line == logins), "{logins} is not in {metrics}");
    }
}
