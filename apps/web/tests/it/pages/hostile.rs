//! Whatever a stranger calls themselves is text on every page that shows it: the same markup as for a harmless name, and
//! the name as it is.

use test_support::{App, Client, Page, TestDatabase, TestRedis, hostile, read_back, shown, stack};

use super::{account, register};
use crate::PASSWORD;

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
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
        assert_eq!(*title, read_back(user_agent));
        let first = user_agent.split(['/', ' ']).next().unwrap();
        let cut: String = first.chars().take(60).collect();
        let first = match cut.len() {
            0 => "Unknown device".to_owned(),
            length if length < first.len() => cut + "…",
            _ => cut,
        };
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
            assert_eq!(page.attributes(".who-name", "title"), [read_back(&email)]);
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
        assert_eq!(page.attributes("#register-email", "value"), [read_back(&text)]);
        assert_eq!(page.attributes("#register [name=next]", "value"), [""]);
        shapes.push(page.skeleton());
        let form = login.form("#login-sms").with("phone", &text);
        let page = Page::of(client.submit(&form));
        assert_eq!(page.attributes("#sms-phone", "value"), [read_back(&text)]);
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let page = client.page(&format!("/login/telegram?first_name={encoded}&hash={encoded}&id=1"));
        assert_eq!(page.texts("#login-telegram strong"), [shown(&text)]);
        assert_eq!(page.attributes("#login-telegram [name=hash]", "value"), [read_back(&text)]);
        let page = client.page(&format!("/login/telegram?{encoded}=1&hash=1"));
        assert_eq!(page.count("script"), 1, "{text}");
        let carried = app.anon();
        carried.add_cookie("loginPhone", "%3Cb%3E\"><b>");
        assert_eq!(carried.page("/login/sms/verify").attributes("#code-phone", "value"), [""]);
    }
    assert!(shapes.windows(2).all(|pair| pair[0] == pair[1]), "the same markup whatever was typed");
}
