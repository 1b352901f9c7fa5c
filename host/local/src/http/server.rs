//! A server's connections.

use super::guard::guard;
use axum::Router;
use axum::middleware::from_fn;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

/// How many connections may be open at a time; others wait to be accepted.
const CONNECTIONS: usize = 1024;
/// How long a client may take to send a request's head, and how long a connection may idle between two requests.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// How long open connections have to end at a shutdown before they are cut.
const SHUTDOWN_TIME: Duration = Duration::from_secs(3);
/// How long to wait after a connection could not be accepted: the process has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Tells that a server closes.
#[derive(Debug, Clone)]
pub(crate) struct Closing(watch::Receiver<bool>);

impl Closing {
    /// Returns when the server closes.
    pub(crate) async fn closed(&self) {
        // An error says that the server's handle is gone, which closes it too.
        let _ = self.0.clone().wait_for(|closing| *closing).await;
    }
}

/// A running server. Dropping it cuts its connections.
#[derive(Debug)]
pub(crate) struct HttpServer {
    address: SocketAddr,
    closing: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl HttpServer {
    /// Serves programs on this machine at `address`; port 0 takes a free one.
    pub(crate) async fn start(
        address: SocketAddr,
        router: impl FnOnce(Closing) -> Router,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (closing, closes) = watch::channel(false);
        let closes = Closing(closes);
        let router = router(closes.clone()).layer(from_fn(guard));
        let task = tokio::spawn(accept(listener, router, closes));
        Ok(Self {
            address,
            closing,
            task,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more calls, and returns when the connections are closed.
    pub(crate) async fn shutdown(mut self) {
        self.closing.send_replace(true);
        if tokio::time::timeout(SHUTDOWN_TIME, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.closing.send_replace(true);
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, router: Router, closes: Closing) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let next = async || {
        // The semaphore is never closed; if it were, nobody would be let in.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return std::future::pending().await;
        };
        (listener.accept().await, place)
    };
    loop {
        let (accepted, place) = tokio::select! {
            next = next() => next,
            () = closes.closed() => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, router.clone(), closes.clone(), place));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve(stream: TcpStream, router: Router, closes: Closing, _place: OwnedSemaphorePermit) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = closes.closed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        // A client that hangs up or sends no HTTP is its own business.
        tracing::debug!(%error, "a connection broke");
    }
}
