//! A throwaway PostgreSQL that takes connections.

use crate::wire::Connection;
use signalbox_postgres::{ADMIN, Installed, Server};
use std::time::{Duration, Instant};

/// A statement of the fuzzer fails rather than wait, and fills nothing.
const SETTINGS: [&str; 5] = [
    "shared_buffers=32MB",
    "max_connections=30",
    "deadlock_timeout=50ms",
    "max_parallel_workers_per_gather=0",
    "temp_file_limit=20MB",
];

/// Starts one, and waits until it takes connections.
#[must_use]
pub fn start(installed: &Installed) -> Server {
    let mut server = Server::start(installed, &SETTINGS).expect("a server");
    let end = Instant::now() + Duration::from_secs(60);
    while Connection::open(&server.socket(), ADMIN, "postgres", &[]).is_err() {
        assert_eq!(server.ended(), None);
        assert!(Instant::now() < end, "the server does not take connections");
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}
