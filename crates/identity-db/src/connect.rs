//! Opens the connection of the stream by the URL that libpq takes for the pool: TLS means the same in both.

use std::path::PathBuf;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use postgres_openssl::{MakeTlsConnector, TlsStream};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Connection, Socket};

use crate::stream::StreamError;

/// Parameters that libpq knows and that change nothing here: GSSAPI is not offered, the rest is cosmetic.
const WITHOUT_MEANING: [&str; 8] = [
    "client_encoding",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "krbsrvname",
    "sslcompression",
    "sslsni",
];

/// What libpq calls `sslrootcert=system`.
const SYSTEM: &str = "system";

/// Opens it, within so much time.
pub(crate) async fn connect(
    url: &str,
    patience: Duration,
) -> Result<(Client, Connection<Socket, TlsStream<Socket>>), StreamError> {
    let target = Target::parse(url)?;
    let tls = target.tls().map_err(|error| StreamError::Tls(error.to_string()))?;
    let mut config = target.config;
    let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(u32::MAX);
    if hosts > 1 && config.get_connect_timeout().is_none() {
        // One that does not answer leaves time for the others.
        config.connect_timeout(patience / (hosts + 1));
    }
    let connecting = async {
        let mut last = None;
        for mode in target.mode.attempts() {
            match config.ssl_mode(*mode).connect(tls.clone()).await {
                Ok(connected) => return Ok(connected),
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or(StreamError::Silent, StreamError::Connection))
    };
    tokio::time::timeout(patience, connecting).await.map_err(|_| StreamError::Silent)?
}

/// `sslmode`, as libpq documents it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "disable" => Self::Disable,
            "allow" => Self::Allow,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }

    /// What is tried, one after the other.
    const fn attempts(self) -> &'static [SslMode] {
        match self {
            Self::Disable => &[SslMode::Disable],
            Self::Allow => &[SslMode::Disable, SslMode::Require],
            Self::Prefer => &[SslMode::Prefer, SslMode::Disable],
            Self::Require | Self::VerifyCa | Self::VerifyFull => &[SslMode::Require],
        }
    }

    const fn verifies(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyFull)
    }
}

/// A URL, taken apart into what tokio-postgres knows and what is about TLS.
struct Target {
    config: Config,
    mode: Mode,
    /// Whose certificates are believed; by default a file in the home directory, if it is there.
    root: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

impl Target {
    fn parse(url: &str) -> Result<Self, StreamError> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut root, mut certificate, mut key) = (Mode::Prefer, None, None, None);
        let mut rest = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "sslmode" => {
                    mode = Mode::parse(&value).ok_or_else(|| StreamError::Url(format!("sslmode={value}")))?;
                }
                "sslrootcert" => root = Some(value.into_owned()),
                "sslcert" => certificate = Some(value.into_owned()),
                "sslkey" => key = Some(value.into_owned()),
                name if WITHOUT_MEANING.contains(&name) => {}
                name => {
                    rest.append_pair(name, &value);
                }
            }
        }
        // Spaces as libpq and tokio-postgres write them; a form has `+` for them.
        let rest = rest.finish().replace('+', "%20");
        let address = if rest.is_empty() { address.to_owned() } else { format!("{address}?{rest}") };
        let config = address.parse()?;
        Ok(Self { config, mode, root, certificate, key })
    }

    /// With a root certificate every mode checks the server's; `verify-full` its name as well.
    fn tls(&self) -> Result<MakeTlsConnector, ErrorStack> {
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        match self.root() {
            Some(root) if root == SYSTEM => {}
            Some(root) => {
                // That one alone, and none of the system's.
                builder.set_cert_store(X509StoreBuilder::new()?.build());
                builder.set_ca_file(root)?;
            }
            None => builder.set_verify(SslVerifyMode::NONE),
        }
        if let Some(certificate) = &self.certificate {
            builder.set_certificate_chain_file(certificate)?;
            builder.set_private_key_file(self.key.as_ref().unwrap_or(certificate), SslFiletype::PEM)?;
        }
        let mut connector = MakeTlsConnector::new(builder.build());
        let names_count = self.mode == Mode::VerifyFull || self.root.as_deref() == Some(SYSTEM);
        connector.set_callback(move |connection, _| {
            connection.set_verify_hostname(names_count);
            Ok(())
        });
        Ok(connector)
    }

    fn root(&self) -> Option<String> {
        if self.mode == Mode::Disable {
            return None;
        }
        let in_home = || {
            let path: PathBuf = std::env::home_dir()?.join(".postgresql/root.crt");
            (path.exists() || self.mode.verifies()).then(|| path.to_string_lossy().into_owned())
        };
        self.root.clone().or_else(in_home)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::for_all;

    use super::*;

    fn mode(url: &str) -> Mode {
        Target::parse(url).unwrap().mode
    }

    #[test]
    fn every_mode_of_libpq_is_known_and_nothing_else() {
        assert_eq!(mode("postgres://a@h/d"), Mode::Prefer);
        assert_eq!(mode("postgres://a@h/d?connect_timeout=5&sslmode=verify-full"), Mode::VerifyFull);
        assert_eq!(mode("postgres://a@h/d?sslmode=verify-ca&gssencmode=disable"), Mode::VerifyCa);
        assert!(matches!(Target::parse("postgres://a@h/d?sslmode=yes"), Err(StreamError::Url(_))));
        assert!(Target::parse("postgres://a@h/d?ssl_min_protocol_version=TLSv1.3").is_err());
    }

    #[test]
    fn what_is_not_about_tls_reaches_the_connection() {
        let url = "postgres://a:p%40ss@h:6000/d?application_name=my%20app&sslmode=disable&options=-c%20x%3D1";
        let config = Target::parse(url).unwrap().config;
        assert_eq!(config.get_application_name(), Some("my app"));
        assert_eq!(config.get_options(), Some("-c x=1"));
        assert_eq!(config.get_password(), Some(&b"p@ss"[..]));
        assert_eq!(config.get_ports(), [6000]);
    }

    #[test]
    fn a_mode_of_tls_that_is_asked_for_is_the_one_that_counts_whatever_stands_beside_it() {
        let modes =
            prop_oneof![Just("disable"), Just("require"), Just("verify-full"), Just("VERIFY-FULL"), Just("")];
        let other =
            "(sslcert|sslkey|application_name|connect_timeout|gssencmode|[a-z]{1,8})=[a-z0-9%+ /]{0,8}";
        let queries = (prop::collection::vec(other, 0..3), modes, prop::collection::vec(other, 0..3));
        for_all("DATABASE_URL, its TLS", queries, |(before, mode, after)| {
            let given = format!("sslmode={mode}");
            let query: Vec<&str> = before
                .iter()
                .map(String::as_str)
                .chain([given.as_str()])
                .chain(after.iter().map(String::as_str))
                .collect();
            let url = format!("postgres://me:pw@host.example:5432/db?{}", query.join("&"));
            match Target::parse(&url) {
                Ok(target) => prop_assert_eq!(Some(target.mode), Mode::parse(mode)),
                Err(refusal) => prop_assert!(!refusal.to_string().contains("pw@"), "{refusal}"),
            }
            Ok(())
        });
    }
}
