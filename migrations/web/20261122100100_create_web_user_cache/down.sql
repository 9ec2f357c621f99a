DROP TABLE web_user_cache;
