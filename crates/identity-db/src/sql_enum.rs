//! How the enums of `constants` stand in Postgres: by their names, as its own enum types. The wrappers are
//! needed because neither Diesel's traits nor those enums are ours.

use std::io::Write;

use constants::{ApplicationContext, LegacySource, MigrationStrategy, Role};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Nullable, Text};

use crate::schema::sql_types::{ApplicationType, UserRole};

macro_rules! sql_enum {
    ($(#[$doc:meta])* $name:ident, $rust:ty, $sql:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, AsExpression, FromSqlRow)]
        #[diesel(sql_type = $sql)]
        pub struct $name(pub(crate) $rust);

        impl From<$name> for $rust {
            fn from(column: $name) -> Self {
                column.0
            }
        }

        impl ToSql<$sql, Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                out.write_all(self.0.as_str().as_bytes())?;
                Ok(IsNull::No)
            }
        }

        impl FromSql<$sql, Pg> for $name {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                Ok(Self(std::str::from_utf8(value.as_bytes())?.parse()?))
            }
        }
    };
}

sql_enum!(
    /// A column of type `application_type`.
    ContextColumn,
    ApplicationContext,
    ApplicationType
);
sql_enum!(
    /// A column of type `user_role`.
    RoleColumn,
    Role,
    UserRole
);

/// The column `sessions.adopted_from`: a name, or null.
#[derive(Debug, Clone, Copy, FromSqlRow)]
#[diesel(sql_type = Nullable<Text>)]
pub struct SourceColumn(Option<LegacySource>);

impl From<SourceColumn> for Option<LegacySource> {
    fn from(column: SourceColumn) -> Self {
        column.0
    }
}

impl FromSql<Nullable<Text>, Pg> for SourceColumn {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Some(std::str::from_utf8(value.as_bytes())?.parse()?)))
    }

    fn from_nullable_sql(value: Option<PgValue<'_>>) -> deserialize::Result<Self> {
        value.map_or(Ok(Self(None)), Self::from_sql)
    }
}

sql_enum!(
    /// A column that holds the name of a migration strategy.
    StrategyColumn,
    MigrationStrategy,
    Text
);
