# Что написано на страницах.
brand = Exchanger
brand-admin = Exchanger: управление
skip = К содержанию
nav = Основное
nav-home = Главная
nav-account = Учётная запись
nav-dashboard = Сводка
nav-users = Люди
nav-audit = Журнал
nav-cleanup = Очистка
signed-in-as = Вы вошли как
login = Войти
logout = Выйти
register = Создать учётную запись
email = Адрес электронной почты
password = Пароль
phone = Номер телефона
telegram = Telegram
code = Код
verified = подтверждён
password-hint = Не менее 8 символов. Хорошо подойдут несколько слов подряд.
phone-hint = С + и кодом страны.
code-hint = Шесть цифр, действует десять минут.

home-title = Добро пожаловать
home-lead = Войдите, чтобы увидеть свою учётную запись и все устройства, на которых выполнен вход.
home-hello = Здравствуйте
home-you = О вас
home-since = С нами с
home-account = Устройства и пароль

login-title = Вход
login-no-account = Ещё нет учётной записи?
login-sms-title = По коду из SMS
login-sms-send = Отправить код
login-telegram-title = Через Telegram
login-telegram = Продолжить через Telegram
login-telegram-script = Для кнопки Telegram нужен JavaScript.
login-again = Войти заново

register-title = Новая учётная запись
register-have-account = Уже есть?

code-title = Введите код
code-again = Отправить код ещё раз или войти другим способом

telegram-title = Вход через Telegram
telegram-lead = Войти как
telegram-nothing = Telegram ничего не передал. Прочитать его ответ здесь можно только с включённым JavaScript.
telegram-other = Войти другим способом

account-title = Ваша учётная запись
devices-title = Устройства
devices-lead = Где выполнен вход. Завершите то, что вам незнакомо, и затем смените пароль.
devices-alone = Вход выполнен только на этом устройстве.
device-unknown = Неизвестное устройство
device-browser = { $browser }, { $system }
device-this = Это устройство
device-seen = Активность:
device-address = Адрес:
device-no-address = Адрес неизвестен
device-began = Вход:
device-end = Завершить
device-end-this = Завершить сеанс:
others-title = Выйти на всех остальных устройствах
others-hint = Чтобы убедиться, что это вы.
others-end = Завершить все остальные сеансы
recent-login = Для этого нужно было войти не более пяти минут назад.
password-change = Сменить пароль
password-first = Задать пароль
password-set = Задать пароль
password-current = Текущий пароль
password-new = Новый пароль
password-ends = На всех остальных устройствах сеансы завершатся.
preferences-title = Оформление
theme = Тема
theme-system = Как на устройстве
theme-light = Светлая
theme-dark = Тёмная
language = Язык
language-en = English
language-ru = Русский
preferences-save = Сохранить

notice-session-ended = Сеанс на устройстве завершён.
notice-others-ended = Все остальные сеансы завершены.
notice-password-changed = Пароль изменён, все остальные сеансы завершены.
notice-preferences-saved = Сохранено.
notice-logged-out = Вы вышли.
notice-code-sent = Код отправлен.
notice-code-late = Код может прийти с опозданием. Он действует десять минут.

ago-now = только что
ago-minutes = { $count ->
    [one] { $count } минуту назад
    [few] { $count } минуты назад
   *[many] { $count } минут назад
}
ago-hours = { $count ->
    [one] { $count } час назад
    [few] { $count } часа назад
   *[many] { $count } часов назад
}
ago-days = { $count ->
    [one] { $count } день назад
    [few] { $count } дня назад
   *[many] { $count } дней назад
}
month-1 = января
month-2 = февраля
month-3 = марта
month-4 = апреля
month-5 = мая
month-6 = июня
month-7 = июля
month-8 = августа
month-9 = сентября
month-10 = октября
month-11 = ноября
month-12 = декабря

# Страницы ошибок: что случилось в нескольких словах и что можно сделать; по причине, если о ней известно больше.
title-400 = Запрос не удалось прочитать
title-401 = Вы не вошли
title-403 = Нельзя
title-404 = Страница не найдена
title-405 = Не здесь
title-409 = Уже занято
title-413 = Слишком много
title-415 = Это не форма
title-422 = Чего-то не хватает
title-429 = Слишком много попыток
title-500 = Наша ошибка
title-503 = Скоро вернёмся
hint-400 = Если это повторится, удалите файлы cookie этого сайта.
hint-401 = Войдите и попробуйте ещё раз.
hint-403 = Обратитесь к тому, кому это разрешено.
hint-404 = Возможно, в адресе опечатка, или того, что здесь было, больше нет.
hint-405 = Вернитесь и попробуйте с той страницы, откуда пришли.
hint-409 = Выберите другое.
hint-413 = Отправьте меньше за один раз.
hint-415 = Вернитесь и воспользуйтесь формой на странице.
hint-422 = Вернитесь и заполните форму целиком.
hint-429 = Немного подождите. Ничего не потеряно.
hint-500 = Мы это записали. Попробуйте позже.
hint-503 = Никто из-за этого не вышел из системы. Загрузите страницу снова через несколько секунд.
hint-forbidden-form = Вернитесь, загрузите страницу заново и попробуйте ещё раз.
hint-forbidden-origin = Откройте страницу здесь и попробуйте ещё раз.
hint-not_found-telegram = Вернитесь и войдите другим способом.
way-home = На главную
way-login = Ко входу
way-again = Попробовать ещё раз
