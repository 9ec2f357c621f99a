SELECT adoption.undo('20261122000300');
DROP FUNCTION adoption.context_of(text);
