# What people are sent.
sms-code = { $code } is your login code. It is valid for { $minutes } minutes. Tell it to nobody.
