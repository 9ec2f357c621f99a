//! Starts an application, and ends it in order.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App as ActixApp, HttpServer, web};
use clap::Parser;
use constants::{ApplicationContext, MigrationStrategy};
use session_management::{
    AppContext, CleanupProbe, Faults, SessionError, SessionService, UserManager, UserManagerFactory,
    web_store,
};
use tokio::sync::watch;

use crate::app::App;
use crate::drain::Draining;
use crate::front::Front;
use crate::metrics::Metrics;
use crate::settings::{Arguments, Settings, SettingsError};
use crate::{health_check, openapi, outgoing, routes};

/// Seconds that running requests get to finish when the process is told to end.
const SHUTDOWN_SECONDS: u64 = 5;

#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{0}")]
    Setting(#[from] SettingsError),
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{0}")]
    Stores(#[from] Faults),
    #[error("{0}")]
    Metrics(#[from] prometheus::Error),
    #[error("{variable}={port} cannot be used ({source}); allowed: a port that is free on {address}")]
    Listen { variable: &'static str, port: u16, address: std::net::IpAddr, source: std::io::Error },
    #[error("{0}")]
    Server(#[from] std::io::Error),
}

/// Runs an application until it is told to end; this is the whole `main` of an application.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the log is not set up yet")]
pub fn run<C: AppContext>(app: App<C>) -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.openapi {
        let document = openapi::document(app.scope, (app.document)());
        println!("{}", document.to_pretty_json().unwrap_or_default());
        return ExitCode::SUCCESS;
    }
    if arguments.routes {
        let document = openapi::document(app.scope, (app.document)());
        routes::list(&app, &document).iter().for_each(|route| println!("{route}"));
        return ExitCode::SUCCESS;
    }
    let settings = match Settings::check(C::CONTEXT, &arguments) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{}: {error}", app.scope);
            return ExitCode::FAILURE;
        }
    };
    if arguments.check_health {
        return if health_check::is_ready(settings.port) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    start_log(settings.is_production());
    let scope = app.scope;
    match actix_web::rt::System::new().block_on(serve(app, settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{scope}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Development shows each look-up; `RUST_LOG` overrides either default.
fn start_log(is_production: bool) {
    let lookups = if is_production { "info" } else { "debug" };
    let default = format!("info,actix_server=warn,{}={lookups}", session_management::LOOKUP_LOG_TARGET);
    let mut builder = env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(default));
    // At trace level these print what goes over the wire, and a message on its way to a gateway is a secret.
    for module in ["ureq", "ureq_proto"] {
        builder.filter_module(module, log::LevelFilter::Warn);
    }
    builder.init();
}

async fn serve<C: AppContext>(app: App<C>, settings: Settings) -> Result<(), StartError> {
    let factory = UserManagerFactory::default();
    let manager = factory.create(&settings.manager)?;
    // What is kept beside the sessions is web's own.
    let web_store = (C::CONTEXT == ApplicationContext::Web)
        .then(|| factory.create_web_store(settings.manager.strategy, settings.web_database.as_ref()))
        .transpose()?;
    manager.examine().await?;
    let service = SessionService::new(Arc::clone(&manager), settings.limits)?;
    let service = service.with_telegram(settings.telegram.clone());
    let postman = web::Data::new(outgoing::postman(C::CONTEXT, &settings)?);
    let metrics = web::Data::new(Metrics::new(app.scope)?);
    let cleanup = web::Data::new(CleanupProbe::of(&settings.manager)?);
    let (port, address, variable) = (settings.port, settings.address, settings.port_variable);
    if settings.manager.strategy == MigrationStrategy::MockOnly {
        log::warn!("everything is in the memory of this process and is gone when it ends");
        // With a database another strategy may have been set, and then there is somebody.
        let is_empty = matches!(manager.count().await, Ok(0));
        if let (true, true, Some((email, password))) =
            (C::CONTEXT.application().staff_only, is_empty, settings.demo_admin.clone())
        {
            service.create_first_admin(email, password).await?;
        }
    }
    let settings = web::Data::new(settings);
    let service = web::Data::new(service);
    let document = openapi::document(app.scope, (app.document)());
    let followed = web_store.clone();
    let app = Arc::new(app);
    let described = Arc::clone(&app);
    let draining = Draining::default();
    let (drain, told) = (settings.drain, draining.clone());
    let server = HttpServer::new(move || {
        ActixApp::new()
            .configure(|config| {
                if let Some(store) = &web_store {
                    config.app_data(web::Data::new(Arc::clone(store)));
                }
            })
            .app_data(settings.clone())
            .app_data(service.clone())
            .app_data(postman.clone())
            .app_data(metrics.clone())
            .app_data(cleanup.clone())
            .app_data(web::Data::new(draining.clone()))
            .wrap(Front::<C>::new(settings.clone(), service.clone(), metrics.clone(), draining.clone()))
            .configure(|config| drop(routes::register(config, &described, &document)))
    })
    .disable_signals()
    .shutdown_timeout(SHUTDOWN_SECONDS)
    .bind((address, port))
    .map_err(|source| StartError::Listen { variable, port, address, source })?;
    for address in server.addrs() {
        log::info!("{} is listening on http://{address}", app.scope);
    }
    let server = server.run();
    let (stop, stopped) = watch::channel(false);
    let listener = Arc::clone(&manager);
    let listening = tokio::spawn(async move { listener.follow_denials().await });
    let following = followed.map(|store| tokio::spawn(web_store::keep_current(store, Arc::clone(&manager))));
    let upkeep = tokio::spawn(maintain(manager, stopped));
    actix_web::rt::spawn(stop_on_signal(server.handle(), told, drain));
    let ended = server.await;
    let _ = stop.send(true);
    let _ = upkeep.await;
    listening.abort();
    if let Some(following) = following {
        following.abort();
    }
    log::info!("{} has ended", app.scope);
    Ok(ended?)
}

/// Does what is due between requests, and once more at the end.
async fn maintain(manager: Arc<dyn UserManager>, mut stopped: watch::Receiver<bool>) {
    loop {
        let pause = manager.maintain().await;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    manager.maintain().await;
    manager.leave().await;
}

/// Says at once that it is not ready, goes on until load balancers have heard it, and ends when what runs has ended. A
/// second signal ends the wait.
async fn stop_on_signal(server: ServerHandle, draining: Draining, drain: Duration) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        log::error!("signals cannot be received; only SIGKILL ends this process");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    draining.begin();
    if !drain.is_zero() {
        log::info!("told to end: not ready any more, and answering for another {drain:?}");
        tokio::select! {
            () = tokio::time::sleep(drain) => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    log::info!("ending");
    server.stop(true).await;
}
