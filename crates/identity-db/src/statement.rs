//! Statements that Diesel's DSL cannot say: several writes that are one statement, so that they are one
//! transaction and one round trip.

/// Declares a statement with named, typed arguments and a fixed text.
///
/// The arguments become a common table expression `arg` of one row in front of the text, which therefore
/// names them instead of numbering them. Unlike `sql_query` the text is prepared once per connection.
macro_rules! statement {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident<'a> {
            $( $(#[$field_meta:meta])* $field:ident : $ty:ty => $sql:ty, $cast:literal; )+
        }
        returns ($($out:ty),+ $(,)?);
        $text:expr
    ) => {
        $(#[$meta])*
        $vis struct $name<'a> {
            $( $(#[$field_meta])* $vis $field: $ty, )+
        }

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name<'_> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                let mut before = "WITH arg AS (SELECT ";
                $(
                    out.push_sql(before);
                    out.push_bind_param::<$sql, _>(&self.$field)?;
                    out.push_sql(concat!("::", $cast, " AS ", stringify!($field)));
                    before = ", ";
                )+
                let _ = before;
                out.push_sql(if $text.trim_start().starts_with("SELECT") { ") " } else { "), " });
                out.push_sql($text);
                Ok(())
            }
        }

        impl diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::Query for $name<'_> {
            type SqlType = ($($out,)+);
        }

        impl<Conn> diesel::RunQueryDsl<Conn> for $name<'_> {}
    };
}

/// What of a row of `users` makes a [`crate::user::User`], in its order.
macro_rules! user_columns {
    () => {
        "id, email, phone, telegram_id, is_verified, role, created_at, last_login_at, blocked_at, session_epoch, \
         credential_version, version"
    };
}

/// The audit log's line on a person whom a proof that counts once has made.
macro_rules! logged_user_created {
    ($method:literal) => {
        concat!(
            "logged AS (
        INSERT INTO audit_log (action, application_context, actor_id, subject_id, ip_address, user_agent, detail)
        SELECT 'user_created', arg.context, anybody.id, anybody.id, arg.ip_address, arg.user_agent,
               jsonb_build_object('method', '",
            $method,
            "')
        FROM anybody, arg WHERE anybody.is_new
    )"
        )
    };
}

pub(crate) use {logged_user_created, statement, user_columns};
