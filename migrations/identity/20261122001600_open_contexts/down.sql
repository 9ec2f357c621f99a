DROP FUNCTION forget_application_context(text);
DROP FUNCTION close_application_context(text);
DROP FUNCTION open_application_context(text);
