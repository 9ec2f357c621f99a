//! Forward-auth: the request that a proxy asks about, and where its sender logs in.

use actix_web::http::header::{HeaderValue, LOCATION};
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use crate::page::{Next, OwnPath};
use crate::problem::Problem;

/// Where most proxies ask, with the request they ask about in headers.
pub(super) const VERIFY: &str = "/api/verify";

/// Where Envoy asks: by the method that it asks about, with the path behind ours.
pub(super) const VERIFY_BELOW: &str = "/api/verify/{path:.*}";

const FORWARDED_URI: &str = "x-forwarded-uri";
const FORWARDED_METHOD: &str = "x-forwarded-method";

/// Where a proxy that has nothing to say about an answer asks for a redirection, which it passes on.
const REDIRECT: &str = "login=redirect";

/// What the sender of a request that a proxy asks about is told, who is nobody. `None` for everybody who asks for
/// themselves: they get the problem alone.
///
/// A proxy sends a browser on as it stands here: few can encode a path for a query. Nobody needs to be believed for it,
/// since whatever they say it is our login page with a path of this site.
pub(crate) fn answer_nobody(request: &HttpRequest, problem: &Problem) -> Option<HttpResponse> {
    let wants_redirect = request.query_string().split('&').any(|pair| pair == REDIRECT);
    let login = login_of_asked(request)?;
    let mut answer =
        if wants_redirect { HttpResponse::SeeOther().finish() } else { problem.error_response() };
    answer.headers_mut().insert(LOCATION, HeaderValue::try_from(login).ok()?);
    Some(answer)
}

/// The login page and the way back.
fn login_of_asked(request: &HttpRequest) -> Option<String> {
    let below = request.uri().path_and_query()?.as_str().strip_prefix(VERIFY)?;
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let (method, asked) = if below.starts_with('/') {
        (request.method().as_str(), below)
    } else {
        (header(FORWARDED_METHOD).unwrap_or("GET"), header(FORWARDED_URI)?)
    };
    // What came by a form cannot be asked for again.
    let again = matches!(method, "GET" | "HEAD").then(|| OwnPath::parse(asked)).flatten();
    Some(Next::from(again).by("/login"))
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;
    use actix_web::test::TestRequest;

    use crate::problem::Code;

    use super::*;

    fn login(method: Method, path: &str, headers: &[(&str, &str)]) -> Option<String> {
        let request = TestRequest::with_uri(path).method(method);
        let request = headers.iter().fold(request, |request, header| request.append_header(*header));
        login_of_asked(&request.to_http_request())
    }

    #[test]
    fn a_proxy_is_told_the_way_to_the_login_and_back() {
        let asked = |uri| login(Method::GET, VERIFY, &[("X-Forwarded-Uri", uri)]);
        assert_eq!(
            asked("/reports/?from=a&to=b").as_deref(),
            Some("/login?next=%2Freports%2F%3Ffrom%3Da%26to%3Db")
        );
        for elsewhere in ["//evil.example/", "https://evil.example/", "/a\\b", "/login", "", "*"] {
            assert_eq!(asked(elsewhere).as_deref(), Some("/login"), "{elsewhere}");
        }
        let form = [("X-Forwarded-Uri", "/reports/"), ("X-Forwarded-Method", "POST")];
        assert_eq!(login(Method::GET, VERIFY, &form).as_deref(), Some("/login"));
    }

    #[test]
    fn envoy_asks_below_and_by_the_method_it_asks_about() {
        let path = "/api/verify/reports/?a=b&c";
        assert_eq!(login(Method::GET, path, &[]).as_deref(), Some("/login?next=%2Freports%2F%3Fa%3Db%26c"));
        assert_eq!(login(Method::POST, path, &[]).as_deref(), Some("/login"));
        let other = [("X-Forwarded-Uri", "/elsewhere")];
        assert_eq!(login(Method::GET, "/api/verify/", &other).as_deref(), Some("/login?next=%2F"));
    }

    #[test]
    fn who_asks_for_themselves_is_told_no_way() {
        let uri = [("X-Forwarded-Uri", "/reports/")];
        assert_eq!(login(Method::GET, VERIFY, &[]), None);
        assert_eq!(login(Method::GET, "/api/me", &uri), None);
    }

    #[test]
    fn a_proxy_that_passes_answers_on_may_ask_for_a_redirection() {
        let answer = |path: &str| {
            let request = TestRequest::with_uri(path).append_header(("X-Forwarded-Uri", "/reports/"));
            answer_nobody(&request.to_http_request(), &Problem::new(Code::Unauthenticated)).unwrap()
        };
        for (path, status) in
            [("/api/verify?login=redirect", 303), (VERIFY, 401), ("/api/verify?login=x", 401)]
        {
            let answer = answer(path);
            assert_eq!(answer.status().as_u16(), status, "{path}");
            assert_eq!(answer.headers().get(LOCATION).unwrap(), "/login?next=%2Freports%2F");
        }
    }
}
