//! How a connection is opened and a command sent, for each kind of Redis.

use std::sync::Arc;
use std::time::Duration;

use constants::redis::REQUEST_BUDGET;
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::cluster::{ClusterClient, ClusterClientBuilder};
use deadpool_redis::redis::cluster_async::ClusterConnection;
use deadpool_redis::redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use deadpool_redis::redis::sentinel::{SentinelClient, SentinelServerType};
use deadpool_redis::redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind, Value,
    from_redis_value,
};
use deadpool_redis::{Manager, Pool, Runtime};
use tokio::sync::Mutex;

use super::address::RedisAddress;

/// How long a server is given to take a connection.
const CONNECT: Duration = Duration::from_millis(500);

/// After how long a node of a cluster counts as gone: while a command could still go on elsewhere.
const NODE: Duration = Duration::from_millis(40);

/// Between tries of a command in a cluster, in milliseconds.
const BETWEEN_TRIES: (u64, u64) = (2, 10);

/// The way to Redis.
#[derive(Clone)]
pub(super) enum Way {
    One(Pool),
    Cluster(Arc<ClusterClient>),
    Sentinel(Arc<Mutex<SentinelClient>>),
}

/// An open connection. Cloning shares it.
#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Way {
    /// Prepares the way; nothing is connected.
    pub(super) fn to(address: RedisAddress, retries: u32) -> Result<Self, String> {
        match address {
            RedisAddress::One(server) => {
                let manager = Manager::new_with_config(server, timing()).map_err(text)?;
                let pool = Pool::builder(manager).runtime(Runtime::Tokio1).build().map_err(text)?;
                Ok(Self::One(pool))
            }
            RedisAddress::Cluster(nodes) => {
                let (least, most) = BETWEEN_TRIES;
                let client = ClusterClientBuilder::new(nodes)
                    .connection_timeout(CONNECT)
                    .response_timeout(NODE)
                    .overall_response_timeout(None)
                    .retries(retries)
                    .min_retry_wait(least)
                    .max_retry_wait(most);
                Ok(Self::Cluster(Arc::new(client.build().map_err(text)?)))
            }
            RedisAddress::Sentinel { sentinels, master, node } => {
                let client = SentinelClient::build(sentinels, master, Some(node), SentinelServerType::Master);
                Ok(Self::Sentinel(Arc::new(Mutex::new(client.map_err(text)?))))
            }
        }
    }

    pub(super) async fn open(&self) -> Result<Connection, String> {
        match self {
            Self::One(pool) => {
                let pooled = pool.get().await.map_err(text)?;
                Ok(Connection::One(deadpool_redis::Connection::take(pooled)))
            }
            Self::Cluster(client) => {
                client.get_async_connection().await.map(Connection::Cluster).map_err(text)
            }
            // The sentinels are asked each time: whoever was the master may be none now.
            Self::Sentinel(client) => {
                let master = client.lock().await.async_get_client().await.map_err(text)?;
                let connection = master.get_multiplexed_async_connection_with_config(&timing()).await;
                connection.map(Connection::One).map_err(text)
            }
        }
    }

    /// Whether a new connection may do what this one did not.
    pub(super) fn is_worth_another_try(&self, error: &RedisError) -> bool {
        let is_demoted = || {
            let kinds = [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown];
            matches!(error.kind(), ErrorKind::Server(kind) if kinds.contains(&kind))
        };
        let is_broken = error.is_io_error() || error.is_connection_dropped();
        is_broken || (matches!(self, Self::Sentinel(_)) && is_demoted())
    }
}

impl Connection {
    /// Sends a command: in a cluster to where its keys are, or to the master of a slot.
    pub(super) async fn query<T: FromRedisValue>(
        &mut self,
        command: &Cmd,
        slot: Option<u16>,
    ) -> RedisResult<T> {
        match (self, slot) {
            (Self::One(connection), _) => command.query_async(connection).await,
            (Self::Cluster(connection), None) => command.query_async(connection).await,
            (Self::Cluster(connection), Some(slot)) => {
                let master = SingleNodeRoutingInfo::SpecificNode(Route::new(slot, SlotAddr::Master));
                let answer =
                    connection.route_command(command.clone(), RoutingInfo::SingleNode(master)).await?;
                Ok(from_redis_value(answer)?)
            }
        }
    }

    /// Whether it heals by itself when a node does not answer.
    pub(super) fn heals(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }
}

/// A slot of each master and the master's id, out of the answer to `CLUSTER SLOTS`.
pub(super) fn masters(slots: &Value) -> Option<Vec<(u16, String)>> {
    let Value::Array(ranges) = slots else { return None };
    let mut masters: Vec<(u16, String)> = Vec::new();
    for range in ranges {
        // First slot, last slot, master (address, port, id, …), replicas.
        let Value::Array(range) = range else { return None };
        let [Value::Int(first), _, Value::Array(master), ..] = range.as_slice() else { return None };
        let [_, _, Value::BulkString(id), ..] = master.as_slice() else { return None };
        let id = String::from_utf8(id.clone()).ok()?;
        if !masters.iter().any(|(_, known)| *known == id) {
            masters.push((u16::try_from(*first).ok()?, id));
        }
    }
    masters.sort();
    Some(masters)
}

/// A command has its budget in the link. Without this the connection would set a second timer for each.
fn timing() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(Some(CONNECT))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

const _: () = assert!(NODE.as_millis() < REQUEST_BUDGET.as_millis());
