-- What the applications' role may do; `migrate run` puts its name in place of the variable and applies this
-- each time. No DDL, no DELETE on people or sessions, nothing but adding and reading in the audit log.
BEGIN;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM :app;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :app;
GRANT SELECT, INSERT, UPDATE ON users, sessions, legacy_uses, legacy_imports TO :app;
GRANT SELECT, INSERT, UPDATE, DELETE ON user_permissions, rate_limits TO :app;
GRANT SELECT, INSERT ON audit_log TO :app;
GRANT SELECT ON instance_keys, user_sessions, __diesel_schema_migrations TO :app;
COMMIT;
