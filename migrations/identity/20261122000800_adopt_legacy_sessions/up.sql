-- What people and sessions of the older software bring with them, and how often they are still used.

ALTER TABLE users
    ADD COLUMN legacy_id bigint UNIQUE,
    ADD COLUMN legacy_attributes jsonb;

COMMENT ON COLUMN users.legacy_id IS 'The id that the person had in an imported database';
COMMENT ON COLUMN users.legacy_attributes IS 'Columns of an imported database that have no place here, and values that were not accepted';

ALTER TABLE sessions
    ADD COLUMN adopted_from varchar(20)
        CHECK (adopted_from IN ('redis', 'auth_token', 'session_id', 'user_sessions', 'sessions', 'import'));

COMMENT ON COLUMN sessions.adopted_from IS 'Where the older software kept it: a legacy Redis key, a column of users, its own table, an imported file; null for a session that began here';

CREATE TABLE legacy_uses (
    day    date NOT NULL,
    source varchar(20) NOT NULL,
    uses   bigint NOT NULL CHECK (uses > 0),
    PRIMARY KEY (day, source)
);

COMMENT ON TABLE legacy_uses IS 'Uses of tokens that the older software made, a day (UTC) and source; the clean-up waits for 14 days without';

-- A row that was adopted from a legacy Redis key is what keeps that key from opening the session again, for as long as
-- the key may come back.
CREATE OR REPLACE FUNCTION sessions_keep_tombstone() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM users WHERE id = OLD.user_id)
       AND (OLD.adopted_from IS NOT DISTINCT FROM 'redis'
            OR EXISTS (SELECT FROM users WHERE session_digest(auth_token) = OLD.id)
            OR EXISTS (SELECT FROM users WHERE session_digest(session_id) = OLD.id)) THEN
        RAISE EXCEPTION 'session % may still be brought back by what the older software left', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;
