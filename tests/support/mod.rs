//! What end-to-end tests need around the built binaries: AWS, on this machine.

use std::net::SocketAddr;

pub mod bucket;
pub mod dynamodb;
pub mod lambda;
pub mod mood;
pub mod registry;
pub mod response_bucket;
pub mod runtime_api;
pub mod stage;
pub mod surroundings;

/// Serves on a free port of loopback as long as the test's runtime lives. Returns where.
async fn serve(router: axum::Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
