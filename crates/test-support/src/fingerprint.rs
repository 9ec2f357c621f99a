//! Everything that a database holds, as one short text: what was refused has changed nothing.

use std::sync::OnceLock;

use crate::TestDatabase;

/// A row of its own name and of its columns for each table, but those in which processes note that they are there and what
/// they have measured. Uses of sessions are left out, since they are written down in batches some time later.
const COLUMNS: &str = "
    SELECT relname, string_agg(quote_ident(attname), ', ' ORDER BY attnum)
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND (relname, attname) NOT IN (('sessions', 'last_activity'), ('sessions', 'expires_at'))
    GROUP BY relname HAVING NOT bool_or(attname IN ('seen_at', 'measured_at')) ORDER BY relname";

impl TestDatabase {
    /// The same as long as no row of any table is added, taken away or changed, but for what moves by itself.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        static QUERY: OnceLock<String> = OnceLock::new();
        self.value(QUERY.get_or_init(|| query(self)))
    }
}

/// The order of rows means nothing, so their hashes are summed up; all migrated databases have the same tables.
fn query(database: &TestDatabase) -> String {
    let tables = database.query(COLUMNS).into_iter().map(|row| {
        let text = |column: usize| row.get(column).cloned().flatten().unwrap_or_default();
        let (table, columns) = (text(0), text(1));
        format!(
            "(SELECT '{table} ' || count(*) || ' ' || coalesce(sum(hashtextextended(ROW({columns})::text, 0)), 0)
              FROM {table})"
        )
    });
    format!("SELECT concat_ws(E'\\n', {})", tables.collect::<Vec<_>>().join(", "))
}
