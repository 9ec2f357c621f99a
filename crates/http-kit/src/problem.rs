//! Every error that a client sees: problem details (RFC 9457) with a stable code, mapped in one place.

use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LANGUAGE, LOCATION, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use delivery::DeliveryError;
use serde::Serialize;
use session_management::{Refusal, SessionError};
use templates::Locale;
use templates::page::ProblemPage;
use utoipa::ToSchema;

use crate::locale;
use crate::page::{self, Around};

/// How long a client waits before it asks an unavailable service again, in seconds.
const RETRY_SOON: u64 = 1;

/// How long a client waits before it asks for another message.
const GATEWAY_PAUSE: Duration = Duration::from_secs(5);

/// The stable codes of problems. Programs compare these; people read `detail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 400: the request cannot be read.
    MalformedRequest,
    /// 401: there is no live session.
    Unauthenticated,
    /// 401: a proof of identity was wrong, or the account is blocked.
    InvalidCredentials,
    /// 403: known, but not allowed; also a request from a foreign origin.
    Forbidden,
    /// 403: the act needs a proof of identity of the last five minutes.
    ReauthenticationRequired,
    /// 404.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 409: something of that name exists, or nobody would be left to administer.
    Conflict,
    /// 413: the body is over 64 KiB.
    PayloadTooLarge,
    /// 415: the body is not what the address takes: `application/json`, or of a page a form.
    UnsupportedMediaType,
    /// 422: readable, but not of the expected form.
    ValidationFailed,
    /// 429: too many attempts; `Retry-After` says when to come back.
    RateLimited,
    /// 500: a fault of ours.
    Internal,
    /// 503: a store gives no answer; nobody was logged out by it.
    Unavailable,
}

impl Code {
    const fn status(self) -> StatusCode {
        match self {
            Self::MalformedRequest => StatusCode::BAD_REQUEST,
            Self::Unauthenticated | Self::InvalidCredentials => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::ReauthenticationRequired => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::ValidationFailed => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The message that explains the code where nothing more is known.
    const fn message(self) -> &'static str {
        match self {
            Self::MalformedRequest => "malformed_request",
            Self::Unauthenticated => "unauthenticated",
            Self::InvalidCredentials => "invalid_credentials",
            Self::Forbidden => "forbidden",
            Self::ReauthenticationRequired => "reauthentication_required",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Conflict => "conflict-email",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::ValidationFailed => "validation_failed",
            Self::RateLimited => "rate_limited",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A problem on its way to the client.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    message: &'static str,
    retry_after: Option<u64>,
    locale: Locale,
    /// What stands around it where a person gets a page and not a program a document.
    page: Option<Box<Around>>,
}

/// A problem as the client reads it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDetails {
    /// Always `about:blank`: `code` says more.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What happened, in the language of `Accept-Language`.
    detail: String,
    /// What happened, for programs.
    code: Code,
}

impl Problem {
    /// A problem that its code explains.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self { code, message: code.message(), retry_after: None, locale: Locale::English, page: None }
    }

    /// The same with a message that says more.
    #[must_use]
    pub const fn because(mut self, message: &'static str) -> Self {
        self.message = message;
        self
    }

    /// The same in the language that the request asks for.
    #[must_use]
    pub fn for_request(mut self, request: &HttpRequest) -> Self {
        if page::is_for_page(request) {
            let around = Around::of(request);
            self.locale = around.frame.locale;
            self.page = Some(Box::new(around));
        } else {
            self.locale = locale::of(request);
        }
        self
    }

    /// The name of the message.
    pub(crate) const fn message(&self) -> &'static str {
        self.message
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The message in the language of the request.
    pub(crate) fn text(&self) -> String {
        self.locale.text(self.message)
    }

    /// Seconds after which the client may come back.
    pub(crate) const fn retry_seconds(&self) -> Option<u64> {
        self.retry_after
    }

    /// The same to a person: a page, or the way to the login.
    fn page_response(&self, around: &Around) -> HttpResponse<BoxBody> {
        if self.code == Code::Unauthenticated {
            return HttpResponse::SeeOther().insert_header((LOCATION, around.login())).finish();
        }
        let status = self.code.status();
        let text = |kind: &str| self.locale.text(&format!("{kind}-{}", status.as_u16()));
        let page = ProblemPage {
            frame: around.frame.clone(),
            status: status.as_u16(),
            title: text("title"),
            detail: self.text(),
            hint: self.locale.find(&format!("hint-{}", self.message)).unwrap_or_else(|| text("hint")),
            way_on: match (self.code, &around.again) {
                (Code::Unavailable | Code::Internal, Some(again)) => (again.to_string(), "way-again"),
                _ => ("/".to_owned(), "way-home"),
            },
        };
        page::render(status, &page)
    }

    fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait.as_secs().max(RETRY_SOON));
        self
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Unavailable(reason) => {
                log::warn!("unavailable: {reason}");
                Self::new(Code::Unavailable).retry_after(Duration::ZERO)
            }
            SessionError::Internal(reason) => {
                log::error!("internal error: {reason}");
                Self::new(Code::Internal)
            }
            SessionError::RateLimited(wait) => Self::new(Code::RateLimited).retry_after(wait),
            SessionError::InvalidCredentials => Self::new(Code::InvalidCredentials),
            SessionError::Forbidden => Self::new(Code::Forbidden).because("forbidden-application"),
            SessionError::Unauthenticated => Self::new(Code::Unauthenticated),
            SessionError::ReauthenticationRequired => Self::new(Code::ReauthenticationRequired),
            SessionError::Conflict => Self::new(Code::Conflict),
            SessionError::Refused(refusal) => match refusal {
                Refusal::NotPermitted => Self::new(Code::Forbidden),
                Refusal::HigherRole => Self::new(Code::Forbidden).because("forbidden-higher-role"),
                Refusal::MoreThanOwn => Self::new(Code::Forbidden).because("forbidden-more-than-own"),
                Refusal::LastAdmin => Self::new(Code::Conflict).because("conflict-last-admin"),
            },
            SessionError::NotOffered => Self::new(Code::NotFound).because("not_found-telegram"),
        }
    }
}

impl From<DeliveryError> for Problem {
    fn from(error: DeliveryError) -> Self {
        log::warn!("a message is not known to be sent: {error}");
        let message = match error {
            DeliveryError::Unknown(_) => "unavailable-sms-late",
            DeliveryError::NoWay(_) | DeliveryError::NotSent(_) => "unavailable-sms",
        };
        Self::new(Code::Unavailable).because(message).retry_after(GATEWAY_PAUSE)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let status = self.code.status();
        if let Some(around) = &self.page {
            let mut response = self.page_response(around);
            if let Some(seconds) = self.retry_after {
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            return response;
        }
        let mut response = HttpResponse::build(status);
        response.insert_header((CONTENT_LANGUAGE, self.locale.tag()));
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        let details = ProblemDetails {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.text(),
            code: self.code,
        };
        let body = serde_json::to_string(&details).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}

impl Responder for Problem {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<BoxBody> {
        self.for_request(request).error_response()
    }
}

/// Lets a handler's error learn of the request that it answers, which `ResponseError` never sees: in which language, and
/// whether by a page.
///
/// # Errors
/// The one that is given.
pub fn localized<T, E: Into<Problem>>(request: &HttpRequest, result: Result<T, E>) -> Result<T, Problem> {
    result.map_err(|error| error.into().for_request(request))
}
