-- How older types and columns become the wanted ones without losing a byte. Each of these writes down, by `adoption.apply`, what
-- undoes it.

-- Enum types. An older one that lacks a label is put aside and a complete one takes its name; a label cannot be taken from a
-- type again, so that adding it to the older one could not be undone. -----------------------------------

CREATE FUNCTION adoption.create_enum(migration text, enum name, VARIADIC labels text[]) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    older CONSTANT oid := (SELECT oid FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typname = enum);
    had CONSTANT text[] := ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = older);
    make CONSTANT text := format('CREATE TYPE %I AS ENUM (%s)', enum,
        (SELECT string_agg(quote_literal(label), ', ' ORDER BY n) FROM unnest(labels) WITH ORDINALITY AS l (label, n)));
    used record;
BEGIN
    IF had @> labels AND labels @> had THEN
        RETURN;
    END IF;
    IF older IS NOT NULL THEN
        IF (SELECT typtype FROM pg_type WHERE oid = older) <> 'e' THEN
            PERFORM adoption.refuse(format('the type %s is no enum; rename it', enum));
        END IF;
        PERFORM adoption.apply(migration, format('put the older type %s aside', enum),
            format('ALTER TYPE public.%I SET SCHEMA adoption', enum),
            format('ALTER TYPE adoption.%I SET SCHEMA public', enum));
    END IF;
    PERFORM adoption.apply(migration, format('created the type %s', enum), make, format('DROP TYPE public.%I', enum));
    -- Where else it is used, as long as the new one knows every label; our own tables have their turn later.
    FOR used IN SELECT a.attrelid::regclass AS relation, a.attname AS name, pg_get_expr(d.adbin, d.adrelid) AS standard
                FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                WHERE a.atttypid = older AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                  AND c.relnamespace <> 'adoption'::regnamespace
                  AND c.oid NOT IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace
                                    AND relname IN ('users', 'sessions', 'user_permissions')) LOOP
        IF labels @> had THEN
            PERFORM adoption.retype(migration, used.relation, used.name, enum::text, format('%I::text::%I', used.name, enum),
                replace(used.standard, 'adoption.', ''),
                format('adoption.as_label(%I::text, %L, %L)::adoption.%I', used.name, format('adoption.%I', enum), used.standard, enum));
        ELSE
            PERFORM adoption.note(format('%s.%s keeps the older type %s, which is adoption.%s for now', used.relation, used.name, enum, enum));
        END IF;
    END LOOP;
END $$;

-- The label of an older enum that comes nearest: itself, itself in another case, the column's old default.
CREATE FUNCTION adoption.as_label(value text, enum regtype, otherwise text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT enumlabel::text FROM pg_enum WHERE enumtypid = enum AND lower(enumlabel) = lower(value)
         ORDER BY enumlabel <> value LIMIT 1),
        CASE WHEN value IS NOT NULL THEN
            (SELECT enumlabel::text FROM pg_enum WHERE enumtypid = enum
             AND starts_with(lower(otherwise), quote_literal(lower(enumlabel))) LIMIT 1)
        END)
$$;

-- Columns. ---------------------------------------------------------------------------------------------

