//! People are found in Postgres as their names say, in one order, whatever page is asked for.

use constants::Role;
use identity_db::people::{self, Position, Search, SearchText};
use identity_db::user::{self, User};
use test_support::TestDatabase;

use crate::fixture::connection;

/// Many whose names begin alike, also with what is special to patterns and collations.
fn populate(database: &TestDatabase) {
    database.execute(
        "INSERT INTO users (id, email, phone, telegram_id, role, created_at, blocked_at)
         SELECT (lpad(to_hex((n * 7919) % 65536), 4, '0') || 'aaaa-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
                (ARRAY['a', 'a_', 'a%', 'ab', 'ä', 'я', '4', '44', '+44', 'z-'])[n % 10 + 1] || n || '@example.com',
                CASE WHEN n % 3 = 0 THEN '+44' || lpad(n::text, 6, '0') END, CASE WHEN n % 4 = 0 THEN 4400 + n END,
                (ARRAY['user', 'admin', 'operator', 'support'])[n % 4 + 1]::user_role,
                now() - (n / 5) * interval '1 hour', CASE WHEN n % 7 = 0 THEN now() END
         FROM generate_series(1, 300) n",
    );
}

const TEXTS: &[&str] = &[
    "a",
    "A",
    "a_",
    "a%",
    "ab",
    "ä",
    "Я",
    "4",
    "44",
    "440",
    "4404",
    "4408",
    "+44",
    "+",
    "0044",
    "+44 00-01",
    "z",
    "z-",
    "-",
    "eaaa",
    "0000",
    "1eefaaaa",
    "a1",
    "a10@example.com",
    "nobody",
];

fn filters() -> Vec<Search> {
    let mut filters = Vec::new();
    for text in TEXTS.iter().map(|text| SearchText::parse(text)).chain([None]) {
        for role in [None, Some(Role::User), Some(Role::Support)] {
            filters.extend([None, Some(true), Some(false)].map(|blocked| Search {
                text: text.clone(),
                role,
                blocked,
            }));
        }
    }
    filters
}

/// What should be found, by looking at everybody.
fn expected(everybody: &[User], search: &Search) -> Vec<User> {
    let key = |user: &User| match &search.text {
        Some(text) => text.matched(user),
        None => Some((0, String::new())),
    };
    let fits = |user: &&User| {
        search.role.is_none_or(|role| user.role == role)
            && search.blocked.is_none_or(|blocked| user.blocked_at.is_some() == blocked)
            && key(user).is_some()
    };
    let mut found: Vec<User> = everybody.iter().filter(fits).cloned().collect();
    found.sort_by_key(|user| {
        let newest = search.text.is_none().then_some((user.created_at, user.id));
        (key(user), std::cmp::Reverse(newest))
    });
    found
}

#[test]
fn postgres_finds_whom_the_names_say_in_the_same_order_by_number_and_by_cursor_c2() {
    let database = TestDatabase::new();
    populate(&database);
    let conn = &mut connection(&database);
    let everybody = user::list(conn, None, 1000, 0).unwrap();
    let mut found_somebody = 0;
    for search in filters() {
        let expected = expected(&everybody, &search);
        found_somebody += usize::from(!expected.is_empty());
        assert_eq!(
            people::count(conn, &search).unwrap(),
            i64::try_from(expected.len()).unwrap(),
            "{search:?}"
        );
        let (mut by_number, mut by_cursor, mut after) = (Vec::new(), Vec::new(), None::<Position>);
        for page in 0.. {
            let cut = people::page(conn, &search, None, 17, page * 17).unwrap();
            by_number.extend(cut.people);
            let cut_after = people::page(conn, &search, after.as_ref(), 17, 0).unwrap();
            by_cursor.extend(cut_after.people);
            assert_eq!(cut.next, cut_after.next, "{search:?}");
            after = cut_after.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(by_number, expected, "{search:?}");
        assert_eq!(by_cursor, expected, "{search:?}");
    }
    assert!(found_somebody > 100, "{found_somebody}");
}
