//! What `REDIS_URL` names: one server, a cluster, or a server that sentinels know.

use deadpool_redis::redis::sentinel::SentinelNodeConnectionInfo;
use deadpool_redis::redis::{ConnectionInfo, IntoConnectionInfo, TlsMode};
use url::Url;

/// The port of a sentinel that is named without one.
const SENTINEL_PORT: u16 = 26_379;

/// Where Redis is. Nothing of it is printed: it has passwords.
#[derive(Clone)]
pub(crate) enum RedisAddress {
    /// One server.
    One(ConnectionInfo),
    /// Some nodes of a cluster, by which the others are found.
    Cluster(Vec<ConnectionInfo>),
    /// A master by its name, and sentinels that know where it is.
    Sentinel { sentinels: Vec<ConnectionInfo>, master: String, node: SentinelNodeConnectionInfo },
}

/// The parts of a URL that names several hosts.
struct Parts<'a> {
    scheme: &'static str,
    login: &'a str,
    hosts: Vec<&'a str>,
    /// The URL with the first host alone.
    first: Url,
}

impl RedisAddress {
    /// What can be written.
    pub(crate) const ALLOWED: &str = "redis://host:port, redis+cluster://host:port,host:port or \
        redis+sentinel://host:port,host:port/master; with TLS rediss…";

    /// `None` when it is none of these forms.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        match scheme {
            "redis" | "rediss" => {
                let one = Url::parse(url).ok()?;
                one.host_str().filter(|host| !host.is_empty() && !host.contains(','))?;
                one.into_connection_info().ok().map(Self::One)
            }
            "redis+cluster" => Self::cluster(&Parts::of("redis", rest)?),
            "rediss+cluster" => Self::cluster(&Parts::of("rediss", rest)?),
            "redis+sentinel" => Self::sentinel(&Parts::of("redis", rest)?),
            "rediss+sentinel" => Self::sentinel(&Parts::of("rediss", rest)?),
            _ => None,
        }
    }

    /// A cluster has one database, whose number is 0.
    fn cluster(parts: &Parts<'_>) -> Option<Self> {
        matches!(parts.first.path(), "" | "/" | "/0").then_some(())?;
        let node = |host| parts.node(parts.login, host).into_connection_info().ok();
        parts.hosts.iter().map(|host| node(host)).collect::<Option<_>>().map(Self::Cluster)
    }

    /// The login in front of the hosts is for the servers; sentinels have one of their own.
    fn sentinel(parts: &Parts<'_>) -> Option<Self> {
        let mut path = parts.first.path_segments()?;
        let master = path.next().filter(|name| is_name(name))?.to_owned();
        let number = path.next().unwrap_or_default();
        path.next().is_none().then_some(())?;
        let server = format!("{}/{number}", parts.node(parts.login, parts.hosts.first()?));
        let server = server.into_connection_info().ok()?;
        let mut node =
            SentinelNodeConnectionInfo::default().set_redis_connection_info(server.redis_settings().clone());
        if parts.scheme == "rediss" {
            node = node.set_tls_mode(TlsMode::Secure);
        }
        let sentinels = parts.hosts.iter().map(|host| parts.as_sentinel(host)).collect::<Option<_>>()?;
        Some(Self::Sentinel { sentinels, master, node })
    }
}

impl<'a> Parts<'a> {
    fn of(scheme: &'static str, rest: &'a str) -> Option<Self> {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let hosts: Vec<&str> = hosts.split(',').collect();
        hosts.iter().all(|host| is_host(host)).then_some(())?;
        let first = Url::parse(&format!("{scheme}://{login}@{}{tail}", hosts.first()?)).ok()?;
        Some(Self { scheme, login, hosts, first })
    }

    fn node(&self, login: &str, host: &str) -> String {
        format!("{}://{login}@{host}", self.scheme)
    }

