//! Looks on while the SDK makes a call.

use std::error::Error as StdError;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Keeps the body of the last reply, and whether any try ended so that it may have taken effect. `E` is the
/// operation's error.
///
/// The SDK repeats a try that was lost and then reports the last try alone: a refusal of the repeat says
/// nothing about the one before it.
pub(crate) struct Watch<E> {
    seen: Arc<Mutex<Seen>>,
    without_effect: fn(&str) -> bool,
    error: PhantomData<fn() -> E>,
}

#[derive(Default)]
struct Seen {
    body: Option<Vec<u8>>,
    /// The running try was signed and is on its way: before that it can fail for want of credentials.
    sent: bool,
    doubt: bool,
}

impl<E> Watch<E> {
    /// `without_effect` says which error codes, though the server's own fault (status 500 and up), mean that
    /// nothing runs.
    pub(crate) fn new(without_effect: fn(&str) -> bool) -> Self {
        Self {
            seen: Arc::default(),
            without_effect,
            error: PhantomData,
        }
    }

    /// The body of the last reply.
    pub(crate) fn body(&self) -> Option<Vec<u8>> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .body
            .take()
    }

    /// Whether a try may have taken effect without our knowing.
    pub(crate) fn doubt(&self) -> bool {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .doubt
    }
}

impl<E> Clone for Watch<E> {
    fn clone(&self) -> Self {
        Self {
            seen: Arc::clone(&self.seen),
            without_effect: self.without_effect,
            error: PhantomData,
        }
    }
}

impl<E> fmt::Debug for Watch<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

impl<E: StdError + ProvideErrorMetadata + Send + Sync + 'static> Intercept for Watch<E> {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .sent = true;
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let status = context
            .response()
            .map_or(0, |response| response.status().as_u16());
        let doubt = match context.output_or_error() {
            Some(Ok(_)) => false,
            Some(Err(error)) => error.as_operation_error().is_none_or(|error| {
                let code = error
                    .downcast_ref::<E>()
                    .and_then(ProvideErrorMetadata::code);
                status >= 500 && !code.is_some_and(self.without_effect)
            }),
            None => true,
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = std::mem::take(&mut seen.sent);
        seen.doubt |= doubt && sent;
        seen.body = context
            .response()
            .and_then(|response| response.body().bytes())
            .map(<[u8]>::to_vec);
        Ok(())
    }
}
