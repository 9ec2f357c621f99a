//! Rules about headers.

use super::{Exchange, Rule};

pub(super) const RULES: &[Rule] = &[
    ("nosniff", nosniff),
    ("content-security-policy", content_security_policy),
    ("cache-control", cache_control),
    ("vary", vary),
    ("referrer-policy", referrer_policy),
    ("opener-policy", opener_policy),
    ("resource-policy", resource_policy),
    ("transport-security", transport_security),
    ("once", once),
    ("no-server", no_server),
    ("no-cors", no_cors),
    ("retry-after", retry_after),
    ("challenge", challenge),
    ("allow", allow),
    ("location", location),
];

/// Headers of which a second one would leave open which counts.
const ONCE: &[&str] = &[
    "allow",
    "cache-control",
    "content-length",
    "content-security-policy",
    "content-type",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "location",
    "referrer-policy",
    "retry-after",
    "strict-transport-security",
    "vary",
    "www-authenticate",
    "x-content-type-options",
];

/// What an answer depends on beside its address.
const VARIES: &[&str] = &["accept", "accept-language", "authorization", "cookie"];

const BUTTON_OF_TELEGRAM: &str = "/login/telegram";

fn expect(is_right: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    if is_right { Ok(()) } else { Err(wrong()) }
}

fn is(exchange: &Exchange<'_>, name: &str, value: &str) -> Result<(), String> {
    let found = exchange.header(name);
    expect(found == Some(value), || format!("{name}: {found:?} and not {value}"))
}

fn nosniff(exchange: &Exchange<'_>) -> Result<(), String> {
    is(exchange, "x-content-type-options", "nosniff")
}

fn content_security_policy(exchange: &Exchange<'_>) -> Result<(), String> {
    let policy = exchange.header("content-security-policy").ok_or("there is none")?;
    let directives: Vec<(&str, Vec<&str>)> = policy
        .split(';')
        .filter_map(|directive| {
            let mut words = directive.split_ascii_whitespace();
            Some((words.next()?, words.collect()))
        })
        .collect();
    let of = |name: &str| directives.iter().find(|(known, _)| *known == name).map(|(_, sources)| sources);
    for name in ["default-src", "base-uri", "frame-ancestors"] {
        expect(of(name).is_some_and(|sources| *sources == ["'none'"]), || format!("{name} in {policy}"))?;
    }
    // Forms have no part in default-src.
    let target = if exchange.is_page() && !exchange.is_docs() { "'self'" } else { "'none'" };
    expect(of("form-action").is_some_and(|sources| *sources == [target]), || {
        format!("form-action in {policy}")
    })?;
    expect(of("object-src").is_none_or(|sources| *sources == ["'none'"]), || {
        format!("object-src in {policy}")
    })?;
    let is_button = exchange.place() == BUTTON_OF_TELEGRAM;
    for (name, sources) in &directives {
        for source in sources {
            let may = match *source {
                "'none'" | "'self'" => true,
                "data:" => *name == "img-src",
                "'unsafe-inline'" => *name == "style-src" && exchange.is_docs(),
                "https://telegram.org" => *name == "script-src" && is_button,
                "https://oauth.telegram.org" => *name == "frame-src" && is_button,
                _ => false,
            };
            expect(may, || format!("{source} for {name} in {policy}"))?;
        }
    }
    Ok(())
}

fn cache_control(exchange: &Exchange<'_>) -> Result<(), String> {
    let found = exchange.header("cache-control");
    if exchange.is_asset() {
        is(exchange, "cache-control", "public, max-age=31536000, immutable")?;
    } else if !exchange.is_file() {
        is(exchange, "cache-control", "no-store")?;
    }
    let sets_cookies = exchange.set_cookies().next().is_some();
    expect(!sets_cookies || found == Some("no-store"), || format!("a cookie with {found:?}"))
}

fn vary(exchange: &Exchange<'_>) -> Result<(), String> {
    if exchange.is_file() {
        return Ok(());
    }
    let named = exchange.header("vary").unwrap_or_default().to_ascii_lowercase();
    let missing: Vec<_> =
        VARIES.iter().filter(|name| !named.split(',').any(|known| known.trim() == **name)).collect();
    expect(missing.is_empty(), || format!("{missing:?} are not in {named:?}"))
}

