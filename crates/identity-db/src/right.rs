//! Rights: rows of `user_permissions`, as a look-up reads them and as staff grant and take them.

use chrono::{DateTime, Utc};
use constants::ApplicationContext;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, Nullable, Record, Text, Timestamptz};

use crate::carry::GrantChange;
use crate::id::UserId;
use crate::schema::{user_permissions as grants, users};
use crate::sql_enum::ContextColumn;
use crate::time::clock_timestamp;

/// A right of a person in one application, granted beyond what their role brings there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// What it lets them do.
    pub permission: String,
    /// Until when; `None` until it is taken.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The rights of a person in one application that had not ended when they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights(Box<[Right]>);

impl Rights {
    /// Whether this permission is among them.
    #[must_use]
    pub fn contain(&self, permission: &str) -> bool {
        self.0.iter().any(|right| right.permission == permission)
    }

    /// When the first of them ends.
    #[must_use]
    pub fn first_end(&self) -> Option<DateTime<Utc>> {
        self.0.iter().filter_map(|right| right.expires_at).min()
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Right> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Rights {
    type Item = &'a Right;
    type IntoIter = std::slice::Iter<'a, Right>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        Self(rights.into_iter().collect())
    }
}

pub(crate) type RightRow = (String, Option<DateTime<Utc>>);

impl From<Vec<RightRow>> for Rights {
    fn from(rows: Vec<RightRow>) -> Self {
        rows.into_iter().map(|(permission, expires_at)| Right { permission, expires_at }).collect()
    }
}

/// As a column of a statement over `sessions`: the rights of the session's user in the session's application. So a
/// look-up reads them in the same statement, and one that finds none costs a probe of an index.
#[derive(Debug, Clone, Copy, QueryId)]
pub(crate) struct RightsOfSession;

impl Expression for RightsOfSession {
    type SqlType = Array<Record<(Text, Nullable<Timestamptz>)>>;
}

impl QueryFragment<Pg> for RightsOfSession {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "ARRAY(SELECT ROW(granted.permission::text, granted.expires_at) FROM user_permissions granted
             WHERE granted.user_id = sessions.user_id AND granted.application_context = sessions.application_context
               AND (granted.expires_at IS NULL OR granted.expires_at > clock_timestamp()))",
        );
        Ok(())
    }
}

impl<Source> AppearsOnTable<Source> for RightsOfSession {}
impl<Source> SelectableExpression<Source> for RightsOfSession {}

impl<Group> ValidGrouping<Group> for RightsOfSession {
    type IsAggregate = is_aggregate::No;
}

/// A right as staff see it, also when it has ended.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = grants, check_for_backend(Pg))]
pub struct Grant {
    /// What it lets the person do.
    pub permission: String,
    /// In which application.
    #[diesel(deserialize_as = ContextColumn)]
    pub application_context: ApplicationContext,
    /// Since when.
    pub granted_at: DateTime<Utc>,
    /// By whom; `None` for the command line, and what the older software granted.
    pub granted_by: Option<UserId>,
    /// Until when; `None` until it is taken.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A right to be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGrant {
    /// What it lets the person do.
    pub permission: String,
    /// In which application.
    pub application_context: ApplicationContext,
    /// Until when.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Every grant of a person, also those that have ended, by application and name.
///
/// # Errors
/// When Postgres gives no answer.
pub fn list(conn: &mut PgConnection, user: UserId) -> QueryResult<Vec<Grant>> {
    grants::table
        .filter(grants::user_id.eq(user))
        .order((grants::application_context, grants::permission))
        .select(Grant::as_select())
        .load(conn)
}

/// What a person may do in an application now, beyond what their role brings.
///
/// # Errors
/// When Postgres gives no answer.
pub fn of(conn: &mut PgConnection, user: UserId, context: ApplicationContext) -> QueryResult<Rights> {
    grants::table
        .filter(grants::user_id.eq(user))
        .filter(grants::application_context.eq(ContextColumn(context)))
        .filter(grants::expires_at.is_null().or(grants::expires_at.gt(clock_timestamp().nullable())))
        .select((grants::permission, grants::expires_at))
        .load::<RightRow>(conn)
        .map(Rights::from)
}

/// A grant of a person, also one that has ended.
///
/// # Errors
/// When Postgres gives no answer.
pub fn find(
    conn: &mut PgConnection,
    user: UserId,
    permission: &str,
    context: ApplicationContext,
) -> QueryResult<Option<Grant>> {
    grants::table
        .filter(grants::user_id.eq(user))
        .filter(grants::permission.eq(permission))
        .filter(grants::application_context.eq(ContextColumn(context)))
        .select(Grant::as_select())
        .first(conn)
        .optional()
}

/// Grants a right, or gives one that was granted before its new end.
///
/// # Errors
/// When Postgres gives no answer.
pub fn grant(
    conn: &mut PgConnection,
    user: UserId,
    new: &NewGrant,
    by: Option<UserId>,
) -> QueryResult<Grant> {
    let values = (
        grants::granted_at.eq(clock_timestamp()),
        grants::granted_by.eq(by.map(|id| id.0)),
        grants::expires_at.eq(new.expires_at),
    );
    diesel::insert_into(grants::table)
        .values((
            grants::user_id.eq(user.0),
            grants::permission.eq(&new.permission),
            grants::application_context.eq(ContextColumn(new.application_context)),
            values,
        ))
        .on_conflict((grants::user_id, grants::permission, grants::application_context))
        .do_update()
        .set(values)
        .returning(Grant::as_returning())
        .get_result(conn)
}

/// Every grant of these people, also those that have ended.
///
/// # Errors
/// When Postgres gives no answer.
pub fn of_people(conn: &mut PgConnection, users: &[UserId]) -> QueryResult<Vec<(UserId, Grant)>> {
    let ids: Vec<uuid::Uuid> = users.iter().map(|user| user.0).collect();
    grants::table.filter(grants::user_id.eq_any(ids)).select((grants::user_id, Grant::as_select())).load(conn)
}

/// Brings a grant to what it is in the memory of a process. Who granted it is kept where they are known here.
pub(crate) fn carry(conn: &mut PgConnection, user: UserId, change: &GrantChange) -> QueryResult<()> {
    let GrantChange { permission, context, grant } = change;
    let Some(grant) = grant else { return take(conn, user, permission, *context).map(|_| ()) };
    let by = match grant.granted_by {
        Some(by) => users::table.find(by).select(users::id).first::<UserId>(conn).optional()?,
        None => None,
    };
    let new = NewGrant {
        permission: permission.clone(),
        application_context: *context,
        expires_at: grant.expires_at,
    };
    self::grant(conn, user, &new, by).map(|_| ())
}

/// Takes a right; `false` when there is none such.
///
/// # Errors
/// When Postgres gives no answer.
pub fn take(
    conn: &mut PgConnection,
    user: UserId,
    permission: &str,
    context: ApplicationContext,
) -> QueryResult<bool> {
    diesel::delete(
        grants::table
            .filter(grants::user_id.eq(user))
            .filter(grants::permission.eq(permission))
            .filter(grants::application_context.eq(ContextColumn(context))),
    )
    .execute(conn)
    .map(|count| count > 0)
}
