DROP TABLE users;
DROP FUNCTION session_digest(text);
DROP TYPE user_role;
