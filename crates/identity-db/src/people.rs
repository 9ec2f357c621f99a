//! Looking for people among very many: by a prefix of what names them, by role and state, page by page.
//!
//! Every order is that of an index and every page is cut out of that index, so that a page costs what stands on it and
//! before it and not what there is. How many there are is counted no further than [`COUNTED`].

mod text;

use chrono::{DateTime, Utc};
use constants::Role;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Int4, Int8, Nullable, Text, Timestamptz, Uuid, Varchar};

use crate::id::UserId;
use crate::schema::sql_types::UserRole;
use crate::user::User;

pub use text::SearchText;

/// How many are counted exactly, and how many a page number reaches.
pub const COUNTED: i64 = 10_000;

/// Whom to look for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Whose address, phone or id begins so; everybody when absent.
    pub text: Option<SearchText>,
    /// Only people of this role.
    pub role: Option<Role>,
    /// Only those who are blocked, or only those who are not.
    pub blocked: Option<bool>,
}

/// Where a page ends and the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// Among all, the newest first.
    Newest {
        /// When the last one on the page was created.
        created_at: DateTime<Utc>,
        /// And who they are.
        id: UserId,
    },
    /// Among those who match a text.
    Match {
        /// By which of their names, in the order in which these are looked through.
        name: i32,
        /// What that name is.
        key: String,
    },
}

/// A part of the list.
#[derive(Debug, Clone)]
pub struct Page {
    /// Those on it, in order.
    pub people: Vec<User>,
    /// After whom the next page begins; `None` on the last.
    pub next: Option<Position>,
}

/// A page of the people who match: the newest first, or in the order of the name by which they match.
///
/// # Errors
/// When Postgres gives no answer.
pub fn page(
    conn: &mut PgConnection,
    search: &Search,
    after: Option<&Position>,
    limit: i64,
    offset: i64,
) -> QueryResult<Page> {
    let range = Range { after, limit: limit + 1, offset, take: limit + 1 + offset };
    let mut rows: Vec<(User, i32, String)> = Listing { search, range }.load(conn)?;
    let is_last = rows.len() <= usize::try_from(limit).unwrap_or_default();
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let position = |(user, name, key): &(User, i32, String)| match search.text {
        Some(_) => Position::Match { name: *name, key: key.clone() },
        None => Position::Newest { created_at: user.created_at, id: user.id },
    };
    let next = rows.last().filter(|_| !is_last).map(position);
    Ok(Page { people: rows.into_iter().map(|(user, ..)| user).collect(), next })
}

/// How many match, up to one more than [`COUNTED`].
///
/// # Errors
/// When Postgres gives no answer.
pub fn count(conn: &mut PgConnection, search: &Search) -> QueryResult<i64> {
    let most = COUNTED + 1;
    let range = Range { after: None, limit: most, offset: 0, take: most };
    Count(Listing { search, range }).get_result(conn)
}

#[derive(Debug)]
struct Range<'a> {
    after: Option<&'a Position>,
    limit: i64,
    offset: i64,
    /// Rows of each index at most: those of the page and all before it.
    take: i64,
}

#[derive(Debug)]
struct Listing<'a> {
    search: &'a Search,
    range: Range<'a>,
}

/// The columns of [`User`], in its order.
const COLUMNS: &str =
    "u.id, u.email, u.phone, u.telegram_id, u.is_verified, u.role, u.created_at, u.last_login_at,
    u.blocked_at, u.session_epoch, u.credential_version, u.version";

type UserColumns = (
    Uuid,
    Nullable<Varchar>,
    Nullable<Varchar>,
    Nullable<Int8>,
    Bool,
    UserRole,
    Timestamptz,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Int8,
    Int8,
    Int8,
);

impl Query for Listing<'_> {
    type SqlType = (UserColumns, Int4, Text);
}

// Its text depends on what is looked for; Postgres' statements are kept by their text then.
impl QueryId for Listing<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for Listing<'_> {}

