# What stands on pages.
brand = Exchanger
brand-admin = Exchanger Admin
skip = Skip to the content
nav = Main
nav-home = Home
nav-account = Account
nav-dashboard = Dashboard
nav-users = People
nav-audit = Audit log
nav-cleanup = Clean-up
signed-in-as = Logged in as
login = Log in
logout = Log out
register = Create account
email = E-mail address
password = Password
phone = Phone number
telegram = Telegram
code = Code
verified = confirmed
password-hint = 8 characters or more. A few words in a row are good.
phone-hint = With + and the country code.
code-hint = Six digits, valid for ten minutes.

home-title = Welcome
home-lead = Log in to see your account and every device on which you are logged in.
home-hello = Hello
home-you = You
home-since = Here since
home-account = Devices and password

login-title = Log in
login-no-account = No account yet?
login-sms-title = By a code to your phone
login-sms-send = Send the code
login-telegram-title = By Telegram
login-telegram = Continue with Telegram
login-telegram-script = Telegram's button needs JavaScript.
login-again = Log in again

register-title = Create account
register-have-account = Already have one?

code-title = Enter the code
code-again = Send another code, or log in another way

telegram-title = Log in with Telegram
telegram-lead = Log in as
telegram-nothing = Telegram has handed nothing over. Its answer can be read here only with JavaScript turned on.
telegram-other = Log in another way

account-title = Your account
devices-title = Devices
devices-lead = Where you are logged in. End what you do not know, and change your password then.
devices-alone = You are logged in on this device alone.
device-unknown = Unknown device
device-browser = { $browser } on { $system }
device-this = This device
device-seen = Last seen
device-address = Address
device-no-address = No address known
device-began = Since
device-end = Log out
device-end-this = Log out:
others-title = Log out everywhere else
others-hint = To make sure that it is you.
others-end = Log out all other devices
recent-login = This needs a login within the last five minutes.
password-change = Change password
password-first = Set a password
password-set = Set password
password-current = Current password
password-new = New password
password-ends = All other devices are logged out by it.
preferences-title = Appearance
theme = Theme
theme-system = As on the device
theme-light = Light
theme-dark = Dark
language = Language
language-en = English
language-ru = Русский
preferences-save = Save

notice-session-ended = The device is logged out.
notice-others-ended = All other devices are logged out.
notice-password-changed = The password is changed, and all other devices are logged out.
notice-preferences-saved = Saved.
notice-logged-out = You are logged out.
notice-code-sent = The code is on its way.
notice-code-late = The code may come late. It counts for ten minutes.

ago-now = just now
ago-minutes = { $count ->
    [one] { $count } minute ago
   *[other] { $count } minutes ago
}
ago-hours = { $count ->
    [one] { $count } hour ago
   *[other] { $count } hours ago
}
ago-days = { $count ->
    [one] { $count } day ago
   *[other] { $count } days ago
}
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December

# Pages of problems: what happened in few words, and what one can do; by the cause where there is more to say than by the status.
title-400 = This request cannot be read
title-401 = You are not logged in
title-403 = Not allowed
title-404 = Page not found
title-405 = Not here
title-409 = Already in use
title-413 = Too large
title-415 = Not a form
title-422 = Something is missing
title-429 = Too many attempts
title-500 = Our mistake
title-503 = Back in a moment
hint-400 = Clear the cookies of this site if it happens again.
hint-401 = Log in and try again.
hint-403 = Ask somebody who may.
hint-404 = The address may be mistyped, or what was here is gone.
hint-405 = Go back and try again from the page you came from.
hint-409 = Choose another one.
hint-413 = Send less at once.
hint-415 = Go back and use the form of the page.
hint-422 = Go back and fill in the whole form.
hint-429 = Wait a while. Nothing is lost.
hint-500 = We have noted it. Try again later.
hint-503 = Nobody was logged out by it. Load the page again in a few seconds.
hint-forbidden-form = Go back, load the page anew and try again.
hint-forbidden-origin = Open the page here and try again.
hint-not_found-telegram = Go back and log in another way.
way-home = To the first page
way-login = To the login
way-again = Try again
