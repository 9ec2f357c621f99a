SELECT adoption.give_rights_back();

-- Everything that was put aside must have gone back, or it would go with the schema.
DO $$
DECLARE
    left_behind CONSTANT text := (
        SELECT string_agg(name, ', ' ORDER BY name) FROM (
            SELECT relname FROM pg_class WHERE relnamespace = 'adoption'::regnamespace AND relkind IN ('r', 'p')
            UNION ALL
            SELECT typname FROM pg_type WHERE typnamespace = 'adoption'::regnamespace AND typtype = 'e'
        ) AS there (name)
        WHERE name NOT IN ('change', 'note', 'original_value', 'found_relation', 'foreign_column', 'app_role', 'right_before'));
BEGIN
    IF left_behind IS NOT NULL OR EXISTS (SELECT FROM adoption.change) THEN
        PERFORM adoption.refuse(format('the schema adoption still holds what is to be given back: %s', left_behind));
    END IF;
    SET LOCAL client_min_messages = warning;
    DROP SCHEMA adoption CASCADE;
    RESET client_min_messages;
END $$;
