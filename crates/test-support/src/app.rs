//! An application as its users meet it: the built program, in a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use constants::{AppScope, Application, cookie};
use rustix::process::{Pid, Signal, kill_process};

use crate::actor::Actor;
use crate::command::bare_command;
use crate::http::{Client, Response};
use crate::lint::{self, Site};
use crate::{TestDatabase, TestRedis, eventually};

const START: Duration = Duration::from_secs(20);

/// A database, a Redis and an application on them, by the name of its folder.
#[must_use]
pub fn stack(name: &'static str) -> (TestDatabase, TestRedis, App) {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let app = App::builder(name).database(&database).redis(&redis).start();
    (database, redis, app)
}

/// A running application. It is killed with this value.
pub struct App {
    name: &'static str,
    child: Mutex<Child>,
    log: Arc<Mutex<String>>,
    readers: Mutex<Vec<JoinHandle<()>>>,
    port: u16,
    cookie: String,
}

/// How an application is to be started.
#[derive(Clone)]
pub struct AppBuilder {
    name: &'static str,
    program: PathBuf,
    cookie: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    ready: &'static str,
}

/// What a program that did not start left behind.
#[derive(Debug)]
pub struct Failed {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it wrote.
    pub log: String,
}

impl App {
    /// Begins to describe one, by the name of its folder.
    #[must_use]
    pub fn builder(name: &'static str) -> AppBuilder {
        let Application { port, cookies, .. } = application(name);
        Self::built_elsewhere(name, &program(name), port.variable, cookies.session)
    }

    /// Begins to describe one that this build need not know: its program, the variable of its port, and the name of its
    /// session cookie.
    #[must_use]
    pub fn built_elsewhere(name: &'static str, program: &Path, port: &str, cookie: &str) -> AppBuilder {
        AppBuilder {
            name,
            program: program.to_owned(),
            cookie: cookie.to_owned(),
            arguments: Vec::new(),
            environment: vec![(port.to_owned(), "0".to_owned())],
            ready: "/readyz",
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port on which it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The name of its session cookie.
    #[must_use]
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// What it wrote until now. The last lines may still be on their way; after [`App::terminate`] none is.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until its caches may answer: until it hears of revocations.
    pub fn wait_for_lease(&self) {
        eventually(&format!("{} holds a lease", self.name), START, || {
            (self.anon().get("/readyz").json()["lease"] == "up").then_some(())
        });
    }

    /// Someone without a session.
    #[must_use]
    pub fn anon(&self) -> Client {
        Client::new(&self.base())
    }

    /// Someone who sends this token in the application's cookie.
    #[must_use]
    pub fn with_cookie(&self, token: &str) -> Client {
        let client = self.anon();
        client.add_cookie(&self.cookie, token);
        client
    }

    /// Someone who sends this token as a Bearer header.
    #[must_use]
    pub fn with_bearer(&self, token: &str) -> Client {
        self.anon().with_header("Authorization", &format!("Bearer {token}"))
    }

    /// A new person. Panics when they are refused.
    #[must_use]
    #[track_caller]
    pub fn register(&self, email: &str, password: &str) -> Actor {
        let client = self.anon();
        let answer = client.post("/api/register", &serde_json::json!({"email": email, "password": password}));
        self.actor(client, &answer)
    }

    /// A person on a further device. Panics when they are refused.
    #[must_use]
    #[track_caller]
    pub fn log_in(&self, email: &str, password: &str) -> Actor {
        let client = self.anon();
        let answer = client.log_in(email, password);
        self.actor(client, &answer)
    }

    /// The person whom `client` has just become by `answer`.
    #[must_use]
    #[track_caller]
    pub fn actor(&self, client: Client, answer: &Response) -> Actor {
        Actor::new(&self.base(), client, answer, &self.cookie)
    }

    /// Asks it to end (SIGTERM) and returns its exit code; its log is complete then.
    pub fn terminate(&self) -> Option<i32> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = kill_process(Pid::from_child(&child), Signal::TERM);
        let status =
            eventually("the application ends after SIGTERM", START, || child.try_wait().ok().flatten());
        let readers = std::mem::take(&mut *self.readers.lock().unwrap_or_else(PoisonError::into_inner));
        readers.into_iter().for_each(|reader| reader.join().expect("the rest of the log"));
        status.code()
    }

    /// Kills it (SIGKILL), as a machine that goes down would.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Whether its process is there.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(child.try_wait(), Ok(None))
    }

