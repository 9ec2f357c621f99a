DROP TABLE used_telegram_payloads;
DROP TABLE one_time_codes;
