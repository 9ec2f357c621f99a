-- The clean-up at the end of the move: the record that it was applied, which is also the switch, what its checklist has
-- found, and the backups that were taken.

CREATE TABLE cleanup (
    once       boolean PRIMARY KEY DEFAULT true CHECK (once),
    applied_at timestamptz(6) NOT NULL DEFAULT clock_timestamp(),
    applied_by text NOT NULL DEFAULT session_user,
    checklist  jsonb NOT NULL
);

COMMENT ON TABLE cleanup IS 'One row from the clean-up on: nothing that the older software left opens anything any more';
COMMENT ON COLUMN cleanup.checklist IS 'What had been measured when it was applied';

CREATE TABLE cleanup_points (
    id          varchar(40) PRIMARY KEY,
    holds       boolean NOT NULL,
    since       timestamptz(6) NOT NULL,
    measured_at timestamptz(6) NOT NULL
);

COMMENT ON TABLE cleanup_points IS 'Since when a point of the checklist has been found as it is; measured completely, or not written';

CREATE TABLE backups (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    taken_at       timestamptz(6) NOT NULL,
    verified_at    timestamptz(6) NOT NULL DEFAULT clock_timestamp(),
    file_name      text NOT NULL,
    bytes          bigint NOT NULL CHECK (bytes > 0),
    sha256         varchar(64) NOT NULL,
    table_count    bigint NOT NULL,
    row_count      bigint NOT NULL,
    server_version text NOT NULL
);

COMMENT ON TABLE backups IS 'Backups that were restored once, with as many rows in each table; the file may be gone since';
COMMENT ON COLUMN backups.taken_at IS 'What was committed later is not in it';

-- Rows that kept something shut may be gone since: what opened then must never open again.
CREATE FUNCTION cleanup_is_final() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION 'the clean-up is final; only a backup leads back' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER cleanup_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON cleanup
    FOR EACH STATEMENT EXECUTE FUNCTION cleanup_is_final();
ALTER TABLE cleanup ENABLE ALWAYS TRIGGER cleanup_is_final;

-- Programs of this version ask for themselves, in the statement that would adopt; one of an earlier version does not. A
-- replication worker brings the sessions that were adopted before.
CREATE FUNCTION sessions_refuse_adoption() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.adopted_from IS NOT NULL AND current_setting('session_replication_role') <> 'replica'
       AND EXISTS (SELECT FROM cleanup) THEN
        RAISE EXCEPTION 'nothing of the older software becomes a session any more: the clean-up was applied'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER sessions_refuse_adoption BEFORE INSERT ON sessions
    FOR EACH ROW EXECUTE FUNCTION sessions_refuse_adoption();
ALTER TABLE sessions ENABLE ALWAYS TRIGGER sessions_refuse_adoption;

-- What keeps tombstones is needed as long as something might open without them.
CREATE OR REPLACE FUNCTION sessions_keep_tombstone() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM cleanup)
       AND EXISTS (SELECT FROM users WHERE id = OLD.user_id)
       AND (OLD.adopted_from IS NOT DISTINCT FROM 'redis'
            OR EXISTS (SELECT FROM users WHERE session_digest(auth_token) = OLD.id)
            OR EXISTS (SELECT FROM users WHERE session_digest(session_id) = OLD.id)) THEN
        RAISE EXCEPTION 'session % may still be brought back by what the older software left', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE OR REPLACE FUNCTION sessions_keep_imported() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF OLD.adopted_from IS NOT NULL
       AND NOT EXISTS (SELECT FROM cleanup)
       AND EXISTS (SELECT FROM users WHERE id = OLD.user_id AND legacy_id IS NOT NULL) THEN
        RAISE EXCEPTION 'session % may be brought back by a further import', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;