-- Gives a column another type. What reads the column in its old type and cannot be carried over (checks, indexes on
-- expressions, the default) goes and comes back on the way down; a view or a trigger is its owner's to drop.
CREATE FUNCTION adoption.retype(migration text, relation regclass, col name, to_type text, conversion text, standard text,
                                way_back text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    a CONSTANT pg_attribute := (SELECT x FROM pg_attribute x WHERE x.attrelid = relation AND x.attname = col);
    old_type CONSTANT text := format_type(a.atttypid, a.atttypmod)
        || CASE WHEN a.attcollation NOT IN (0, 'pg_catalog."default"'::regcollation) THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END;
    old_standard CONSTANT text := (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = relation AND adnum = a.attnum);
    readers CONSTANT text := (
        SELECT string_agg(DISTINCT pg_describe_object(classid, objid, objsubid), ', ') FROM pg_depend
        WHERE refclassid = 'pg_class'::regclass AND refobjid = relation AND refobjsubid = a.attnum
          AND (classid IN ('pg_rewrite'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass)
               OR classid = 'pg_attrdef'::regclass AND objid NOT IN (
                   SELECT oid FROM pg_attrdef WHERE adrelid = relation AND adnum = a.attnum)));
    gone record;
BEGIN
    IF readers IS NOT NULL THEN
        PERFORM adoption.refuse(format('%s.%s is %s and must become %s, which Postgres refuses because of: %s; drop that first',
                                       relation, col, old_type, to_type, readers));
    END IF;
    FOR gone IN SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
                WHERE conrelid = relation AND contype = 'c' AND conkey @> ARRAY[a.attnum] LOOP
        PERFORM adoption.apply(migration, format('dropped the constraint %s of %s', gone.name, relation),
            format('ALTER TABLE %s DROP CONSTRAINT %I', relation, gone.name),
            format('SELECT adoption.add_constraint(%L, %L, %L)', relation, gone.name, gone.definition));
    END LOOP;
    FOR gone IN SELECT i.indexrelid::regclass AS name, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
                WHERE i.indrelid = relation AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
                  AND EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = i.indexrelid
                              AND refclassid = 'pg_class'::regclass AND refobjid = relation AND refobjsubid = a.attnum) LOOP
        PERFORM adoption.apply(migration, format('dropped the index %s', gone.name), format('DROP INDEX %s', gone.name), gone.definition);
    END LOOP;
    IF old_standard IS NOT NULL THEN
        PERFORM adoption.apply(migration, format('dropped the default of %s.%s', relation, col),
            format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', relation, col),
            format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', relation, col, old_standard));
    END IF;
    PERFORM adoption.apply(migration, format('%s.%s: from %s to %s', relation, col, old_type, to_type),
        format('ALTER TABLE %s ALTER COLUMN %I TYPE %s USING %s', relation, col, to_type, conversion),
        format('SELECT adoption.type_back(%L, %L, %L, %L)', relation, col, old_type, way_back));
    IF standard IS NOT NULL THEN
        PERFORM adoption.apply(migration, format('set the default of %s.%s', relation, col),
            format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', relation, col, standard),
            format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', relation, col));
    END IF;
END $$;

-- Without a conversion it is one of assignment, which refuses what is too long instead of cutting it off.
CREATE FUNCTION adoption.type_back(relation regclass, col name, old_type text, conversion text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE %s %s', relation, col, old_type, 'USING ' || conversion);
EXCEPTION WHEN data_exception THEN
    PERFORM adoption.note(format('%s.%s does not become %s again, because of values that came later: %s', relation, col, old_type, SQLERRM));
END $$;

-- What Postgres prints of `x IN ('a', 'b')` over varchar is not read as the same expression again, so that what was printed
-- is tried in the form in which it was written, too.
CREATE FUNCTION adoption.add_constraint(relation regclass, name name, definition text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    written CONSTANT text := replace(regexp_replace(definition,
        '\((\w+|"[^"]+")\)::text = ANY \(\(ARRAY\[(.*?)\]\)::text\[\]\)', '\1 IN (\2)', 'g'), '::character varying', '');
    form text;
BEGIN
    FOREACH form IN ARRAY ARRAY[written, definition] LOOP
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', relation, name, form);
        EXIT WHEN form = definition OR EXISTS (SELECT FROM pg_constraint WHERE conrelid = relation AND conname = name
                                               AND pg_get_constraintdef(oid) = definition);
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', relation, name);
    END LOOP;
EXCEPTION WHEN check_violation THEN
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', relation, name, definition);
    PERFORM adoption.note(format('rows that came later do not keep to the constraint %s of %s; it is given back as NOT VALID', name, relation));
END $$;

CREATE FUNCTION adoption.set_not_null(relation regclass, col name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', relation, col);
EXCEPTION WHEN not_null_violation THEN
    PERFORM adoption.note(format('%s.%s stays without NOT NULL: rows that came later have nothing there', relation, col));
END $$;

CREATE FUNCTION adoption.drop_not_null(migration text, relation regclass, col name) RETURNS void LANGUAGE sql AS $$
    SELECT adoption.apply(migration, format('%s.%s may be null', relation, col),
        format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', relation, col),
        format('SELECT adoption.set_not_null(%L, %L)', relation, col))
$$;

-- Values that cannot stay are written down before they change, and go back where nobody changed them since. -----

CREATE FUNCTION adoption.mark_untouched(relation regclass, table_name name, col name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('UPDATE adoption.original_value v SET untouched = t.%I::text IS NOT DISTINCT FROM v.became
                    FROM %s t WHERE t.id = v.row_id AND v.relation = %L AND v.column_name = %L', col, relation, table_name, col);
END $$;

CREATE FUNCTION adoption.values_back(relation regclass, table_name name, col name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM adoption.quietly(relation, format(
        'UPDATE %s t SET %I = v.original::%s FROM adoption.original_value v
         WHERE t.id = v.row_id AND v.relation = %L AND v.column_name = %L AND v.untouched', relation, col,
        (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = relation AND attname = col), table_name, col));
    DELETE FROM adoption.original_value v WHERE v.relation = table_name AND v.column_name = col;
END $$;

-- Makes a column what is wanted, or adds it. `cleaned` names a function that gives the accepted spelling of a value (as
-- text), or null for what is none. With `identifies` no two rows may have the same: the row that has the accepted
-- spelling already keeps it, else the oldest; the others keep everything but this value.
CREATE FUNCTION adoption.ensure_column(migration text, table_name name, col name, to_type text, standard text DEFAULT NULL,
                                       required boolean DEFAULT false, cleaned text DEFAULT NULL, identifies boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET search_path = public, pg_temp AS $$
DECLARE
    relation CONSTANT regclass := format('public.%I', table_name);
    a CONSTANT pg_attribute := (SELECT x FROM pg_attribute x WHERE x.attrelid = relation AND x.attname = col AND NOT x.attisdropped);
    to_oid CONSTANT oid := to_regtype(to_type);
    kind CONSTANT pg_type := (SELECT t FROM pg_type t WHERE t.oid = a.atttypid);
    is_text CONSTANT boolean := kind.typcategory = 'S';
    old_standard CONSTANT text := (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = relation AND adnum = a.attnum);
    conversion text;
    way_back text;
    counted bigint;
BEGIN
    IF a.attnum IS NULL THEN
        PERFORM adoption.apply(migration, format('added the column %s.%s', table_name, col),
            format('ALTER TABLE %s ADD COLUMN %I %s %s %s', relation, col, to_type,
                   'DEFAULT ' || standard, CASE WHEN required THEN 'NOT NULL' END),
            format('ALTER TABLE %s DROP COLUMN %I', relation, col));
        RETURN;
    END IF;
    DELETE FROM adoption.foreign_column f WHERE f.relation = table_name AND f.column_name = col;

    -- Whether its type will do, and if not, how it becomes the wanted one and the old one again.
    IF a.atttypid = to_oid AND to_oid <> 'varchar'::regtype
       OR to_oid = 'varchar'::regtype AND a.atttypid IN ('text'::regtype, to_oid)
          AND (a.atttypmod = -1 OR a.atttypmod - 4 >= substring(to_type FROM '\((\d+)\)')::integer) THEN
        conversion := NULL;
    ELSIF to_oid IN ('varchar'::regtype, 'text'::regtype) AND is_text THEN
        conversion := CASE WHEN cleaned IS NULL THEN format('%I::text', col) ELSE format('%s(%I::text)', cleaned, col) END;
    ELSIF to_oid = 'timestamptz'::regtype AND a.atttypid = 'timestamp'::regtype THEN
        conversion := format('%I AT TIME ZONE ''UTC''', col);
        way_back := conversion;
    ELSIF to_oid = 'bigint'::regtype AND (a.atttypid IN ('smallint'::regtype, 'integer'::regtype)
                                          OR cleaned IS NOT NULL AND (is_text OR a.atttypid = 'numeric'::regtype)) THEN
        conversion := CASE WHEN cleaned IS NULL THEN format('%I::bigint', col) ELSE format('%s(%I::text)::bigint', cleaned, col) END;
    ELSIF (SELECT typtype FROM pg_type WHERE oid = to_oid) = 'e' AND cleaned IS NOT NULL AND (is_text OR kind.typtype = 'e') THEN
        conversion := format('%s(%I::text)::%s', cleaned, col, to_type);
        way_back := CASE WHEN kind.typtype = 'e' THEN format('adoption.as_label(%I::text, %L, %L)::%s', col,
            kind.oid::regtype, coalesce(old_standard, standard), kind.oid::regtype) END;
    ELSE
        PERFORM adoption.refuse(format('%s.%s is %s, which cannot be taken for %s; rename the column or change its type, then run again',
                                       table_name, col, format_type(a.atttypid, a.atttypmod), to_type));
    END IF;

    IF a.attnotnull AND NOT required THEN
        PERFORM adoption.drop_not_null(migration, relation, col);
    END IF;
    IF cleaned IS NOT NULL OR required AND NOT a.attnotnull THEN
        PERFORM adoption.apply(migration, format('wrote down values of %s.%s', table_name, col), 'SELECT',
            format('SELECT adoption.values_back(%L, %L, %L)', relation, table_name, col));
    END IF;
    IF cleaned IS NOT NULL THEN
        EXECUTE format(
            'INSERT INTO adoption.original_value (relation, column_name, row_id, original, became)
             SELECT %L, %L, id, original, CASE WHEN NOT %L OR place = 1 THEN value END
             FROM (SELECT id, original, value, row_number() OVER (
                       PARTITION BY value ORDER BY value IS DISTINCT FROM original, made NULLS LAST, id) AS place
                   FROM (SELECT id, %s AS made, %I::text AS original, %s(%I::text) AS value
                         FROM %s WHERE %I IS NOT NULL) AS cleaned) AS placed
             WHERE value IS DISTINCT FROM original OR %L AND place > 1',
            table_name, col, identifies,
            coalesce((SELECT 'created_at' FROM pg_attribute WHERE attrelid = relation AND attname = 'created_at'), 'NULL::timestamptz'),
            col, cleaned, col, relation, col, identifies);
        IF a.attnotnull AND required THEN
            NULL; -- `cleaned` accepts everything then
        ELSE
            PERFORM adoption.quietly(relation, format(
                'UPDATE %s SET %I = NULL FROM adoption.original_value v
                 WHERE id = v.row_id AND v.relation = %L AND v.column_name = %L AND v.became IS NULL', relation, col, table_name, col));
        END IF;
        IF conversion IS NULL THEN
            PERFORM adoption.quietly(relation, format(
                'UPDATE %s SET %I = v.became::%s FROM adoption.original_value v
                 WHERE id = v.row_id AND v.relation = %L AND v.column_name = %L AND v.became IS NOT NULL', relation, col, a.atttypid::regtype, table_name, col));
        END IF;
        PERFORM adoption.report(table_name, col);
    END IF;
    IF conversion IS NOT NULL THEN
        PERFORM adoption.retype(migration, relation, col, to_type, conversion, standard, way_back);
    ELSIF old_standard IS NULL AND standard IS NOT NULL THEN
        PERFORM adoption.apply(migration, format('set the default of %s.%s', table_name, col),
            format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', relation, col, standard),
            format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', relation, col));
    END IF;
    IF required AND NOT a.attnotnull THEN
        EXECUTE format('INSERT INTO adoption.original_value (relation, column_name, row_id, became)
                        SELECT %L, %L, id, (%s)::%s::text FROM %s WHERE %I IS NULL', table_name, col, standard,
                       (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = relation AND attname = col), relation, col);
        counted := adoption.quietly(relation, format('UPDATE %s SET %I = %s WHERE %I IS NULL', relation, col, standard, col));
        IF counted > 0 THEN
            PERFORM adoption.note(format('%s.%s: %s rows had none and got %s', table_name, col, counted, standard));
        END IF;
        PERFORM adoption.apply(migration, format('%s.%s may not be null', table_name, col),
            format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', relation, col),
            format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', relation, col));
    END IF;
    IF cleaned IS NOT NULL OR required AND NOT a.attnotnull THEN
        PERFORM adoption.apply(migration, format('changed values of %s.%s', table_name, col), 'SELECT',
            format('SELECT adoption.mark_untouched(%L, %L, %L)', relation, table_name, col));
    END IF;
END $$;

-- Says what became of the values of a column: how many have another spelling, and of whom it is empty now.
CREATE FUNCTION adoption.report(table_name name, col name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    respelled bigint;
    emptied bigint;
BEGIN
    SELECT count(*) FILTER (WHERE became IS NOT NULL), count(*) FILTER (WHERE became IS NULL AND btrim(original) <> '')
    INTO respelled, emptied
    FROM adoption.original_value v WHERE v.relation = table_name AND v.column_name = col;
    IF respelled > 0 THEN
        PERFORM adoption.note(format('%s.%s: %s values have another spelling now', table_name, col, respelled));
    END IF;
    IF emptied > 0 THEN
        PERFORM adoption.note(format('%s.%s: %s people have none now, because theirs was not valid or was another person''s too', table_name, col, emptied));
    END IF;
END $$;
