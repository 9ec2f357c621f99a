//! What strangers write of themselves is text on every page of staff: the same markup as for harmless words, and the words
//! as they are.

use std::collections::HashSet;

use test_support::{hostile, read_back, shown};

use super::{Browser, Panel, Seen};

/// Harmless words, as many as hostile ones.
fn harmless() -> Vec<String> {
    (0..hostile().len()).map(|n| format!("harmless{n}")).collect()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// As much as a column holds.
fn cut(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

fn address(text: &str) -> String {
    format!("{}@x.example", cut(&text.to_lowercase(), 200).trim())
}

#[test]
fn a_hostile_person_is_text_on_every_page_about_them_c2() {
    let panel = Panel::new();
    let admin = panel.browser("admin");
    let (user, web) = (panel.id("user"), panel.web());
    let _device = web.log_in("user@example.com", crate::PASSWORD);
    let pages = |text: &str| {
        panel.database.execute(&format!(
            "UPDATE users SET email = {} WHERE id = '{user}'; UPDATE sessions SET user_agent = {text} WHERE user_id = '{user}';
             DELETE FROM user_permissions;
             INSERT INTO user_permissions (user_id, permission, application_context) VALUES ('{user}', {}, 'web')",
            quoted(&address(text)),
            quoted(&cut(text, 100)),
            text = quoted(text),
        ));
        let take = format!("take?permission={}&application_context=web", encoded(&cut(text, 100)));
        ["", "/block", &format!("/{take}")].map(|rest| admin.see(&format!("/users/{user}{rest}")))
    };
    let as_it_is = pages("harmless").map(|page| page.skeleton());
    for text in hostile() {
        let found = pages(&text);
        for (page, as_it_is) in found.iter().zip(&as_it_is) {
            assert_eq!(page.skeleton(), *as_it_is, "{text:?}");
        }
        let [person, block, take] = found;
        let name = shown(&address(&text));
        assert_eq!((person.text("h1"), person.text("#email bdi")), (name.clone(), name.clone()));
        assert_eq!(person.attributes(".device-name", "title"), [read_back(&text)]);
        assert_eq!(person.text("#grants tbody th"), shown(&cut(&text, 100)));
        assert_eq!((block.text(".facts dd"), take.texts(".facts dd").remove(0)), (name.clone(), name));
        assert_eq!(take.texts(".facts dd")[1], shown(&cut(&text, 100)));
        let field = take.attributes("#act [name=permission]", "value");
        assert_eq!(field, [read_back(&cut(&text, 100))]);
    }
}

/// A person, and a line of the log about each, for each of these words; then the pages that list them.
fn lists(words: &[String]) -> [Vec<Seen>; 2] {
    let panel = Panel::new();
    let rows: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(n, text)| {
            let (text, cut) = (quoted(text), quoted(&cut(text, 60)));
            format!("({n}, {}, {text}, {cut})", quoted(&format!("{n}{}", address(&words[n]))))
        })
        .collect();
    panel.database.execute(&format!(
        "CREATE TEMPORARY TABLE given (n integer, email text, word text, action text); INSERT INTO given VALUES {};
         INSERT INTO users (email, created_at) SELECT email, now() + n * interval '1 second' FROM given;
         INSERT INTO audit_log (at, action, actor_id, subject_id, user_agent, detail)
         SELECT now() + n * interval '1 second', action, id, id, word,
                jsonb_build_object(word, word, 'role', word, 'expires_at', jsonb_build_object('from', word, 'to', word))
         FROM given JOIN users USING (email)",
        rows.join(",")
    ));
    let staff = panel.browser("admin");
    ["/users", "/audit"].map(|path| {
        let mut pages = vec![staff.see(path)];
        while pages.last().is_some_and(|page| page.has("#next")) {
            pages.push(pages.last().unwrap().follow("#next"));
        }
        pages
    })
}

#[test]
fn hostile_people_and_hostile_lines_of_the_log_are_text_in_lists_c2() {
    let words = hostile();
    let [people, log] = lists(&words);
    let [as_people, as_log] = lists(&harmless());
    for (pages, as_they_are) in [(&people, &as_people), (&log, &as_log)] {
        let shapes = |pages: &[Seen]| pages.iter().map(|page| page.skeleton()).collect::<Vec<_>>();
        assert_eq!(shapes(pages), shapes(as_they_are));
    }
    let all = |pages: &[Seen], selector: &str| -> HashSet<String> {
        pages.iter().flat_map(|page| page.texts(selector)).collect()
    };
    let (names, actors) = (all(&people, "#people tbody th"), all(&log, "#log td a.name"));
    let (values, actions) = (all(&log, "#log .values dd"), all(&log, "#log tbody th > a"));
    for (n, text) in words.iter().enumerate() {
        let name = shown(&format!("{n}{}", address(text)));
        assert!(names.contains(&name) && actors.contains(&name), "{name}");
        assert!(values.contains(&shown(text)), "{text:?} in {values:?}");
        assert!(actions.contains(&shown(&cut(text, 60))), "{text:?} in {actions:?}");
    }
    let devices: Vec<String> =
        log.iter().flat_map(|page| page.attributes("#log td bdi[title]", "title")).collect();
    let known = words.iter().filter(|text| devices.contains(&read_back(text))).count();
    assert_eq!(known, words.len());
}

/// Every page that shows again what was asked for.
fn echoes(staff: &Browser, user: &str, text: &str) -> [Seen; 6] {
    let text = encoded(text);
    [
        format!("/users?query={text}"),
        format!("/users?role={text}&state={text}&next={text}"),
        format!("/audit?user={text}&actor={text}&action={text}"),
        format!("/audit?action={text}"),
        format!("/users/{user}/grant?permission={text}&application_context={text}&expires_at={text}"),
        format!("/nowhere/{text}"),
    ]
    .map(|path| staff.open(&path))
}

#[test]
fn hostile_words_that_are_asked_for_come_back_as_text_c2() {
    let panel = Panel::new();
    let (staff, user) = (panel.browser("admin"), panel.id("user"));
    // What may come of it: nobody, somebody, or that it cannot be asked for so.
    let usual = ["zzz", "user@example.com", "user_blocked", "1", "x\u{1}x", &"z".repeat(400)];
    let shapes: HashSet<Vec<String>> =
        usual.iter().flat_map(|text| echoes(&staff, &user, text)).map(|page| page.skeleton()).collect();
    for text in hostile() {
        let pages = echoes(&staff, &user, &text);
        for page in &pages {
            assert!(matches!(page.status(), 200 | 404 | 422), "{text:?}: {}", page.status());
            assert!(shapes.contains(&page.skeleton()), "{text:?}: {}", page.answer.text());
        }
        // White space around it may be gone.
        let typed = |page: &Seen, field: &str| {
            page.attributes(&format!("form [name={field}]"), "value")[0].trim().to_owned()
        };
        assert_eq!(typed(&pages[0], "query"), read_back(text.trim()));
        for field in ["user", "actor", "action"] {
            assert_eq!(typed(&pages[2], field), read_back(text.trim()));
        }
        assert_eq!(typed(&pages[4], "permission"), read_back(text.trim()));
    }
}