impl QueryFragment<Pg> for Listing<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        out.push_sql(COLUMNS);
        out.push_sql(", found.name, found.key FROM (");
        self.found(out.reborrow())?;
        // OFFSET keeps the planner from reading the whole table, which it takes for cheaper than a thousand ids.
        out.push_sql(
            ") AS found, LATERAL (SELECT * FROM users WHERE users.id = found.id OFFSET 0) AS u ORDER BY ",
        );
        out.push_sql(match self.search.text {
            Some(_) => "found.name, found.key COLLATE \"C\"",
            None => "u.created_at DESC, u.id DESC",
        });
        Ok(())
    }
}

impl Listing<'_> {
    /// The ids on the page.
    fn found<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT id, name, key FROM (");
        self.candidates(out.reborrow())?;
        out.push_sql(match self.search.text {
            Some(_) => ") AS candidate ORDER BY name, key COLLATE \"C\" LIMIT ",
            None => ") AS candidate ORDER BY created_at DESC, id DESC LIMIT ",
        });
        out.push_bind_param::<BigInt, _>(&self.range.limit)?;
        out.push_sql(" OFFSET ");
        out.push_bind_param::<BigInt, _>(&self.range.offset)
    }

    /// Those on the page and before it, out of the indexes.
    fn candidates<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match &self.search.text {
            Some(text) => self.matching(text, out),
            None => self.newest(out),
        }
    }

    fn newest<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT id, created_at, 0 AS name, '' AS key FROM users WHERE true");
        self.filters(out.reborrow())?;
        if let Some(Position::Newest { created_at, id }) = self.range.after {
            out.push_sql(" AND (created_at, id) < (");
            out.push_bind_param::<Timestamptz, _>(created_at)?;
            out.push_sql(", ");
            out.push_bind_param::<Uuid, _>(id)?;
            out.push_sql(")");
        }
        out.push_sql(" ORDER BY created_at DESC, id DESC LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.range.take)
    }

    /// One index after another; who was found by an earlier one is not found again.
    fn matching<'b>(&'b self, text: &'b SearchText, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (from, last) = match self.range.after {
            Some(Position::Match { name, key }) => (*name, Some(key)),
            _ => (0, None),
        };
        let mut separator = "";
        for (index, name) in text.names().iter().enumerate() {
            let number = i32::try_from(index).unwrap_or(i32::MAX);
            if number < from {
                continue;
            }
            out.push_sql(separator);
            out.push_sql("(SELECT id, ");
            out.push_sql(&number.to_string());
            out.push_sql(" AS name, ");
            out.push_sql(name.key());
            out.push_sql(" AS key FROM users WHERE ");
            name.matches(out.reborrow())?;
            for earlier in text.names().iter().take(index) {
                out.push_sql(" AND (");
                earlier.matches(out.reborrow())?;
                out.push_sql(") IS NOT TRUE");
            }
            self.filters(out.reborrow())?;
            if let Some(key) = last.filter(|_| number == from) {
                name.comes_after(key, out.reborrow())?;
            }
            out.push_sql(" ORDER BY ");
            out.push_sql(name.order());
            out.push_sql(" LIMIT ");
            out.push_bind_param::<BigInt, _>(&self.range.take)?;
            out.push_sql(")");
            separator = " UNION ALL ";
        }
        if separator.is_empty() {
            out.push_sql("SELECT id, 0 AS name, '' AS key FROM users WHERE false");
        }
        Ok(())
    }

    fn filters<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if let Some(role) = &self.search.role {
            // Its name is one of four, and as a part of the text it lets the planner know how many there are.
            out.push_sql(" AND role = '");
            out.push_sql(role.as_str());
            out.push_sql("'");
        }
        match self.search.blocked {
            Some(true) => out.push_sql(" AND blocked_at IS NOT NULL"),
            Some(false) => out.push_sql(" AND blocked_at IS NULL"),
            None => {}
        }
        Ok(())
    }
}

struct Count<'a>(Listing<'a>);

impl Query for Count<'_> {
    type SqlType = BigInt;
}

impl QueryId for Count<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for Count<'_> {}

impl QueryFragment<Pg> for Count<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT count(*) FROM (SELECT id FROM (");
        self.0.candidates(out.reborrow())?;
        out.push_sql(") AS candidate LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.0.range.limit)?;
        out.push_sql(") AS counted");
        Ok(())
    }
}
