//! The files that pages load. Their address names their content, so nobody asks for one twice.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use templates::asset;

use crate::problem::{Code, Problem};

pub(super) async fn asset(
    request: HttpRequest,
    place: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (version, name) = place.into_inner();
    let found = asset::find(&version, &name);
    let asset = found.ok_or_else(|| Problem::new(Code::NotFound).for_request(&request))?;
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.body))
}
