-- How a whole older table becomes the wanted one, and how all of it is forgotten in the end.

-- Takes the table that was made in this schema as the pattern: without an older one of that name it moves to where it
-- belongs, else the older one gets what it lacks. `cleaned` names the functions for columns, see `adoption.ensure_column`.
CREATE FUNCTION adoption.settle(migration text, table_name name, cleaned jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    older CONSTANT regclass := to_regclass(format('public.%I', table_name));
    pattern CONSTANT regclass := format('adoption.%I', table_name);
    wanted record;
BEGIN
    IF older IS NULL THEN
        PERFORM adoption.apply(migration, format('created the table %s', table_name),
            format('ALTER TABLE %s SET SCHEMA public', pattern), format('DROP TABLE public.%I', table_name));
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_class WHERE oid = older AND relkind = 'r' AND NOT relispartition) THEN
        PERFORM adoption.refuse(format('%s is no ordinary table', table_name));
    END IF;
    IF EXISTS (SELECT FROM pg_class WHERE oid = older AND relrowsecurity) THEN
        PERFORM adoption.refuse(format('%s has row level security, behind which the applications would find nobody; disable it, then run again', table_name));
    END IF;
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', older);
    SET CONSTRAINTS ALL IMMEDIATE;

    FOR wanted IN SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
                         pg_get_expr(d.adbin, d.adrelid) AS standard, col_description(pattern, a.attnum) AS comment,
                         EXISTS (SELECT FROM pg_constraint WHERE conrelid = pattern AND contype IN ('u', 'p') AND conkey = ARRAY[a.attnum]) AS identifies,
                         NOT EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = older AND o.attname = a.attname AND NOT o.attisdropped) AS missing
                  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                  WHERE a.attrelid = pattern AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum LOOP
        PERFORM adoption.ensure_column(migration, table_name, wanted.name, wanted.type, wanted.standard, wanted.required,
                                       cleaned ->> wanted.name, wanted.identifies);
        IF wanted.missing AND wanted.comment IS NOT NULL THEN
            EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', older, wanted.name, wanted.comment);
        END IF;
    END LOOP;

    -- Rows of ours have nothing for columns that are the older software's alone.
    FOR wanted IN SELECT a.attname AS name FROM pg_attribute a
                  WHERE a.attrelid = older AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
                    AND NOT EXISTS (SELECT FROM pg_attribute p WHERE p.attrelid = pattern AND p.attname = a.attname) LOOP
        PERFORM adoption.drop_not_null(migration, older, wanted.name);
    END LOOP;

    FOR wanted IN SELECT conname AS name, pg_get_constraintdef(c.oid) AS definition FROM pg_constraint c
                  WHERE c.conrelid = pattern AND c.contype IN ('p', 'u')
                    AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
                                    WHERE i.indrelid = older AND i.indisunique AND i.indimmediate AND i.indisvalid
                                      AND i.indpred IS NULL AND adoption.index_keys(i.indexrelid) = adoption.index_keys(c.conindid))
                  UNION ALL
                  SELECT conname, pg_get_constraintdef(c.oid) FROM pg_constraint c
                  WHERE c.conrelid = pattern AND c.contype = 'f'
                    AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conrelid = older AND o.contype = 'f' AND o.confrelid = c.confrelid
                                    AND adoption.key_columns(o) = adoption.key_columns(c)) LOOP
        wanted.name := adoption.free_name(wanted.name);
        PERFORM adoption.apply(migration, format('added the constraint %s', wanted.name),
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', older, wanted.name, wanted.definition),
            format('ALTER TABLE %s DROP CONSTRAINT %I', older, wanted.name));
    END LOOP;
    FOR wanted IN SELECT x.relname AS name, adoption.index_keys(p.indexrelid) AS keys FROM pg_index p JOIN pg_class x ON x.oid = p.indexrelid
                  WHERE p.indrelid = pattern AND NOT p.indisunique
                    AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                                    JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree'
                                    WHERE i.indrelid = older AND i.indisvalid AND i.indpred IS NULL
                                      AND (adoption.index_keys(i.indexrelid))[1:array_length(adoption.index_keys(p.indexrelid), 1)]
                                          = adoption.index_keys(p.indexrelid)) LOOP
        wanted.name := adoption.free_name(wanted.name);
        PERFORM adoption.apply(migration, format('created the index %s', wanted.name),
            format('CREATE INDEX %I ON %s (%s)', wanted.name, older, array_to_string(wanted.keys, ', ')),
            format('DROP INDEX public.%I', wanted.name));
    END LOOP;
    EXECUTE format('DROP TABLE %s', pattern);
END $$;

CREATE FUNCTION adoption.index_keys(index oid) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT array_agg(pg_get_indexdef(index, n, false) ORDER BY n)
    FROM pg_index i, generate_series(1, i.indnkeyatts) AS n WHERE i.indexrelid = index
$$;

CREATE FUNCTION adoption.key_columns(c pg_constraint) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT array_agg(attname::text ORDER BY attname) FROM pg_attribute WHERE attrelid = c.conrelid AND attnum = ANY (c.conkey)
$$;

CREATE FUNCTION adoption.free_name(wanted name) RETURNS name LANGUAGE sql STABLE AS $$
    SELECT (CASE n WHEN 1 THEN wanted ELSE wanted || '_' || n END)::name FROM generate_series(1, 1000) AS n
    WHERE to_regclass(format('public.%I', CASE n WHEN 1 THEN wanted ELSE wanted || '_' || n END)) IS NULL
    ORDER BY n LIMIT 1
$$;

-- The end of it: raw ids and tokens, and spellings that could not stay, are kept so that `down` can give them back, and no
-- longer than that may be wanted. Afterwards there is no way back but a backup.
CREATE FUNCTION adoption.forget_originals() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DROP TABLE IF EXISTS adoption.sessions, public.legacy_user_sessions;
    DELETE FROM adoption.original_value;
    INSERT INTO adoption.change (migration, what, undo)
    VALUES ('20261122000200', 'forgot what the older software had',
            'SELECT adoption.refuse(''what the older software had was forgotten at the clean-up: only a backup leads back'')');
END $$;
