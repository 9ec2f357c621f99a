//! Problems are told in the language that was asked for; their codes are the same in all.

use test_support::{Response, stack};

use crate::PASSWORD;

fn detail(answer: &Response) -> String {
    answer.member("/detail")
}

#[test]
fn a_stranger_is_told_in_russian_or_english_b5_a10() {
    let (_database, _redis, app) = stack("web");
    let me = |language: &str| app.anon().request("GET", "/api/me").header("Accept-Language", language).send();
    for language in ["ru", "ru-RU,ru;q=0.9,en;q=0.8", "de,ru;q=0.5", "RU", "en;q=0.1,ru;q=0.9"] {
        let answer = me(language);
        answer.assert_problem(401, "unauthenticated");
        assert_eq!(detail(&answer), "Пользователь не авторизован", "{language}");
        assert_eq!(answer.header("content-language"), Some("ru"), "{language}");
    }
    let english = detail(&app.anon().get("/api/me"));
    assert!(english.is_ascii(), "{english}");
    for language in ["en", "en-GB,ru;q=0.5", "de", "*", "", ";;;", "ru;q=0.1,en;q=0.9", "ru;q=0,en"] {
        let answer = me(language);
        assert_eq!(detail(&answer), english, "{language}");
        assert_eq!(answer.header("content-language"), Some("en"), "{language}");
    }
}

#[test]
fn every_kind_of_problem_speaks_russian_a10_c6() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let russian = |client: test_support::Client| client.with_header("Accept-Language", "ru");
    let alice = russian(alice.client);
    let anon = russian(app.anon());
    let body = serde_json::json!({"email": "alice@example.com", "password": PASSWORD});
    let short = serde_json::json!({"email": "bob@example.com", "password": "short"});
    let answers = [
        anon.log_in("alice@example.com", "wrong password"),
        anon.post("/api/register", &body),
        anon.post("/api/register", &short),
        anon.request("POST", "/api/login").body("{}").send(),
        anon.request("POST", "/api/login").header("Content-Type", "application/json").body("{").send(),
        anon.request("POST", "/api/login").header("Sec-Fetch-Site", "cross-site").send(),
        anon.get("/nowhere"),
        alice.get("/nowhere"),
        alice.delete("/api/sessions/x"),
    ];
    for answer in answers {
        answer.assert_problem(answer.status, &answer.member("/code"));
        let detail = detail(&answer);
        assert!(detail.chars().any(|char| ('а'..='я').contains(&char)), "{}: {detail}", answer.status);
    }
}