    fn wait_until_it_listens(&self) -> u16 {
        eventually(&format!("{} says where it listens", self.name), START, || {
            let ended = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait().ok().flatten();
            let log = self.log();
            assert!(ended.is_none(), "{} has ended, {}", self.name, ended.unwrap_or_default());
            let rest = log.split_once("listening on http://")?.1;
            // A line that is still being written names no port yet.
            let (address, _) = rest.split_once('\n')?;
            address.trim().rsplit(':').next()?.parse().ok()
        })
    }
}

impl Drop for App {
    #[expect(clippy::print_stderr, reason = "the runner shows it beside the test that failed")]
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
        if std::thread::panicking() {
            eprintln!(
                "--- log of {} ---\n{}",
                self.name,
                self.log.lock().unwrap_or_else(PoisonError::into_inner)
            );
        }
        lint::conclude();
    }
}

impl AppBuilder {
    /// With this database, as the applications' role.
    #[must_use]
    pub fn database(self, database: &TestDatabase) -> Self {
        self.env("DATABASE_URL", &database.url())
    }

    /// With this Redis.
    #[must_use]
    pub fn redis(self, redis: &TestRedis) -> Self {
        self.env("REDIS_URL", &redis.url())
    }

    /// With this variable in its environment, instead of an earlier one of the same name.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a variable that an earlier call has set.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    /// With this argument.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Counts as started when it lives, also while its stores are away.
    #[must_use]
    pub fn without_stores(mut self) -> Self {
        self.ready = "/healthz";
        self
    }

    /// Starts it and waits until it is ready. Panics with its log when it does not get so far.
    #[must_use]
    pub fn start(self) -> App {
        let production =
            self.environment.iter().any(|(name, value)| name == "APP_ENV" && value == "production");
        let (name, ready) = (self.name, self.ready);
        let prefix = if production { cookie::HOST_PREFIX } else { "" };
        let cookie = format!("{prefix}{}", self.cookie);
        let (child, log, readers) = self.spawn();
        let mut app =
            App { name, child: Mutex::new(child), log, readers: Mutex::new(readers.into()), port: 0, cookie };
        app.port = app.wait_until_it_listens();
        lint::register(app.port, Site { name, production });
        let client = app.anon();
        eventually(&format!("{name} answers {ready}"), START, || {
            client.request("GET", ready).try_send().ok().filter(|answer| answer.status == 200)
        });
        app
    }

    /// Starts it and waits until it ends by itself, as after a wrong setting.
    #[must_use]
    pub fn start_and_fail(self) -> Failed {
        let name = self.name;
        let (mut child, log, readers) = self.spawn();
        let log = || log.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = eventually(&format!("{name} ends by itself"), START, || {
            // One that listens has started after all; without this it would outlive the test.
            if log().contains("listening on http://") {
                let _ = child.kill();
                panic!("{name} started, with this log: {}", log());
            }
            child.try_wait().ok().flatten()
        });
        readers.into_iter().for_each(|reader| reader.join().expect("the rest of the log"));
        Failed { code: status.code(), log: log() }
    }

    fn spawn(self) -> (Child, Arc<Mutex<String>>, [JoinHandle<()>; 2]) {
        let mut command = bare_command(&self.program);
        command.args(&self.arguments).envs(self.environment);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the application's process");
        let log = Arc::default();
        let readers = [collect(child.stdout.take(), &log), collect(child.stderr.take(), &log)];
        (child, log, readers)
    }
}

/// What is fixed about the application of this name.
fn application(name: &str) -> &'static Application {
    name.parse::<AppScope>()
        .unwrap_or_else(|error| panic!("no application is called {name}, but {error}"))
        .application()
}

fn collect(pipe: Option<impl Read + Send + 'static>, log: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let (pipe, log) = (pipe.expect("a pipe"), Arc::clone(log));
    std::thread::spawn(move || {
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            log.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

/// The program that cargo built beside this test.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let deps = test.parent().expect("the folder of this test");
    let program = deps.parent().expect("the folder of the programs").join(name);
    assert!(
        program.exists(),
        "{} is not built: run scripts/test, or cargo build -p {name}",
        program.display()
    );
    program
}
