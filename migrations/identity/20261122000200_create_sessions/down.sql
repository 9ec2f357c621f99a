DROP VIEW user_sessions;
DROP TABLE sessions;
DROP TYPE application_type;
