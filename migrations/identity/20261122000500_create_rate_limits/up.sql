-- Counters of failed logins and the like. They are in Postgres so that an empty or dead Redis gives
-- nobody a further try.

CREATE TABLE rate_limits (
    purpose      varchar(40) NOT NULL,
    subject      varchar(64) NOT NULL,
    attempts     integer NOT NULL,
    window_start timestamptz(6) NOT NULL,
    PRIMARY KEY (purpose, subject)
);

COMMENT ON COLUMN rate_limits.subject IS 'SHA-256 of the account, address or both';

CREATE INDEX rate_limits_window_start_idx ON rate_limits (window_start);
