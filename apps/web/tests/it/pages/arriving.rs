//! Registering, logging in by every way, logging out.

use serde_json::json;
use session_management::{Clock, SystemClock};
use test_support::{
    App, BOT_TOKEN, Page, TestDatabase, TestGateway, TestOutbox, TestRedis, stack, telegram_payload,
};

use super::{account, assert_sent_to, complaints, login_form, register};
use crate::PASSWORD;

#[test]
fn who_registers_is_logged_in_and_may_log_out_b9() {
    let (database, _redis, app) = stack("web");
    let alice = register(&app, "Alice@Example.com");
    assert_eq!(alice.cookie("formKey"), None, "the key of a stranger's forms ends with the stranger");
    let home = alice.page("/");
    assert_eq!(home.text(".who-name"), "Logged in as alice@example.com");
    assert!(home.texts("dd").contains(&"alice@example.com".to_owned()));
    let out = alice.submit(&home.form("#logout"));
    assert_sent_to(&out, "/login");
    assert!(out.set_cookie("sessionId").is_some_and(|cookie| cookie.clears()));
    assert_eq!(alice.page("/login").text("#notice"), "You are logged out.");
    assert_sent_to(&alice.page("/account").answer, "/login?next=%2Faccount");
    assert_eq!(alice.page("/").count("#logout"), 0);
    assert_eq!(database.number("SELECT count(*) FROM sessions WHERE NOT revoked"), 0);
    assert_sent_to(&alice.page("/logout").answer, "/");
}

#[test]
fn what_is_wrong_stands_by_its_field_and_what_was_typed_is_kept() {
    let (_database, _redis, app) = stack("web");
    register(&app, "alice@example.com");
    let stranger = app.anon();
    let form = stranger.page("/register?next=%2Faccount%3Fx").form("#register");
    for (email, password, status, field) in [
        ("alice@example.com", PASSWORD, 409, "register-email"),
        ("no address", PASSWORD, 422, "register-email"),
        ("bob@example.com", "short", 422, "register-password"),
    ] {
        let answer = stranger.submit(&form.clone().with("email", email).with("password", password));
        let page = Page::of(answer);
        assert_eq!(page.answer.status, status, "{email}");
        assert_eq!(page.attributes("[aria-invalid=true]", "id"), [field]);
        assert_eq!(complaints(&page).len(), 1);
        assert_eq!(page.attributes("#register-email", "value"), [email]);
        assert_eq!(page.attributes("#register [name=next]", "value"), ["/account?x"]);
    }
    let wrong = login_form(&stranger, "/login", "alice@example.com", "wrong password");
    let page = Page::of(stranger.submit(&wrong));
    assert_eq!((page.answer.status, complaints(&page).len()), (401, 1));
    assert_eq!(page.attributes("#login-email", "value"), ["alice@example.com"]);
    let unknown = login_form(&stranger, "/login", "nobody@example.com", "wrong password");
    let unknown = Page::of(stranger.submit(&unknown));
    assert_eq!(complaints(&unknown), complaints(&page), "an unknown address says nothing else");
}

#[test]
fn too_many_attempts_are_told_where_they_were_made() {
    let (_database, _redis, app) = stack("web");
    register(&app, "alice@example.com");
    let stranger = app.anon().with_header("Accept-Language", "ru");
    let form = login_form(&stranger, "/login", "alice@example.com", "wrong password");
    for _ in 0..10 {
        assert_eq!(stranger.submit(&form).status, 401);
    }
    let page = Page::of(stranger.submit(&form));
    assert_eq!(page.answer.status, 429);
    assert!(page.answer.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok_and(|s| s > 0)));
    assert_eq!(complaints(&page), ["Слишком много попыток. Попробуйте позже."]);
}

/// Web with a folder in the place of a gateway, and with a bot.
fn with_messages(bot_name: &str) -> (TestDatabase, TestRedis, TestOutbox, App) {
    let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
    let builder = App::builder("web").database(&database).redis(&redis);
    let builder = builder.env("OUTBOX_DIR", &outbox.directory()).env("TELEGRAM_BOT_TOKEN", BOT_TOKEN);
    let app = builder.env("TELEGRAM_BOT_NAME", bot_name).start();
    (database, redis, outbox, app)
}

#[test]
fn a_code_by_sms_logs_in_and_a_first_password_can_be_set() {
    let (_database, _redis, outbox, app) = with_messages("");
    let client = app.anon();
    let form = client.page("/login?next=%2Faccount%3Fa%3Db").form("#login-sms");
    let refused = Page::of(client.submit(&form.clone().with("phone", "12")));
    assert_eq!((refused.answer.status, complaints(&refused).len()), (422, 1));
    let sent = client.submit(&form.with("phone", "+44 7400 123456"));
    assert_sent_to(&sent, "/login/sms/verify?next=%2Faccount%3Fa%3Db");
    let page = client.page("/login/sms/verify?next=%2Faccount%3Fa%3Db");
    assert_eq!(page.text("#notice"), "The code is on its way.");
    let code = outbox.code_for("+447400123456");
    let form = page.form("#login-sms-verify");
    assert!(form.fields.contains(&("phone".into(), "+447400123456".into())), "{form:?}");
    let other = if code == "000000" { "000001" } else { "000000" };
    let wrong = Page::of(client.submit(&form.clone().with("code", other)));
    assert_eq!(wrong.answer.status, 401);
    assert_eq!(wrong.attributes("[aria-invalid=true]", "id"), ["code-code"]);
    assert_sent_to(&client.submit(&form.with("code", &code)), "/account?a=b");
    assert_eq!(client.cookie("loginPhone"), None);

    let page = account(&client);
    assert_eq!(page.text("#password-title"), "Set a password");
    assert_eq!(page.count("[name=current_password]"), 0);
    assert_sent_to(&client.submit(&page.form("#change-password").with("new_password", PASSWORD)), "/account");
    assert_eq!(account(&client).text("#password-title"), "Change password");
}