/// With `no-referrer` a browser calls our own origin `null` when it sends a form.
fn referrer_policy(exchange: &Exchange<'_>) -> Result<(), String> {
    is(exchange, "referrer-policy", if exchange.is_page() { "same-origin" } else { "no-referrer" })
}

fn opener_policy(exchange: &Exchange<'_>) -> Result<(), String> {
    let opens = exchange.place() == BUTTON_OF_TELEGRAM
        && exchange.header("content-security-policy").is_some_and(|policy| policy.contains("telegram.org"));
    let policy = if opens { "same-origin-allow-popups" } else { "same-origin" };
    is(exchange, "cross-origin-opener-policy", policy)
}

fn resource_policy(exchange: &Exchange<'_>) -> Result<(), String> {
    is(exchange, "cross-origin-resource-policy", "same-origin")
}

fn transport_security(exchange: &Exchange<'_>) -> Result<(), String> {
    let found = exchange.header("strict-transport-security");
    let wanted = exchange.site.production.then_some("max-age=31536000; includeSubDomains");
    expect(found == wanted, || format!("{found:?} and not {wanted:?}"))
}

fn once(exchange: &Exchange<'_>) -> Result<(), String> {
    let twice = |name: &&&str| exchange.headers.iter().filter(|(known, _)| known == **name).count() > 1;
    let found = ONCE.iter().find(twice);
    expect(found.is_none(), || format!("{found:?} twice"))
}

fn no_server(exchange: &Exchange<'_>) -> Result<(), String> {
    let tells =
        |name: &str| matches!(name, "server" | "via" | "x-powered-by" | "x-runtime" | "server-timing");
    let found = exchange.headers.iter().find(|(name, _)| tells(name));
    expect(found.is_none(), || format!("{found:?}"))
}

fn no_cors(exchange: &Exchange<'_>) -> Result<(), String> {
    let found = exchange.headers.iter().find(|(name, _)| name.starts_with("access-control-"));
    expect(found.is_none(), || format!("{found:?}"))
}

fn retry_after(exchange: &Exchange<'_>) -> Result<(), String> {
    let found = exchange.header("retry-after");
    let is_needed = matches!(exchange.status, 429 | 503);
    let is_right = found.is_none_or(|seconds| seconds.parse::<u32>().is_ok_and(|seconds| seconds > 0));
    expect(is_right && (found.is_some() || !is_needed), || format!("{found:?}"))
}

fn challenge(exchange: &Exchange<'_>) -> Result<(), String> {
    let found = exchange.header("www-authenticate");
    let wanted = (exchange.status == 401).then_some("Bearer");
    expect(found == wanted, || format!("{found:?} and not {wanted:?}"))
}

fn allow(exchange: &Exchange<'_>) -> Result<(), String> {
    let found = exchange.header("allow");
    let names_others = found.is_some_and(|allowed| {
        !allowed.is_empty() && allowed.split(", ").all(|method| method != exchange.method)
    });
    expect(names_others == (exchange.status == 405), || format!("{found:?}"))
}

/// Nobody is sent to another site, nor by a path that a browser would take for one.
fn location(exchange: &Exchange<'_>) -> Result<(), String> {
    let found = exchange.header("location");
    let is_redirect = (300..400).contains(&exchange.status) && exchange.status != 304;
    let is_own = |place: &str| {
        let rest = place.strip_prefix('/');
        rest.is_some_and(|rest| !rest.starts_with(['/', '\\'])) && place.bytes().all(|byte| byte > b' ')
    };
    // A proxy that asks about somebody's request learns with its 401 where a browser is to be sent.
    let is_of_proxy = exchange.status == 401 && exchange.place().starts_with("/api/verify");
    let is_there = found.is_some() == is_redirect || is_of_proxy;
    expect(is_there && found.is_none_or(is_own), || format!("{found:?}"))
}
