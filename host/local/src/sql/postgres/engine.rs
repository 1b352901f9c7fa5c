//! The databases of a server of PostgreSQL.

use super::super::engine::{Connection, Engine, Limits, SqlError};
use super::connection::PostgresConnection;
use super::server::Server;
use super::{error, rewrite};
use crate::time::TimeScale;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

/// What the layer adds to a database.
const LAYER: &str = include_str!("layer.sql");
/// The database that a Redshift has from its beginning.
const FIRST_DATABASE: &str = "dev";
/// The database of a throwaway server that nothing but administration connects to.
const MAINTENANCE: &str = "postgres";
/// New databases are copies of it.
const TEMPLATE: &str = "template1";
/// The oldest version that the layer works with (`anycompatible`).
const OLDEST: i32 = 13;
/// The longest name of a database; PostgreSQL would shorten a longer one.
const NAME_BYTES: usize = 63;
/// How long a throwaway server may take to start.
const START_WAIT: Duration = Duration::from_secs(60);
/// How long to wait between two tries to reach it.
const START_PAUSE: Duration = Duration::from_millis(20);
/// How long connecting may take.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// The databases of a server.
#[derive(Debug)]
pub struct Postgres {
    runtime: Handle,
    /// How to connect as who runs SQL; the database is filled in.
    user: Config,
    /// How to connect to make databases, to list them, and to cancel statements.
    admin: Config,
    limits: Limits,
    /// The databases that the layer was added to, or tried to.
    ready: Mutex<HashSet<String>>,
    /// The throwaway server, if it is ours. Last, so that it ends last.
    server: Option<Server>,
}

impl Postgres {
    /// Says what to do if PostgreSQL is not installed.
    pub fn installed() -> Result<(), String> {
        signalbox_postgres::Installed::find().map(|_| ())
    }

    /// Starts a throwaway server of the installed binaries. It ends, and is gone, with this.
    pub async fn throwaway(limits: Limits, scale: TimeScale) -> Result<Self, String> {
        let started = tokio::task::spawn_blocking(Server::start).await;
        let mut server = started.map_err(|error| error.to_string())??;
        let admin = server.admin(MAINTENANCE);
        let client = until_up(&admin, &mut server).await?;
        check_version(&client).await?;
        let sql = Server::make_user();
        let told = |error: tokio_postgres::Error| {
            format!("PostgreSQL cannot be set up: {}", error::text(&error))
        };
        client.batch_execute(&sql).await.map_err(told)?;
        // A connection to the template would be in the way of the copies.
        let template = connect(&server.admin(TEMPLATE)).await.map_err(told)?;
        template.batch_execute(LAYER).await.map_err(told)?;
        drop(template);
        let this = Self {
            runtime: Handle::current(),
            user: tuned(server.user(FIRST_DATABASE), limits, scale),
            admin,
            limits,
            ready: Mutex::default(),
            server: Some(server),
        };
        this.make(FIRST_DATABASE).await.map_err(told)?;
        Ok(this)
    }

    /// Uses the server that a URL (`postgres://user:password@host:port/database`) leads to. Its databases must be
    /// there. The layer is added to each database that is used, as a schema `signalbox`, if the user may do so.
    pub async fn at(url: &str, limits: Limits, scale: TimeScale) -> Result<Self, String> {
        let config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            format!("the URL of PostgreSQL: {}", error::text(&error))
        })?;
        if config.get_ssl_mode() == SslMode::Require {
            return Err(
                "the URL of PostgreSQL asks for TLS (sslmode=require), which is not built in: use a server on this \
                 machine or behind a tunnel"
                    .to_owned(),
            );
        }
        let client = connect(&config)
            .await
            .map_err(|error| format!("PostgreSQL cannot be reached: {}", error::text(&error)))?;
        check_version(&client).await?;
        Ok(Self {
            runtime: Handle::current(),
            user: tuned(config.clone(), limits, scale),
            admin: config,
            limits,
            ready: Mutex::default(),
            server: None,
        })
    }

    async fn open(&self, database: &str) -> Result<PostgresConnection, tokio_postgres::Error> {
        let mut config = self.user.clone();
        config.dbname(database);
        let client = match connect(&config).await {
            Err(error) if self.server.is_some() && is_missing(&error) => {
                self.make(database).await?;
                connect(&config).await?
            }
            other => other?,
        };
        if self.server.is_none() {
            self.add_layer(database, &client).await;
        }
        PostgresConnection::new(
            self.runtime.clone(),
            client,
            self.admin.clone(),
            self.limits,
        )
        .await
    }

    /// Makes a database of the throwaway server, unless another connection has made it meanwhile.
    async fn make(&self, database: &str) -> Result<(), tokio_postgres::Error> {
        let mut ready = self.ready.lock().await;
        if ready.contains(database) {
            return Ok(());
        }
        let client = connect(&self.admin).await?;
        client
            .batch_execute(&Server::make_database(database))
            .await?;
        ready.insert(database.to_owned());
        Ok(())
    }

    /// Adds the layer to a database of somebody's server, once.
    async fn add_layer(&self, database: &str, client: &Client) {
        let mut ready = self.ready.lock().await;
        if !ready.insert(database.to_owned()) {
            return;
        }
        // Another process may do the same.
        let sql = format!(
            "begin; select pg_advisory_xact_lock(hashtext('{}')); {LAYER}; commit",
            rewrite::LAYER
        );
        if let Err(error) = client.batch_execute(&sql).await {
            let _ = client.batch_execute("rollback").await;
            tracing::warn!(
                database,
                error = error::text(&error),
                "names of Redshift (schema signalbox) cannot be added to the database; SQL runs without them"
            );
        }
    }

    fn told(&self, database: &str, error: &tokio_postgres::Error) -> SqlError {
        let mut text = error::text(error);
        if is_missing(error) {
            text.push_str(&format!(
                ". The server that --engine names has one database for each name in `Database`: create it there \
                 (CREATE DATABASE \"{database}\") or use another name"
            ));
        }
        SqlError::Failed(text)
    }
}

