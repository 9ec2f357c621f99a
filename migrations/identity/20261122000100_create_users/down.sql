SELECT adoption.undo('20261122000100');
DROP FUNCTION adoption.role_of(text);
DROP FUNCTION adoption.telegram_id_of(text);
DROP FUNCTION adoption.phone_of(text);
DROP FUNCTION adoption.email_of(text);
DROP FUNCTION session_digest(text);
