//! What every page says to browsers beside its text.

use test_support::{App, Page, stack};

use super::register;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

#[track_caller]
fn assert_headers(what: &str, page: &Page) {
    let answer = &page.answer;
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", POLICY),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        // Not no-referrer: with that a browser calls our own origin `null` when it sends a form.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{what}: {name}");
    }
}

/// No script or style of its own, nothing from elsewhere, and every part where it belongs.
#[track_caller]
fn assert_well_made(what: &str, page: &Page) {
    assert_eq!(page.count("script:not([src]), style, [style]"), 0, "{what}");
    let loaded = ["script", "img"].map(|tag| page.attributes(tag, "src")).concat();
    for address in page.attributes("link", "href").iter().chain(&loaded) {
        assert!(address.starts_with("/assets/"), "{what}: {address}");
    }
    let handlers = page.skeleton().into_iter().filter(|shape| shape.contains(" on"));
    assert_eq!(handlers.collect::<Vec<_>>(), Vec::<String>::new(), "{what}");
    assert_eq!((page.count("main"), page.count("h1"), page.count("title")), (1, 1, 1), "{what}");
    for id in page.attributes("input:not([type=hidden]), select", "id") {
        assert_eq!(page.count(&format!("label[for={id}]")), 1, "{what}: {id}");
    }
    for described in page.attributes("[aria-describedby]", "aria-describedby") {
        assert_eq!(page.count(&format!("#{described}")), 1, "{what}: {described}");
    }
    // A password is masked, and a manager of passwords knows which one is asked for.
    let known = page.count("input[type=password][autocomplete$='-password']");
    assert_eq!(page.count("input[name*=password]"), known, "{what}");
    let mut ids = page.attributes("[id]", "id");
    ids.sort();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "{what}: an id twice");
    let levels: Vec<u32> =
        page.skeleton().iter().filter_map(|shape| shape.strip_prefix('h')?.get(..1)?.parse().ok()).collect();
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{what}: {levels:?}");
}

#[test]
fn every_page_has_the_headers_of_pages_and_no_script_of_its_own() {
    let (_database, _redis, app) = stack("web");
    let (alice, stranger) = (register(&app, "alice@example.com"), app.anon());
    super::log_in(&app, "alice@example.com", crate::PASSWORD);
    for path in ["/", "/account", "/nowhere", "/login", "/register", "/login/sms/verify", "/login/telegram"] {
        let page = alice.page(path);
        assert_headers(path, &page);
        assert_well_made(path, &page);
    }
    for path in ["/", "/login", "/register", "/login/sms/verify", "/login/telegram"] {
        assert_headers(path, &stranger.page(path));
        assert_well_made(path, &stranger.page(path));
    }
    let head = stranger.request("HEAD", "/login").header("Accept", "text/html").send();
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn the_key_of_a_stranger_s_forms_is_bound_to_the_host_in_production() {
    let (database, redis) = (test_support::TestDatabase::new(), test_support::TestRedis::start());
    let builder = App::builder("web").database(&database).redis(&redis).env("LEGACY_TOKENS", "off");
    let builder = builder.env("APP_ENV", "production").env("PUBLIC_URL", "https://app.example");
    let page = builder.start().anon().page("/login");
    let cookie = page.answer.set_cookie("__Host-formKey").unwrap();
    assert!(["HttpOnly", "Secure", "SameSite=Lax", "Path=/"].iter().all(|wanted| cookie.has(wanted)));
    assert!(page.answer.header("strict-transport-security").is_some());
}

#[test]
fn what_pages_load_may_be_kept_for_good() {
    let (_database, _redis, app) = stack("web");
    let stranger = app.anon();
    let page = stranger.page("/login");
    let mut all = page.attributes("link", "href");
    all.extend(page.attributes("script", "src"));
    assert_eq!(all.len(), 3);
    for address in all {
        let answer = stranger.get(&address);
        assert_eq!(answer.status, 200, "{address}");
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.set_cookies().is_empty());
    }
    for address in ["/assets/x/style.css", "/assets/x/../../Cargo.toml", "/assets"] {
        assert_ne!(stranger.get(address).status, 200, "{address}");
    }
}

#[test]
fn what_merely_begins_like_the_document_s_page_has_the_headers_of_all_pages() {
    let (_database, _redis, app) = stack("web");
    let alice = register(&app, "alice@example.com");
    for path in ["/docsx", "/docs-of-mine", "/docs.html"] {
        let page = alice.page(path);
        assert_eq!(page.answer.status, 404);
        assert_headers(path, &page);
        assert_eq!(app.anon().get(path).header("cache-control"), Some("no-store"), "{path}");
    }
    let docs = alice.page("/docs/");
    assert!(
        docs.answer.header("content-security-policy").unwrap().contains("style-src 'self' 'unsafe-inline'")
    );
}
