//! axum with tower-sessions and its Redis store, as its documentation sets it up.

use axum::Router;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use tower_sessions::{Session, SessionManagerLayer};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};
use uuid::Uuid;

use crate::{Answering, Outcome, answer, listening};

const USER: &str = "user_id";
const CONNECTIONS: usize = 6;

pub(crate) fn serve(answering: &Answering, redis_url: &str) -> Outcome {
    let body = answering.body()?;
    let address = answering.address();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async move {
        let redis = Pool::new(Config::from_url(redis_url)?, None, None, None, CONNECTIONS)?;
        redis.connect();
        redis.wait_for_connect().await?;
        let sessions = SessionManagerLayer::new(RedisStore::new(redis)).with_secure(false);
        let me = move |session: Session| me(session, body);
        let app = Router::new().route("/login", post(login)).route("/api/me", get(me)).layer(sessions);
        let listener = tokio::net::TcpListener::bind(address).await?;
        listening(listener.local_addr()?);
        Ok(axum::serve(listener, app).await?)
    })
}

async fn login(session: Session) -> StatusCode {
    match session.insert(USER, Uuid::new_v4()).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn me(session: Session, body: &'static [u8]) -> Result<Response<Body>, StatusCode> {
    let user = session.get::<Uuid>(USER).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    user.ok_or(StatusCode::UNAUTHORIZED)?;
    let answer = answer::HEADERS
        .into_iter()
        .fold(Response::builder(), |answer, (name, value)| answer.header(name, value));
    answer.body(body.into()).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
