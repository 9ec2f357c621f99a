//! A proxy as docs/forward-auth.md configures it: its addresses are changed, and nothing else.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use test_support::{Client, blocks, eventually, folder, has_tool, tally, tool};

const DOCUMENT: &str = "docs/forward-auth.md";
const START: Duration = Duration::from_secs(20);

/// Which proxy, and which of its configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    /// In front of admin-panel.
    NginxForStaff,
    Caddy,
    Traefik,
    Envoy,
}

/// A proxy that runs. It ends with this value.
pub(crate) struct Proxy {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Kind {
    /// Debian has no package of two of them; those are tried where somebody has put them.
    pub(crate) fn is_to_be_tried(self) -> bool {
        let optional = matches!(self, Self::Traefik | Self::Envoy);
        let is_here = !optional || has_tool(self.program());
        if !is_here {
            tally("Forward-auth, not tried since it is not here", self.program());
        }
        is_here
    }

    const fn program(self) -> &'static str {
        match self {
            Self::Nginx | Self::NginxForStaff => "nginx",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
            Self::Envoy => "envoy",
        }
    }

    /// The mark of its blocks in the document, and which of them it is.
    const fn block(self) -> (&'static str, usize) {
        match self {
            Self::Nginx => ("nginx", 0),
            Self::NginxForStaff => ("nginx", 1),
            Self::Caddy => ("caddyfile", 0),
            Self::Traefik => ("yaml", 0),
            Self::Envoy => ("yaml", 1),
        }
    }

    /// What the document says, at these ports.
    fn configuration(self, own: u16, identity: u16, application: u16) -> String {
        let (mark, position) = self.block();
        let text = blocks(DOCUMENT, mark)[position].commands.clone();
        let refused = format!("127.0.0.1:{}", free_port());
        let places = [
            ("listen 80;", format!("listen 127.0.0.1:{own};")),
            (":80 {", format!("http://127.0.0.1:{own} {{")),
            ("0.0.0.0, port_value: 80}", format!("127.0.0.1, port_value: {own}}}")),
            ("127.0.0.1:3000", format!("127.0.0.1:{identity}")),
            ("127.0.0.1:3001", format!("127.0.0.1:{identity}")),
            ("port_value: 3000", format!("port_value: {identity}")),
            ("127.0.0.1:8080", format!("127.0.0.1:{application}")),
            ("port_value: 8080", format!("port_value: {application}")),
            ("127.0.0.1:8403", refused),
        ];
        places.iter().fold(text, |text, (there, here)| text.replace(there, here))
    }

    /// The program with its configuration in a folder.
    fn command(self, folder: &Path, own: u16, configuration: &str) -> Command {
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("a configuration");
            path
        };
        let mut command = tool(self.program());
        match self {
            Self::Nginx | Self::NginxForStaff => {
                file("example.conf", configuration);
                command.args(["-e", "stderr", "-c"]).arg(file("nginx.conf", &around_nginx(folder)));
            }
            Self::Caddy => {
                let around = "{\n\tadmin off\n\tdefault_bind 127.0.0.1\n}\n";
                command.args(["run", "--adapter", "caddyfile", "--config"]);
                command.arg(file("Caddyfile", &format!("{around}{configuration}")));
                command.env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
            }
            Self::Traefik => {
                let file = file("example.yaml", configuration);
                command.arg(format!("--providers.file.filename={}", file.display()));
                command.arg(format!("--entrypoints.web.address=127.0.0.1:{own}"));
                command.args(["--entrypoints.web.http.aliasheadersstrategy=delete", "--log.level=ERROR"]);
                command.args(["--global.checknewversion=false", "--global.sendanonymoususage=false"]);
            }
            Self::Envoy => {
                command.arg("-c").arg(file("envoy.yaml", configuration));
                command.args(["--use-dynamic-base-id", "--concurrency", "1", "-l", "warning"]);
            }
        }
        command
    }
}

impl Proxy {
    /// Starts one between people, who ask it, an application of ours, which it asks, and somebody else's.
    #[track_caller]
    pub(crate) fn start(kind: Kind, identity: u16, application: u16) -> Self {
        // Somebody may take a free port before the proxy does.
        (0..5).find_map(|_| Self::try_start(kind, identity, application)).expect("a proxy that starts")
    }

    fn try_start(kind: Kind, identity: u16, application: u16) -> Option<Self> {
        let (folder, port) = (folder(), free_port());
        let configuration = kind.configuration(port, identity, application);
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let mut command = kind.command(folder.path(), port, &configuration);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        let child = command.spawn().expect("the proxy's process");
        let mut proxy = Self { child, port, _folder: folder };
        let client = proxy.anon();
        let listens = eventually(&format!("{kind:?} serves"), START, || {
            let ended = proxy.child.try_wait().ok().flatten().is_some();
            // Traefik listens before it knows where to send people.
            let page = client.request("GET", "/login").try_send();
            (ended || page.is_ok_and(|page| page.status == 200)).then_some(!ended)
        });
        assert!(listens || proxy.log().contains("in use"), "{kind:?}: {}", proxy.log());
        listens.then_some(proxy)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Somebody without a session.
    pub(crate) fn anon(&self) -> Client {
        Client::new(&self.base())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self._folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    #[expect(clippy::print_stderr, reason = "the runner shows it beside the test that failed")]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of the proxy ---\n{}", self.log());
        }
    }
}

/// What stands around a file of `conf.d`; one process, so that it ends whole.
fn around_nginx(folder: &Path) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}include {folder}/example.conf;\n}}\n"
    )
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("the port").port()
}
