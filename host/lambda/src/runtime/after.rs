//! Work between an answer and the next event.
//!
//! Lambda freezes an environment when it asks for the next event, and not when it has answered. What wraps the client's
//! own service, which sends the answer, runs between the two.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::SystemTime,
};

use lambda_runtime::{
    LambdaInvocation,
    tower::{BoxError, Layer, Service},
};
use tokio::time::Instant;

use super::deadline;
use crate::dispatch::Host;

/// Lets a host do what it does when the answer was sent.
#[derive(Clone)]
pub(super) struct Afterwards(pub(super) Host);

/// The client's service with that behind it.
#[derive(Clone)]
pub(super) struct WithAfterwards<S> {
    service: S,
    host: Host,
}

impl<S> Layer<S> for Afterwards {
    type Service = WithAfterwards<S>;

    fn layer(&self, service: S) -> Self::Service {
        WithAfterwards {
            service,
            host: self.0.clone(),
        }
    }
}

impl<S> Service<LambdaInvocation> for WithAfterwards<S>
where
    S: Service<LambdaInvocation, Response = (), Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let left = deadline::time_left(invocation.context.deadline(), SystemTime::now());
        let deadline = Instant::now() + left;
        let host = self.host.clone();
        let answered = self.service.call(invocation);
        Box::pin(async move {
            answered.await?;
            // In a task of its own a defect there ends the task and not the process.
            let after = tokio::spawn(async move { host.afterwards(deadline).await });
            if after.await.is_err() {
                tracing::error!(
                    alarm = crate::dispatch::HOST_FAULT,
                    "the host has a defect; the answer was sent before"
                );
            }
            Ok(())
        })
    }
}
