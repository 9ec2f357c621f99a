//! What one writes by hand: the session out of Redis by deadpool-redis, then its user by diesel and r2d2.

use actix_web::cookie::Cookie;
use actix_web::error::{ErrorInternalServerError, ErrorUnauthorized};
use actix_web::rt::System;
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, web};
use deadpool_redis::redis::AsyncCommands;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use uuid::Uuid;

use crate::{Answering, Outcome, answer, listening};

const COOKIE: &str = "token";

diesel::table! {
    users (id) {
        id -> Uuid,
        email -> Nullable<Text>,
        version -> BigInt,
    }
}

#[derive(Clone)]
struct Stores {
    redis: deadpool_redis::Pool,
    postgres: Pool<ConnectionManager<PgConnection>>,
}

pub(crate) fn serve(answering: &Answering, redis_url: &str, database_url: String, user: Uuid) -> Outcome {
    let body = answering.body()?;
    let address = answering.address();
    let stores = web::Data::new(Stores {
        redis: deadpool_redis::Config::from_url(redis_url)
            .create_pool(Some(deadpool_redis::Runtime::Tokio1))?,
        postgres: Pool::new(ConnectionManager::new(database_url))?,
    });
    let me = move |request, stores| me(request, stores, body);
    let login = move |stores| login(stores, user);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(stores.clone())
            .route("/login", web::post().to(login))
            .route("/api/me", web::get().to(me))
    })
    .bind(address)?;
    server.addrs().into_iter().for_each(listening);
    Ok(System::new().block_on(server.run())?)
}

async fn login(stores: web::Data<Stores>, user: Uuid) -> Result<HttpResponse, Error> {
    let token = Uuid::new_v4().to_string();
    let mut redis = stores.redis.get().await.map_err(ErrorInternalServerError)?;
    let () = redis
        .set_ex(format!("hand:{token}"), user.to_string(), 3600)
        .await
        .map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::NoContent().cookie(Cookie::new(COOKIE, token)).finish())
}

async fn me(
    request: HttpRequest,
    stores: web::Data<Stores>,
    body: &'static [u8],
) -> Result<HttpResponse, Error> {
    let token = request.cookie(COOKIE).ok_or_else(|| ErrorUnauthorized("no token"))?;
    let mut redis = stores.redis.get().await.map_err(ErrorInternalServerError)?;
    let user: Option<String> =
        redis.get(format!("hand:{}", token.value())).await.map_err(ErrorInternalServerError)?;
    let user = user.and_then(|user| user.parse().ok()).ok_or_else(|| ErrorUnauthorized("no session"))?;
    let found = web::block(move || find(&stores.postgres, user))
        .await?
        .map_err(|error| ErrorInternalServerError(error.to_string()))?;
    found.ok_or_else(|| ErrorUnauthorized("no such user"))?;
    Ok(answer::of_actix(body))
}

type Row = (Uuid, Option<String>, i64);

fn find(postgres: &Pool<ConnectionManager<PgConnection>>, user: Uuid) -> Outcome<Option<Row>> {
    let mut connection = postgres.get()?;
    Ok(users::table.find(user).first(&mut connection).optional()?)
}
