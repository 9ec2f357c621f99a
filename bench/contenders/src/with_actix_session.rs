//! actix-session with its Redis store, as its documentation sets it up.

use actix_session::config::{BrowserSession, PersistentSession, SessionLifecycle, TtlExtensionPolicy};
use actix_session::storage::RedisSessionStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::rt::System;
use actix_web::{App, Error, HttpResponse, HttpServer, web};
use uuid::Uuid;

use crate::{Answering, Outcome, answer, listening};

const USER: &str = "user_id";

/// With `sliding`, a session that is used ends later, as the ones of web do; without, when its time is over.
pub(crate) fn serve(answering: &Answering, redis_url: &str, sliding: bool) -> Outcome {
    let body = answering.body()?;
    let address = answering.address();
    System::new().block_on(async move {
        let store = RedisSessionStore::new(redis_url).await.map_err(|error| error.to_string())?;
        let key = Key::generate();
        let me = move |session: Session| async move {
            Ok::<_, Error>(match session.get::<Uuid>(USER)? {
                Some(_) => answer::of_actix(body),
                None => HttpResponse::Unauthorized().finish(),
            })
        };
        let server = HttpServer::new(move || {
            App::new()
                .wrap(
                    SessionMiddleware::builder(store.clone(), key.clone())
                        .session_lifecycle(lifecycle(sliding))
                        .cookie_secure(false)
                        .build(),
                )
                .route("/login", web::post().to(login))
                .route("/api/me", web::get().to(me))
        })
        .bind(address)?;
        server.addrs().into_iter().for_each(listening);
        Ok(server.run().await?)
    })
}

async fn login(session: Session) -> Result<HttpResponse, Error> {
    session.insert(USER, Uuid::new_v4())?;
    Ok(HttpResponse::NoContent().finish())
}

fn lifecycle(sliding: bool) -> SessionLifecycle {
    if sliding {
        let on_every_request = TtlExtensionPolicy::OnEveryRequest;
        PersistentSession::default().session_ttl_extension_policy(on_every_request).into()
    } else {
        BrowserSession::default().into()
    }
}
