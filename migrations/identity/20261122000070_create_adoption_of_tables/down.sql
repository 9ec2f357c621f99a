DROP FUNCTION adoption.forget_originals();
DROP FUNCTION adoption.free_name(name);
DROP FUNCTION adoption.key_columns(pg_constraint);
DROP FUNCTION adoption.index_keys(oid);
DROP FUNCTION adoption.settle(text, name, jsonb);
