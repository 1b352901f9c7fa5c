//! Reading bodies, within bounds of size, time and memory.

use axum::body::Body;
use http_body_util::BodyExt as _;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// How long a client may take to send its body.
const BODY_TIME: Duration = Duration::from_secs(30);
/// The memory for all bodies that are being read, in [`UNIT`]s: 256 MiB.
const MEMORY: usize = 256 * 1024;
/// What memory is counted in.
const UNIT: usize = 1024;
/// How much of a body that is too large is read and dropped. A client that is cut off in the middle of its body may
/// never see the reply that says why.
const DRAINED: usize = 256 * 1024 * 1024;

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is larger than allowed; at least so many bytes.
    TooLarge(usize),
    /// It did not come in time.
    Late,
    /// The client broke off, or what it sent is no body.
    Broken(String),
}

/// What bodies of a server share. A client that sends slowly holds no more memory than it has filled.
#[derive(Debug)]
pub(crate) struct Bodies(Semaphore);

impl Bodies {
    pub(crate) fn new() -> Self {
        Self(Semaphore::new(MEMORY))
    }

    /// Reads a body of at most `most` bytes.
    pub(crate) async fn read(&self, mut body: Body, most: usize) -> Result<Vec<u8>, BodyError> {
        let end = Instant::now() + BODY_TIME;
        let mut read = Vec::new();
        let mut held: Option<SemaphorePermit<'_>> = None;
        while let Some(data) = next(&mut body, end).await? {
            if read.len() + data.len() > most {
                return Err(drain(body, end, read.len() + data.len()).await);
            }
            let units = u32::try_from(data.len().div_ceil(UNIT)).unwrap_or(u32::MAX);
            let more = tokio::time::timeout_at(end, self.0.acquire_many(units))
                .await
                .map_err(|_| BodyError::Late)?
                .map_err(|error| BodyError::Broken(error.to_string()))?;
            match &mut held {
                Some(held) => held.merge(more),
                None => held = Some(more),
            }
            read.extend_from_slice(&data);
        }
        Ok(read)
    }
}

/// The next piece of a body; none at its end.
async fn next(body: &mut Body, end: Instant) -> Result<Option<axum::body::Bytes>, BodyError> {
    loop {
        let frame = tokio::time::timeout_at(end, body.frame())
            .await
            .map_err(|_| BodyError::Late)?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(BodyError::Broken(error.to_string())),
            // Trailers say nothing that is wanted here.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads on for a while and keeps nothing.
async fn drain(mut body: Body, end: Instant, mut size: usize) -> BodyError {
    while size < DRAINED
        && let Ok(Some(data)) = next(&mut body, end).await
    {
        size += data.len();
    }
    BodyError::TooLarge(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_has_a_bound() {
        let bodies = Bodies::new();
        assert_eq!(bodies.read(Body::from("12345"), 5).await.unwrap(), b"12345");
        assert_eq!(
            bodies.read(Body::from("123456"), 5).await,
            Err(BodyError::TooLarge(6))
        );
        assert_eq!(bodies.0.available_permits(), MEMORY);
    }
}
