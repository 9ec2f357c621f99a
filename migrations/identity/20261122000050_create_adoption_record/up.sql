-- Looks what is there, before anything is made, and keeps the record that `down` works from. A database that the older
-- software has filled is taken over in place: what is missing is added, what does not fit is changed, and each change is
-- written down together with the statement that undoes it.
--
-- All of it is in a schema of its own, into which the applications' role may not look: raw session ids stand here.

CREATE SCHEMA adoption;

CREATE TABLE adoption.change (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration text NOT NULL,
    what      text NOT NULL,
    undo      text NOT NULL
);
COMMENT ON TABLE adoption.change IS 'What the migrations made or changed; `down` runs the newest undo first';

CREATE TABLE adoption.note (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    message   text NOT NULL
);
COMMENT ON TABLE adoption.note IS 'What somebody should know of the adoption: counts of what was left out, emptied or not given back';

CREATE TABLE adoption.original_value (
    relation    name NOT NULL,
    column_name name NOT NULL,
    row_id      uuid NOT NULL,
    original    text,
    became      text,
    untouched   boolean,
    PRIMARY KEY (relation, column_name, row_id)
);
COMMENT ON TABLE adoption.original_value IS 'Values that could not stay as they were';
COMMENT ON COLUMN adoption.original_value.became IS 'Null: the column was emptied';
COMMENT ON COLUMN adoption.original_value.untouched IS 'Set by `down`: nobody has changed it since';

-- As regclass, and not as oid, it is still the same table in a database that was restored from a dump.
CREATE TABLE adoption.found_relation (
    relation regclass PRIMARY KEY,
    name     name NOT NULL
);
COMMENT ON TABLE adoption.found_relation IS 'What was there; the migrations neither give nor take rights on it, but for what they adopt';

CREATE TABLE adoption.foreign_column (
    relation    name NOT NULL,
    column_name name NOT NULL,
    PRIMARY KEY (relation, column_name)
);
COMMENT ON TABLE adoption.foreign_column IS 'Columns of adopted tables that are the older software''s alone';

CREATE TABLE adoption.app_role (
    role name PRIMARY KEY
);
CREATE TABLE adoption.right_before (
    role        name NOT NULL,
    object      regclass,
    column_name name,
    privilege   text NOT NULL,
    grantable   boolean NOT NULL
);
COMMENT ON TABLE adoption.right_before IS 'What applications'' roles might do before they were given their rights; no object: on the schema public';

INSERT INTO adoption.found_relation (relation, name)
SELECT oid, relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND relname NOT LIKE '\_\_diesel\_schema\_migrations%';

INSERT INTO adoption.foreign_column (relation, column_name)
SELECT f.name, a.attname
FROM adoption.found_relation f JOIN pg_attribute a ON a.attrelid = f.relation
WHERE f.name IN ('users', 'user_permissions') AND a.attnum > 0 AND NOT a.attisdropped;

-- One step and its way back. ---------------------------------------------------------------------------

-- Times are written and read in UTC, and names of types without a schema are those of `public`, so that a value that
-- was written down compares equal later, whoever runs this.
CREATE FUNCTION adoption.apply(migration text, what text, run text, undo text) RETURNS void
LANGUAGE plpgsql SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE run;
    INSERT INTO adoption.change (migration, what, undo) VALUES (apply.migration, apply.what, apply.undo);
END $$;

CREATE FUNCTION adoption.undo(migration text) RETURNS void
LANGUAGE plpgsql SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET search_path = public, pg_temp AS $$
DECLARE
    step record;
BEGIN
    FOR step IN SELECT c.id, c.undo FROM adoption.change c WHERE c.migration = undo.migration ORDER BY c.id DESC LOOP
        EXECUTE step.undo;
        DELETE FROM adoption.change c WHERE c.id = step.id;
    END LOOP;
END $$;

CREATE FUNCTION adoption.note(message text, warning boolean DEFAULT true) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO adoption.note (message) VALUES (note.message);
    IF warning THEN
        RAISE WARNING '%', message;
    ELSE
        RAISE NOTICE '%', message;
    END IF;
END $$;

