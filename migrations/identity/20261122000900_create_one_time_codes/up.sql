-- Proofs that count once: codes sent by SMS, and what Telegram signs. They are in Postgres so that neither an empty
-- Redis nor two processes at once let one count twice.

CREATE TABLE one_time_codes (
    phone       varchar(32) PRIMARY KEY,
    code_hash   bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    created_at  timestamptz(6) NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz(6) NOT NULL,
    attempts    integer NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 5),
    consumed_at timestamptz(6)
);

COMMENT ON TABLE one_time_codes IS 'The newest code of each phone; a new one takes the place of an older';
COMMENT ON COLUMN one_time_codes.phone IS 'E.164';
COMMENT ON COLUMN one_time_codes.code_hash IS 'HMAC of phone and code, with a key derived from instance_keys';
COMMENT ON COLUMN one_time_codes.attempts IS 'Raised in the statement that compares, right or wrong; five are the last';

CREATE INDEX one_time_codes_expires_at_idx ON one_time_codes (expires_at);

CREATE TABLE used_telegram_payloads (
    digest       bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    usable_until timestamptz(6) NOT NULL
);

COMMENT ON TABLE used_telegram_payloads IS 'What has logged somebody in, for as long as it could do so again';
COMMENT ON COLUMN used_telegram_payloads.digest IS 'SHA-256 of the signed text';

CREATE INDEX used_telegram_payloads_usable_until_idx ON used_telegram_payloads (usable_until);
