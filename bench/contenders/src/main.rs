//! What `GET /api/me` is measured against, each a server of its own, and the tools of the measurement.

mod answer;
mod bare_argon2;
mod crowd;
mod drive;
mod fixed;
mod hand_written;
mod with_actix_session;
mod with_tower_sessions;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

/// The result of everything here: a measurement that fails says why and ends.
type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answers with fixed bytes: what the framework costs by itself.
    Static(Answering),
    /// actix-session with its Redis store.
    ActixSession {
        #[command(flatten)]
        answering: Answering,
        #[arg(long, env = "REDIS_URL")]
        redis_url: String,
        /// Each use moves a session's end.
        #[arg(long)]
        sliding: bool,
    },
    /// axum with tower-sessions and its Redis store.
    TowerSessions {
        #[command(flatten)]
        answering: Answering,
        #[arg(long, env = "REDIS_URL")]
        redis_url: String,
    },
    /// A session read by deadpool-redis, then its user by diesel and r2d2.
    HandRedisPostgres {
        #[command(flatten)]
        answering: Answering,
        #[arg(long, env = "REDIS_URL")]
        redis_url: String,
        #[arg(long, env = "DATABASE_URL")]
        database_url: String,
        /// The person who is logged in by /login.
        #[arg(long)]
        user: Uuid,
    },
    /// Sends so many GET requests one after the other on one connection; every answer must be 200.
    Drive {
        address: SocketAddr,
        path: String,
        count: u32,
        /// The `Cookie` header.
        #[arg(default_value = "")]
        cookie: String,
    },
    /// Asks with very many sessions, or logs very many people in, of those that `scripts/bench scale` makes.
    Crowd(crowd::Crowd),
    /// Compares passwords on all cores for so many seconds, and prints how many a second.
    Argon2 { seconds: f64 },
}

/// What a server listens on and answers.
#[derive(Debug, Args)]
struct Answering {
    /// 0 takes a free one, which is printed.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The file with the body that every contender answers.
    #[arg(long)]
    body: PathBuf,
}

impl Answering {
    fn address(&self) -> (Ipv4Addr, u16) {
        (Ipv4Addr::LOCALHOST, self.port)
    }

    /// The body, which lives as long as the process.
    fn body(&self) -> Outcome<&'static [u8]> {
        Ok(std::fs::read(&self.body)?.leak())
    }
}

fn listening(address: SocketAddr) {
    println!("listening on http://{address}");
}

fn main() -> Outcome {
    match Arguments::parse().command {
        Command::Static(answering) => fixed::serve(&answering),
        Command::ActixSession { answering, redis_url, sliding } => {
            with_actix_session::serve(&answering, &redis_url, sliding)
        }
        Command::TowerSessions { answering, redis_url } => with_tower_sessions::serve(&answering, &redis_url),
        Command::HandRedisPostgres { answering, redis_url, database_url, user } => {
            hand_written::serve(&answering, &redis_url, database_url, user)
        }
        Command::Drive { address, path, count, cookie } => drive::drive(address, &path, count, &cookie),
        Command::Crowd(crowd) => crowd::ask(&crowd),
        Command::Argon2 { seconds } => bare_argon2::measure(seconds),
    }
}