    fn as_sentinel(&self, host: &str) -> Option<ConnectionInfo> {
        let mut url = Url::parse(&self.node("", host)).ok()?;
        if url.port().is_none() {
            url.set_port(Some(SENTINEL_PORT)).ok()?;
        }
        for (name, value) in self.first.query_pairs() {
            match name.as_ref() {
                "sentinel_username" => url.set_username(&value).ok()?,
                "sentinel_password" => url.set_password(Some(&value)).ok()?,
                _ => return None,
            }
        }
        url.into_connection_info().ok()
    }
}

fn is_host(host: &str) -> bool {
    let url = Url::parse(&format!("redis://{host}"));
    url.is_ok_and(|url| url.host_str().is_some_and(|name| !name.is_empty()) && url.path().is_empty())
}

/// What sentinels take for a name.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use deadpool_redis::redis::ConnectionAddr;

    use super::*;

    #[track_caller]
    fn addresses(nodes: &[ConnectionInfo]) -> Vec<(String, u16)> {
        let address = |node: &ConnectionInfo| match node.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                (host.clone(), *port)
            }
            other => panic!("{other}"),
        };
        nodes.iter().map(address).collect()
    }

    fn places(places: &[(&str, u16)]) -> Vec<(String, u16)> {
        places.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect()
    }

    #[test]
    fn a_cluster_is_named_by_some_of_its_nodes_c9() {
        let Some(RedisAddress::Cluster(nodes)) =
            RedisAddress::parse("redis+cluster://me:p%40ss@a:1,b,[::1]:3/0")
        else {
            panic!("no cluster");
        };
        assert_eq!(addresses(&nodes), places(&[("a", 1), ("b", 6379), ("::1", 3)]));
        for node in &nodes {
            let login = node.redis_settings();
            assert_eq!((login.username(), login.password()), (Some("me"), Some("p@ss")));
        }
    }

    #[test]
    fn sentinels_have_a_login_of_their_own_c9() {
        let url = "redis+sentinel://:secret@a:1,b/my-master.1/2?sentinel_password=other";
        let Some(RedisAddress::Sentinel { sentinels, master, node: _ }) = RedisAddress::parse(url) else {
            panic!("no sentinels");
        };
        assert_eq!(addresses(&sentinels), places(&[("a", 1), ("b", 26_379)]));
        assert_eq!(master, "my-master.1");
        for sentinel in &sentinels {
            assert_eq!(sentinel.redis_settings().password(), Some("other"));
            assert_eq!(sentinel.redis_settings().db(), 0);
        }
        let Some(RedisAddress::Sentinel { sentinels, .. }) = RedisAddress::parse("redis+sentinel://:x@a/m")
        else {
            panic!("no sentinels");
        };
        assert_eq!(
            sentinels[0].redis_settings().password(),
            None,
            "the servers' password is not the sentinels'"
        );
    }

    #[test]
    fn what_names_no_redis_is_refused_c9() {
        for url in [
            "redis://",
            "redis://a,b",
            "redis://a/x",
            "http://a",
            "redis+cluster://",
            "redis+cluster://a,",
            "redis+cluster://a:port",
            "redis+cluster://a,b/1",
            "redis+cluster://a/master",
            "redis+sentinel://a,b",
            "redis+sentinel://a,b/",
            "redis+sentinel://a/my master",
            "redis+sentinel://a/master/x",
            "redis+sentinel://a/master/1/2",
            "redis+sentinel://a/master?password=x",
            "sentinel://a/master",
        ] {
            assert!(RedisAddress::parse(url).is_none(), "{url}");
        }
        for url in [
            "rediss://a",
            "rediss+cluster://a",
            "rediss+sentinel://a/m",
            "redis://a",
            "redis://:secret@a:1/3",
            "redis+cluster://a",
            "redis+sentinel://a/m/0",
        ] {
            assert!(RedisAddress::parse(url).is_some(), "{url}");
        }
    }
}
