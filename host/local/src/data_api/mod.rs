//! The Redshift Data API over an SQL engine.
//!
//! Statements live in the background as they do on AWS: SUBMITTED, PICKED, STARTED, then FINISHED, FAILED or
//! ABORTED. SQL is really executed, on SQLite or PostgreSQL, in one database per `Database` of a request; cluster,
//! workgroup, user and secret are checked for their form, kept and shown, but open no other database.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use signalbox_local::data_api::{DataApi, DataApiOptions};
//!
//! let server = DataApi::start(DataApiOptions::default()).await?;
//! println!("AWS_ENDPOINT_URL_REDSHIFT_DATA={}", server.url());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod archive;
mod cancel;
mod describe;
mod events;
mod execute;
mod list;
mod metadata;
mod paging;
mod request;
mod result;
mod run;
mod service;
mod session;
mod sessions;
mod statement;
mod store;
mod validate;

pub use events::{EventFault, EventFaults, EventSink};

use crate::aws_json::faults::Faults;
use crate::aws_json::server;
use crate::http::HttpServer;
use crate::sql::{EngineChoice, Limits};
use crate::time::TimeScale;
use archive::{Archive, DirectoryLock, Kept};
use service::{Core, DataApiService};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How the server is set up.
#[derive(Clone)]
pub struct DataApiOptions {
    /// Where to listen. The default is loopback, port 0: a free one.
    pub address: SocketAddr,
    /// What runs the SQL.
    pub engine: EngineChoice,
    /// Where statements, results and SQLite's databases are kept; a temporary directory, removed at the end, if none
    /// is given. One process has it at a time.
    pub data_directory: Option<PathBuf>,
    /// How fast `f_slow`, `pg_sleep` and session time-outs run.
    pub time_scale: TimeScale,
    /// Who gets the completion events of statements with `WithEvent`.
    pub events: Option<Arc<dyn EventSink>>,
    /// Faults of calls.
    pub faults: Faults,
    /// Faults of completion events.
    pub event_faults: EventFaults,
    /// The account in events.
    pub account: String,
    /// The region in events.
    pub region: String,
    /// The principal in events: who started the statement.
    pub principal: String,
    /// How many statements run at a time, others wait as SUBMITTED.
    pub slots: usize,
    /// How many statements may be unfinished; AWS has 200 or 500 by different pages.
    pub active_statements: usize,
    /// How many sessions may be open; AWS has 500.
    pub sessions: usize,
    /// How many callers may wait at a time (`WaitTimeSeconds`) for one statement.
    pub waiters: usize,
    /// How long a statement stays SUBMITTED at least (wall clock).
    pub submitted_for: Duration,
    /// How long a statement stays PICKED at least (wall clock).
    pub picked_for: Duration,
    /// How many finished statements are remembered at most. AWS remembers 24 hours; so does this server.
    pub remembered_statements: usize,
    /// How many bytes of results are remembered at most; the oldest go first.
    pub remembered_bytes: usize,
    /// The most rows in a page of a result.
    pub page_rows: usize,
    /// The most bytes (about) in a page of a result.
    pub page_bytes: usize,
    /// What one statement may take.
    pub limits: Limits,
}

impl Default for DataApiOptions {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            engine: EngineChoice::Sqlite,
            data_directory: None,
            time_scale: TimeScale::REAL,
            events: None,
            faults: Faults::new(),
            event_faults: EventFaults::new(),
            account: crate::ACCOUNT.to_owned(),
            region: crate::REGION.to_owned(),
            principal: format!(
                "arn:aws:sts::{}:assumed-role/signalbox/local",
                crate::ACCOUNT
            ),
            slots: 50,
            active_statements: 500,
            sessions: 500,
            waiters: 10,
            submitted_for: Duration::ZERO,
            picked_for: Duration::ZERO,
            remembered_statements: 10_000,
            remembered_bytes: 256 * 1024 * 1024,
            page_rows: 1000,
            page_bytes: 1024 * 1024,
            limits: Limits::default(),
        }
    }
}

/// Starts servers.
#[derive(Debug, Clone, Copy)]
pub struct DataApi;

impl DataApi {
    /// Starts a server. It runs until [`DataApiServer::shutdown`]; dropped, it ends at once.
    ///
    /// # Errors
    /// The address cannot be listened at, the engine does not start, or the data directory cannot be used.
    pub async fn start(options: DataApiOptions) -> Result<DataApiServer, StartError> {
        let kept = match &options.data_directory {
            Some(directory) => Some(Directory::open(directory)?),
            None => None,
        };
        let databases = options.data_directory.as_deref().map(databases);
        let engine = options
            .engine
            .open(databases.as_deref(), options.limits, options.time_scale)
            .await
            .map_err(StartError::Engine)?;
        let (address, faults) = (options.address, options.faults.clone());
        let (lock, archive, there) = match kept {
            Some(kept) => (Some(kept.lock), Some(kept.archive), kept.there),
            None => (None, None, Vec::new()),
        };
        let core = Core::new(options, engine, archive, there);
        let service = Arc::new(DataApiService(Arc::clone(&core)));
        let http = server::start(service, address, faults)
            .await
            .map_err(|error| StartError::Listen { address, error })?;
        Ok(DataApiServer {
            http,
            core: StopOnDrop(core),
            _lock: lock,
        })
    }
}

/// Where the databases are in a data directory.
fn databases(directory: &Path) -> PathBuf {
    directory.join("databases")
}

/// A data directory that was opened.
struct Directory {
    lock: DirectoryLock,
    archive: Arc<Archive>,
    there: Vec<Kept>,
}

impl Directory {
    fn open(path: &Path) -> Result<Self, StartError> {
        crate::private::folder(path).map_err(|error| StartError::directory(path, error))?;
        let lock = DirectoryLock::take(path)?;
        let archive = Archive::open(path)?;
        let there = archive
            .load()
            .map_err(|error| StartError::directory(path, error))?;
        Ok(Self {
            lock,
            archive: Arc::new(archive),
            there,
        })
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine: it is not installed, not reached, or has no place for its databases. The text says what to do.
    #[error("{0}")]
    Engine(String),
    /// The address cannot be listened at.
    #[error("{address} cannot be listened at: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
    /// The data directory cannot be used.
    #[error("the data directory {} cannot be used: {reason}", path.display())]
    Directory {
        /// The directory, or the file in it.
        path: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
}

impl StartError {
    fn directory(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Directory {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// A running server.
pub struct DataApiServer {
    http: HttpServer,
    core: StopOnDrop,
    /// Free for another process when this is gone.
    _lock: Option<DirectoryLock>,
}

/// Stops the SQL that runs: a thread that sleeps in it would outlive the server.
struct StopOnDrop(Arc<Core>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl std::fmt::Debug for DataApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataApiServer")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl DataApiServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.http.address()
    }

    /// The endpoint, for `AWS_ENDPOINT_URL_REDSHIFT_DATA`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// What runs the SQL, for people.
    pub fn engine(&self) -> &'static str {
        self.core.0.engine.name()
    }

    /// Where other clients, such as `psql`, reach the databases of a throwaway PostgreSQL.
    pub fn engine_url(&self) -> Option<String> {
        self.core.0.engine.url()
    }

    /// Takes no more calls, stops the SQL that runs (such statements end as ABORTED, without an event), and
    /// returns when nothing of the server is left.
    pub async fn shutdown(self) {
        self.core.0.close();
        self.http.shutdown().await;
        self.core.0.finished().await;
    }
}
