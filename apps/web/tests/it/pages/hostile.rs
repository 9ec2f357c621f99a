//! Whatever a stranger calls themselves is text on every page that shows it: the same markup as for a harmless name, and
//! the name as it is.

use test_support::{App, Client, Page, TestDatabase, TestRedis, stack};

use super::{account, register};
use crate::PASSWORD;

/// Markup that breaks out of text, attributes, scripts, styles, comments and addresses; templates of other languages;
/// what turns the direction of writing, hides, or is very long.
fn hostile() -> Vec<String> {
    let mut all: Vec<String> = include_str!("hostile.txt").lines().map(str::to_owned).collect();
    all.extend([
        "a".repeat(400),
        "<".repeat(300),
        "W".repeat(200),
        "&amp;".repeat(60),
        "\u{202e}gnp.exe".into(),
        "\u{2066}\u{2067}x\u{2069}".into(),
        "a\u{200b}b\u{feff}c".into(),
        "e\u{301}\u{301}\u{301}\u{301}".repeat(20),
        "\u{1f469}\u{200d}\u{1f680}".repeat(30),
        "\u{2028}\u{2029}x".into(),
        "\u{ff1c}script\u{ff1e}".into(),
        "ʺ><svg onload=alert(1)>".into(),
    ]);
    all
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// As a page shows a text: runs of white space are one space.
fn shown(text: &str) -> String {
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[test]
fn there_are_a_hundred_hostile_strings() {
    let all = hostile();
    let distinct: std::collections::HashSet<&String> = all.iter().collect();
    assert!(distinct.len() >= 100 && distinct.len() == all.len(), "{} of {}", distinct.len(), all.len());
}

/// One device per user agent, and the page that shows them.
fn devices(database: &TestDatabase, desk: &Client, user_agents: &[String]) -> Page {
    let rows: Vec<String> =
        user_agents.iter().enumerate().map(|(n, ua)| format!("({n}, {})", quoted(ua))).collect();
    database.execute(&format!(
        "INSERT INTO sessions (id, user_id, application_context, created_at, last_activity, expires_at,
                               absolute_expires_at, session_epoch, auth_method, user_agent)
         SELECT substr(translate(encode(sha256(given.n::text::bytea), 'base64'), '+/=', '-_'), 1, 43), s.user_id,
                s.application_context, s.created_at, s.last_activity - given.n * interval '1 second', s.expires_at,
                s.absolute_expires_at, s.session_epoch, 'telegram', given.user_agent
         FROM sessions s, (VALUES {}) given (n, user_agent)",
        rows.join(",")
    ));
    account(desk)
}

#[test]
fn hostile_user_agents_are_text() {
    let (database, _redis, app) = stack("web");
    let desk = register(&app, "alice@example.com");
    let all = hostile();
    let page = devices(&database, &desk, &all);
    let names = page.texts(".device:not([data-current]) .device-name bdi");
    let titles = page.attributes(".device:not([data-current]) .device-name", "title");
    assert_eq!(titles.len(), all.len());
    for ((user_agent, title), name) in all.iter().zip(&titles).zip(&names) {
        assert_eq!(title, user_agent);
        let first: String = user_agent.split(['/', ' ']).next().unwrap().chars().take(60).collect();
        let first = if first.is_empty() { "Unknown device".to_owned() } else { first };
        assert_eq!(*name, shown(&first), "{user_agent}");
    }
    let harmless: Vec<String> = (0..all.len()).map(|n| format!("harmless/{n}")).collect();
    let (database, _redis, app) = stack("web");
    let other = register(&app, "alice@example.com");
    assert_eq!(page.skeleton(), devices(&database, &other, &harmless).skeleton());
}

#[test]
fn a_hostile_user_agent_and_address_of_a_request_are_text() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("TRUSTED_PROXIES", "127.0.0.1").start();
    let desk = register(&app, "alice@example.com");
    let harmless = {
        super::log_in(&app, "alice@example.com", PASSWORD);
        let page = account(&desk);
        desk.submit(&page.form(".device form"));
        account(&desk);
        page.skeleton()
    };
    // What can stand in a header at all.
    let sendable = hostile().into_iter().filter(|text| text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    for text in sendable.take(60) {
        let client = app.anon().with_header("User-Agent", &text).with_header("X-Forwarded-For", &text);
        assert_eq!(client.log_in("alice@example.com", PASSWORD).status, 200);
        let page = account(&desk);
        assert_eq!(page.attributes(".device:not([data-current]) .device-name", "title"), [text.trim()]);
        assert_eq!(page.text(".device:not([data-current]) .device-address"), "Address 127.0.0.1");
        assert_eq!(page.skeleton(), harmless, "{text}");
        desk.submit(&page.form(".device form"));
        account(&desk);
    }
}

#[test]
fn hostile_names_are_text_where_the_person_is_named() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("NEAR_CACHE_ENTRIES", "0").start();
    let alice = register(&app, "alice@example.com");
    let pages = ["/", "/account", "/nowhere"];
    let harmless = pages.map(|path| alice.page(path).skeleton());
    for text in hostile() {
        // As long as the column allows.
        let local: String = text.to_lowercase().chars().take(200).collect();
        let email = format!("{}@example.com", local.trim());
        database.execute(&format!("UPDATE users SET email = {}", quoted(&email)));
        redis.flush();
        for (path, harmless) in pages.iter().zip(&harmless) {
            let page = alice.page(path);
            assert_eq!(page.text(".who-name bdi"), shown(&email), "{path}");
            assert_eq!(page.attributes(".who-name", "title"), [email.as_str()]);
            assert_eq!(page.skeleton(), *harmless, "{path} {email}");
        }
        assert_eq!(alice.page("/").texts("dd bdi"), [shown(&email)]);
    }
}

#[test]
fn what_was_typed_comes_back_as_text() {
    let (_database, _redis, app) = stack("web");
    let client = app.anon();
    let login = client.page("/login");
    let register = client.page("/register").form("#register").with("password", "short");
    let mut shapes: Vec<Vec<String>> = Vec::new();
    for text in hostile() {
        let form = register.clone().with("email", &text).with("next", &text);
        let page = Page::of(client.submit(&form));
        assert_eq!(page.answer.status, 422);
        assert_eq!(page.attributes("#register-email", "value"), [text.as_str()]);
        assert_eq!(page.attributes("#register [name=next]", "value"), [""]);
        shapes.push(page.skeleton());
        let form = login.form("#login-sms").with("phone", &text);
        let page = Page::of(client.submit(&form));
        assert_eq!(page.attributes("#sms-phone", "value"), [text.as_str()]);
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let page = client.page(&format!("/login/telegram?first_name={encoded}&hash={encoded}&id=1"));
        assert_eq!(page.texts("#login-telegram strong"), [shown(&text)]);
        assert_eq!(page.attributes("#login-telegram [name=hash]", "value"), [text.as_str()]);
        let page = client.page(&format!("/login/telegram?{encoded}=1&hash=1"));
        assert_eq!(page.count("script"), 1, "{text}");
        let carried = app.anon();
        carried.add_cookie("loginPhone", "%3Cb%3E\"><b>");
        assert_eq!(carried.page("/login/sms/verify").attributes("#code-phone", "value"), [""]);
    }
    assert!(shapes.windows(2).all(|pair| pair[0] == pair[1]), "the same markup whatever was typed");
}