#[test]
fn a_code_that_may_come_late_has_its_form_all_the_same_b4() {
    let (database, redis, gateway) = (TestDatabase::new(), TestRedis::start(), TestGateway::hanging());
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("SMS_GATEWAY_URL", &format!("http://{}/", gateway.host())).start();
    let client = app.anon();
    let form = client.page("/login?next=%2Faccount%3Fa").form("#login-sms").with("phone", "+447400123456");
    assert_sent_to(&client.submit(&form), "/login/sms/verify?next=%2Faccount%3Fa");
    let page = client.page("/login/sms/verify?next=%2Faccount%3Fa");
    assert_eq!(page.attributes("#code-phone", "value"), ["+447400123456"]);
    assert!(page.text("#notice").contains("may come late"), "{}", page.text("#notice"));
    assert_eq!(database.number("SELECT count(*) FROM one_time_codes"), 1, "the code counts");
    // A program is told that nobody knows, and not that nothing was sent.
    let answer = app.anon().post("/api/login/sms/request", &json!({"phone": "+447400123457"}));
    answer.assert_problem(503, "unavailable");
    assert!(answer.member("/detail").contains("may come late"), "{}", answer.text());
    // What was certainly not sent stays at the number that was typed.
    gateway.answer(500, "broken");
    let refused = Page::of(client.submit(&form));
    assert_eq!(refused.answer.status, 503);
    assert!(complaints(&refused)[0].starts_with("No SMS can be sent"), "{:?}", complaints(&refused));
}

#[test]
fn what_telegram_hands_over_counts_when_the_person_says_so() {
    let (database, _redis, _outbox, app) = with_messages("");
    let fields = telegram_payload(42, SystemClock.now().timestamp());
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields.as_object().unwrap() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        query.append_pair(name, &text);
    }
    let query = query.finish();
    let client = app.anon();
    let page = client.page(&format!("/login/telegram?next=%2Faccount&{query}&form_token=x"));
    assert_eq!(page.text("#login-telegram strong"), "Ann");
    let said = page.text("#login-telegram p");
    assert!(said.starts_with("Log in as Ann") && said.contains("42"), "{said}");
    assert!(!said.contains("confirmed"), "nothing has been proven yet: {said}");
    assert_eq!(database.number("SELECT count(*) FROM sessions"), 0, "a link logs nobody in");
    let form = page.form("#login-telegram");
    assert_eq!(form.fields.iter().filter(|(name, _)| name == "form_token").count(), 1);
    let forged = Page::of(client.submit(&form.clone().with("id", "43")));
    assert_eq!((forged.answer.status, complaints(&forged).len()), (401, 1));
    assert_sent_to(&client.submit(&form), "/account");
    assert_eq!(account(&client).text(".who-name"), "Logged in as Telegram 42");
    // What stands in the fragment of the address, a script fills in; who it would be has its place.
    let page = app.anon().page("/login/telegram");
    assert_eq!(page.count("#login-telegram[hidden]"), 1);
    assert_eq!(page.text("#login-telegram[hidden] #telegram-name bdi"), "");
    assert_eq!(page.text("#login-telegram[hidden] #telegram-id"), "");
}

#[test]
fn telegram_is_offered_by_its_button_where_the_bot_has_a_name_and_by_a_link_elsewhere() {
    let (_database, _redis, _outbox, app) = with_messages("");
    let page = app.anon().page("/login?next=%2Faccount");
    let base = app.base().replace(':', "%3A").replace('/', "%2F");
    let link = format!(
        "https://oauth.telegram.org/auth?bot_id=1234567890&origin={base}&return_to={base}%2Flogin%2Ftelegram%3Fnext%3D%252Faccount"
    );
    assert_eq!(page.attributes("#login-telegram a", "href"), [link]);
    assert!(!page.answer.header("content-security-policy").unwrap().contains("telegram"));

    let (_database, _redis, _outbox, app) = with_messages("@some_bot");
    let login = app.anon().page("/login?next=%2Faccount");
    assert_eq!(login.attributes("#login-telegram a", "href"), ["/login/telegram?next=%2Faccount"]);
    let sent = app.anon();
    let form = sent.page("/login").form("#login-sms").with("phone", "12");
    for page in [login, Page::of(sent.submit(&form)), app.anon().page("/register")] {
        assert_eq!(
            page.count("script:not([src^='/assets/'])"),
            0,
            "nothing foreign where a password is typed"
        );
        assert!(!page.answer.header("content-security-policy").unwrap().contains("telegram"));
    }
    let page = app.anon().page("/login/telegram?next=%2Faccount");
    assert_eq!(page.attributes(".widget script", "data-telegram-login"), ["some_bot"]);
    assert_eq!(
        page.attributes(".widget script", "data-auth-url"),
        [format!("{}/login/telegram?next=%2Faccount", app.base())]
    );
    assert_eq!(page.count("input, form"), 0, "the button's page has nothing to read");
    let policy = page.answer.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self' https://telegram.org; frame-src https://oauth.telegram.org;"));
    let handed = app.anon().page("/login/telegram?id=42&hash=00");
    assert_eq!((handed.count(".widget"), handed.count("#login-telegram")), (0, 1));
    assert!(!handed.answer.header("content-security-policy").unwrap().contains("telegram"));

    let (_database, _redis, app) = stack("web");
    assert_eq!(app.anon().page("/login").count("#login-telegram"), 0, "without a bot there is nothing");
}