CREATE FUNCTION adoption.refuse(message text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', message USING ERRCODE = 'object_not_in_prerequisite_state';
END $$;

-- Runs a statement while the older software's own triggers on the table sleep: an `updated_at` that moved by
-- itself could not be given back.
CREATE FUNCTION adoption.quietly(relation regclass, run text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    awake CONSTANT jsonb := coalesce((SELECT jsonb_object_agg(tgname, tgenabled) FROM pg_trigger
                                      WHERE tgrelid = relation AND NOT tgisinternal AND tgenabled <> 'D'), '{}');
    trigger record;
    touched bigint;
BEGIN
    FOR trigger IN SELECT key AS name FROM jsonb_each_text(awake) LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', relation, trigger.name);
    END LOOP;
    EXECUTE run;
    GET DIAGNOSTICS touched = ROW_COUNT;
    FOR trigger IN SELECT key AS name, value AS state FROM jsonb_each_text(awake) LOOP
        EXECUTE format('ALTER TABLE %s ENABLE %s TRIGGER %I', relation,
                       CASE trigger.state WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, trigger.name);
    END LOOP;
    RETURN touched;
END $$;

-- Rights of the applications' role: see privileges.sql. ------------------------------------------------

-- The tables whose rights the migrations answer for: what they made, and what they took over.
CREATE FUNCTION adoption.own_relations() RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
    SELECT c.oid::regclass FROM pg_class c LEFT JOIN adoption.found_relation f ON f.relation = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND (f.relation IS NULL OR c.relname IN ('users', 'user_permissions', 'legacy_user_sessions'))
$$;

CREATE FUNCTION adoption.take_rights(app regrole) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    app_name CONSTANT name := (SELECT rolname FROM pg_roles WHERE oid = app);
    relation regclass;
BEGIN
    IF NOT EXISTS (SELECT FROM adoption.app_role a WHERE a.role = app_name) THEN
        INSERT INTO adoption.app_role (role) VALUES (app_name);
        INSERT INTO adoption.right_before (role, object, column_name, privilege, grantable)
        SELECT app_name, NULL::regclass, NULL::name, acl.privilege_type, acl.is_grantable
        FROM pg_namespace n, aclexplode(n.nspacl) acl WHERE n.nspname = 'public' AND acl.grantee = app
        UNION ALL
        SELECT 'public', NULL, NULL, acl.privilege_type, acl.is_grantable
        FROM pg_namespace n, aclexplode(n.nspacl) acl WHERE n.nspname = 'public' AND acl.grantee = 0
          AND NOT EXISTS (SELECT FROM adoption.right_before WHERE role = 'public')
        UNION ALL
        SELECT app_name, c.oid, NULL, acl.privilege_type, acl.is_grantable
        FROM pg_class c, aclexplode(c.relacl) acl
        WHERE c.oid IN (SELECT adoption.own_relations()) AND acl.grantee = app
        UNION ALL
        SELECT app_name, a.attrelid, a.attname, acl.privilege_type, acl.is_grantable
        FROM pg_attribute a, aclexplode(a.attacl) acl
        WHERE a.attrelid IN (SELECT adoption.own_relations()) AND NOT a.attisdropped AND acl.grantee = app;
    END IF;
    FOR relation IN SELECT adoption.own_relations() LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %I', relation, app_name);
    END LOOP;
END $$;

-- Gives rights on a table; on an adopted one not on the columns that are the older software's alone. A sequence behind
-- such a column's default has to be used all the same.
CREATE FUNCTION adoption.give_rights(app regrole, relation regclass, VARIADIC rights text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    columns CONSTANT text := (
        SELECT '(' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) || ')'
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
          AND NOT EXISTS (SELECT FROM adoption.foreign_column f
                          WHERE f.relation = c.relname AND f.column_name = a.attname)
        HAVING count(*) < (SELECT count(*) FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped));
    kind text;
    sequence regclass;
BEGIN
    FOREACH kind IN ARRAY rights LOOP
        EXECUTE format('GRANT %s %s ON %s TO %s', kind, CASE WHEN kind <> 'DELETE' THEN columns END, relation, app);
    END LOOP;
    FOR sequence IN SELECT DISTINCT d.refobjid::regclass FROM pg_attrdef def
                    JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = def.oid
                    JOIN pg_class s ON s.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass AND s.relkind = 'S'
                    WHERE def.adrelid = relation LOOP
        IF NOT has_sequence_privilege(app, sequence, 'USAGE') THEN
            INSERT INTO adoption.right_before (role, object, privilege, grantable)
            SELECT rolname, sequence, '', false FROM pg_roles WHERE oid = app;
            EXECUTE format('GRANT USAGE ON SEQUENCE %s TO %s', sequence, app);
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION adoption.give_rights_back() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    app name;
    relation regclass;
    given record;
BEGIN
    FOR app IN SELECT a.role FROM adoption.app_role a JOIN pg_roles ON rolname = a.role LOOP
        EXECUTE format('REVOKE ALL ON SCHEMA public FROM %I', app);
        FOR relation IN SELECT f.relation FROM adoption.found_relation f JOIN pg_class c ON c.oid = f.relation
                        WHERE f.name IN ('users', 'user_permissions', 'user_sessions') LOOP
            EXECUTE format('REVOKE ALL ON %s FROM %I', relation, app);
        END LOOP;
    END LOOP;
    FOR given IN SELECT b.* FROM adoption.right_before b LEFT JOIN pg_class c ON c.oid = b.object
                 WHERE (b.object IS NULL OR c.oid IS NOT NULL)
                   AND (b.role = 'public' OR EXISTS (SELECT FROM pg_roles WHERE rolname = b.role)) LOOP
        IF given.privilege = '' THEN
            EXECUTE format('REVOKE USAGE ON SEQUENCE %s FROM %I', given.object, given.role);
            CONTINUE;
        END IF;
        EXECUTE format('GRANT %s %s ON %s TO %s %s', given.privilege, '(' || quote_ident(given.column_name) || ')',
                       coalesce('TABLE ' || given.object::text, 'SCHEMA public'),
                       CASE given.role WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(given.role) END,
                       CASE WHEN given.grantable THEN 'WITH GRANT OPTION' END);
    END LOOP;
END $$;
