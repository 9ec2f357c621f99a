DROP TRIGGER sessions_keep_imported ON sessions;
DROP FUNCTION sessions_keep_imported();
DROP TABLE legacy_imports;
