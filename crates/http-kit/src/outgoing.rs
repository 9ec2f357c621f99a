//! What people are sent, and on which way it leaves.

use std::path::Path;

use constants::{ApplicationContext, lifetime};
use delivery::{Message, Outbox, Postman, Routes, SmtpUrl};
use session_management::{IssuedCode, Phone, SettingError};
use templates::Locale;

use crate::settings::{OUTBOX, Settings};

/// The postman of an application. What cannot be sent is said once, at the start.
///
/// # Errors
/// When a way cannot be used.
pub(crate) fn postman(context: ApplicationContext, settings: &Settings) -> Result<Postman, SettingError> {
    // Where nobody signs up, nothing is sent yet.
    if !context.application().sign_up {
        return Ok(Postman::none());
    }
    let routes = &settings.routes;
    if let (Some(folder), None) = (&routes.outbox, &routes.sms_gateway)
        // The default one is made when it is needed.
        && *folder != Path::new(OUTBOX)
        && let Err(error) = Outbox::new(folder.clone()).prepare()
    {
        let allowed = format!("a folder that can be written ({error})");
        return Err(SettingError::wrong("OUTBOX_DIR", &folder.display().to_string(), allowed));
    }
    announce(routes, settings);
    drop(std::thread::spawn(Phone::prepare));
    let smtp = routes.smtp.as_ref().map_or("", SmtpUrl::expose);
    Postman::new(routes)
        .map_err(|error| SettingError::wrong_url("SMTP_URL", smtp, format!("a mail server ({error})")))
}

fn announce(routes: &Routes, settings: &Settings) {
    match routes {
        Routes { sms_gateway: Some(gateway), .. } => log::info!("SMS go to {gateway:?}"),
        Routes { outbox: Some(folder), .. } => log::info!("SMS go into the folder {}", folder.display()),
        _ => log::warn!(
            "no SMS can be sent, since SMS_GATEWAY_URL is not set: POST /api/login/sms/request answers 503"
        ),
    }
    if settings.telegram.is_none() {
        log::info!("there is no login by Telegram, since TELEGRAM_BOT_TOKEN is not set");
    }
}

/// The message with a code, in the language of the one who asked for it.
pub(crate) fn code(issued: &IssuedCode, locale: Locale) -> Message {
    let code = issued.code.expose();
    let minutes = (lifetime::CODE.as_secs() / 60).to_string();
    let text = locale.text_with("sms-code", &[("code", code), ("minutes", &minutes)]);
    Message::sms(issued.phone.as_str(), text).with_code(code)
}
