-- What the applications' role may do in the web database; see privileges.sql. All of it can be made again or is a matter of taste,
-- so that here it may delete, too.
BEGIN;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :app;
GRANT SELECT, INSERT, UPDATE, DELETE ON web_sessions, web_user_cache TO :app;
GRANT SELECT ON __diesel_schema_migrations TO :app;
COMMIT;
