//! The first page: who you are, or where to go.

use actix_web::HttpResponse;
use http_kit::page::PageRequest;
use http_kit::{Current, name_of};
use session_management::Web;
use templates::page::{HomePage, Person};
use templates::{Locale, moment};

use session_management::User;

pub(crate) async fn show(page: PageRequest, current: Option<Current<Web>>) -> HttpResponse {
    let person = current.map(|current| person(current.principal.user(), page.locale()));
    page.show(&HomePage { frame: page.frame(), person })
}

fn person(user: &User, locale: Locale) -> Person {
    Person {
        name: name_of(user),
        email: user.email.clone(),
        phone: user.phone.clone(),
        telegram_id: user.telegram_id,
        is_verified: user.is_verified,
        since: moment(user.created_at, locale),
    }
}
