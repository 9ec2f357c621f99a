-- What the applications' role may do; `migrate run` puts its name in place of the variables and applies this
-- each time. No DDL, no DELETE on people or sessions, nothing but adding and reading in the audit log. On tables that were
-- there before the migrations and are not taken over it is neither given nor refused anything.
BEGIN;
SELECT adoption.take_rights(:'app'::regrole);
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :app;
SELECT adoption.give_rights(:'app'::regrole, 'users', 'SELECT', 'INSERT', 'UPDATE');
SELECT adoption.give_rights(:'app'::regrole, 'user_permissions', 'SELECT', 'INSERT', 'UPDATE', 'DELETE');
GRANT SELECT, INSERT, UPDATE ON sessions, legacy_uses, legacy_imports TO :app;
GRANT SELECT, INSERT, UPDATE, DELETE ON rate_limits, one_time_codes, used_telegram_payloads TO :app;
GRANT SELECT, INSERT, UPDATE ON migration_strategy TO :app;
GRANT SELECT, INSERT, UPDATE, DELETE ON strategy_processes TO :app;
GRANT SELECT, INSERT ON audit_log TO :app;
GRANT SELECT, INSERT, UPDATE ON cleanup_points TO :app;
GRANT SELECT ON cleanup, backups, instance_keys, user_sessions, __diesel_schema_migrations TO :app;
COMMIT;
