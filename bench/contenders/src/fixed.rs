//! A static actix endpoint: the same bytes to everyone.

use actix_web::rt::System;
use actix_web::{App, HttpServer, web};

use crate::{Answering, Outcome, answer, listening};

pub(crate) fn serve(answering: &Answering) -> Outcome {
    let body = answering.body()?;
    let me = move || async move { answer::of_actix(body) };
    let server =
        HttpServer::new(move || App::new().route("/api/me", web::get().to(me))).bind(answering.address())?;
    server.addrs().into_iter().for_each(listening);
    Ok(System::new().block_on(server.run())?)
}
