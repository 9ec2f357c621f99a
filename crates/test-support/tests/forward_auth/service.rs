//! The example in Python, as its page tells people to start it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use test_support::{file_of_ours, tool};

/// The example. It ends with this value.
pub(crate) struct PythonService {
    child: Child,
    port: u16,
}

impl PythonService {
    pub(crate) fn start() -> Self {
        let mut command = tool("python3");
        command.arg(file_of_ours("examples/python-service/reports.py")).arg("0");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the example's process");
        let mut line = String::new();
        let said = BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line);
        said.expect("the example says where it listens");
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        Self { child, port: port.unwrap_or_else(|| panic!("no port in {line:?}")) }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for PythonService {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
