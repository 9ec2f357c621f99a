//! The OpenAPI document of an application: the shared part and what the application adds.

use std::collections::BTreeMap;

use constants::{AppScope, cookie};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Info, OpenApi as Document, Ref, RefOr, Response};
use utoipa::{IntoResponses, OpenApi, ToResponse};

use crate::problem::{Code, ProblemDetails};
use crate::{account, probe};

/// A problem (RFC 9457).
#[derive(ToResponse)]
#[response(description = "A problem; `code` says which", content_type = "application/problem+json")]
pub struct Failure(#[expect(dead_code, reason = "read by the document alone")] ProblemDetails);

/// The problems of every address behind the gate: a token twice, nobody, somebody who may not, no store that could tell.
#[derive(Debug)]
pub struct Gated;

/// The problems of every request with a body: unreadable, from elsewhere, too large, of another type, of another form.
#[derive(Debug)]
pub struct WithBody;

impl IntoResponses for Gated {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        failures(["400", "401", "403", "503"])
    }
}

impl IntoResponses for WithBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        failures(["400", "403", "413", "415", "422"])
    }
}

fn failures<const COUNT: usize>(statuses: [&str; COUNT]) -> BTreeMap<String, RefOr<Response>> {
    statuses.map(|status| (status.to_owned(), Ref::from_response_name("Failure").into())).into()
}

#[derive(OpenApi)]
#[openapi(
    paths(
        account::log_in,
        account::log_out,
        account::me,
        account::verify,
        account::list_sessions,
        account::end_session,
        account::revoke_others,
        account::change_password,
        account::reauthenticate,
        probe::healthz,
        probe::readyz,
        probe::metrics,
    ),
    components(responses(Failure), schemas(ProblemDetails, Code)),
    tags(
        (name = "account", description = "Logging in and out, who am I, my password"),
        (name = "sessions", description = "A person's devices"),
        (name = "preferences", description = "How a person wants the pages"),
        (name = "operations", description = "For operators"),
    )
)]
struct Shared;

/// The whole document of an application; `own` is what it adds to the shared part.
#[must_use]
pub fn document(scope: AppScope, own: Document) -> Document {
    let mut document = Shared::openapi();
    document.merge(own);
    document.info = Info::new(format!("{scope} API"), env!("CARGO_PKG_VERSION").to_owned());
    let components = document.components.get_or_insert_default();
    let name = cookie::session(scope.context());
    let described = ApiKeyValue::with_description(name, "With the prefix __Host- in production");
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(described)));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    document
}
