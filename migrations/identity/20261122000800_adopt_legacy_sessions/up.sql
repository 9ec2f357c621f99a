-- What people and sessions of the older software bring with them, and how often they are still used.

DO $$
BEGIN
    IF EXISTS (SELECT FROM adoption.foreign_column WHERE relation = 'users' AND column_name = 'legacy_attributes') THEN
        PERFORM adoption.refuse('users.legacy_attributes exists and is something else here; rename the column, then run again');
    END IF;
    -- An adopted table may remember older ids already.
    PERFORM adoption.ensure_column('20261122000800', 'users', 'legacy_id', 'bigint');
    PERFORM adoption.ensure_column('20261122000800', 'users', 'legacy_attributes', 'jsonb');
    IF NOT EXISTS (SELECT FROM pg_index WHERE indrelid = 'users'::regclass AND indisunique AND indpred IS NULL
                   AND adoption.index_keys(indexrelid) = '{legacy_id}') THEN
        PERFORM adoption.apply('20261122000800', 'added the constraint users_legacy_id_key',
            'ALTER TABLE users ADD CONSTRAINT users_legacy_id_key UNIQUE (legacy_id)',
            'ALTER TABLE users DROP CONSTRAINT users_legacy_id_key');
    END IF;
    IF col_description('users'::regclass, (SELECT attnum FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'legacy_id')) IS NULL THEN
        PERFORM adoption.apply('20261122000800', 'commented on users.legacy_id',
            'COMMENT ON COLUMN users.legacy_id IS ''The id that the person had in an imported database''',
            'COMMENT ON COLUMN users.legacy_id IS NULL');
    END IF;
END $$;

COMMENT ON COLUMN users.legacy_attributes IS 'Columns of an imported database that have no place here, and values that were not accepted';

-- Of an adopted table: what was not valid or already another person's, and unknown roles.
SELECT adoption.quietly('users', $$
    UPDATE users SET legacy_attributes = coalesce(legacy_attributes, '{}') || refused.attributes
    FROM (SELECT row_id, jsonb_object_agg(column_name, original) AS attributes FROM adoption.original_value
          WHERE relation = 'users' AND original IS NOT NULL AND (became IS NULL OR column_name = 'role' AND became <> lower(btrim(original)))
          GROUP BY row_id) AS refused
    WHERE users.id = refused.row_id $$);

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