impl Engine for Postgres {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn url(&self) -> Option<String> {
        self.server
            .as_ref()
            .map(|server| server.url(FIRST_DATABASE))
    }

    fn connect(&self, database: &str) -> Result<Box<dyn Connection>, SqlError> {
        if database.len() > NAME_BYTES {
            return Err(SqlError::Failed(format!(
                "the name of a database has at most {NAME_BYTES} bytes here: \"{database}\""
            )));
        }
        let opened = self.runtime.block_on(self.open(database));
        match opened {
            Ok(connection) => Ok(Box::new(connection)),
            Err(error) => Err(self.told(database, &error)),
        }
    }

    fn databases(&self) -> Result<Vec<String>, SqlError> {
        let sql = match self.server {
            Some(_) => Server::list_databases(),
            None => "select datname::text from pg_database where datallowconn and not datistemplate order by 1"
                .to_owned(),
        };
        let listed: Result<_, tokio_postgres::Error> = self.runtime.block_on(async {
            let client = connect(&self.admin).await?;
            let rows = client.query_typed(&sql, &[]).await?;
            rows.iter().map(|row| row.try_get(0)).collect()
        });
        listed.map_err(|error| SqlError::Failed(error::text(&error)))
    }
}

/// Connects. The connection closes when the client is dropped.
pub(super) async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, driver) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        // An error of the connection is an error of what runs on it.
        let _ = driver.await;
    });
    Ok(client)
}

/// What every session of the Data API has.
fn tuned(mut config: Config, limits: Limits, scale: TimeScale) -> Config {
    let mut options = config.get_options().unwrap_or_default().to_owned();
    for (name, value) in [
        ("timezone", "UTC".to_owned()),
        ("datestyle", "ISO".to_owned()),
        ("intervalstyle", "postgres".to_owned()),
        ("bytea_output", "hex".to_owned()),
        // As in Redshift, a backslash escapes in every literal.
        ("standard_conforming_strings", "off".to_owned()),
        ("escape_string_warning", "off".to_owned()),
        ("client_min_messages", "error".to_owned()),
        ("lock_timeout", limits.lock_wait.as_millis().to_string()),
        ("signalbox.time_scale", scale.factor().to_string()),
    ] {
        options.push_str(&format!(" -c {name}={value}"));
    }
    config
        .options(options.trim_start())
        .application_name("signalbox")
        .connect_timeout(CONNECT_WAIT);
    config
}

/// Waits until a server that has just been started takes connections.
async fn until_up(config: &Config, server: &mut Server) -> Result<Client, String> {
    let end = Instant::now() + START_WAIT;
    loop {
        let error = match connect(config).await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        if let Some(why) = server.ended() {
            return Err(why);
        }
        if Instant::now() > end {
            return Err(format!(
                "PostgreSQL takes no connections after {} s: {}",
                START_WAIT.as_secs(),
                error::text(&error)
            ));
        }
        tokio::time::sleep(START_PAUSE).await;
    }
}

async fn check_version(client: &Client) -> Result<(), String> {
    let sql = "select current_setting('server_version_num')::int / 10000";
    let version: Result<i32, _> = match client.query_one(sql, &[]).await {
        Ok(row) => row.try_get(0),
        Err(error) => Err(error),
    };
    match version {
        Ok(version) if version < OLDEST => Err(format!(
            "PostgreSQL {version} is too old: {OLDEST} or newer is needed"
        )),
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "PostgreSQL does not tell its version: {}",
            error::text(&error)
        )),
    }
}

fn is_missing(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_CATALOG_NAME)
}
