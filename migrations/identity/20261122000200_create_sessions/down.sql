DROP VIEW user_sessions;
DROP TABLE sessions;
SELECT adoption.undo('20261122000200');
DROP FUNCTION adoption.is_token(text);
DROP FUNCTION adoption.jsonb_of(text);
DROP FUNCTION adoption.inet_of(text);
DROP FUNCTION adoption.older_column(regclass, name, text);
