//! How a call failed, in terms that hold for every AWS service.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};

/// A call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The service said so.
    Refused {
        /// Its error's name without a namespace; `HTTP 502` and the like if it gave none.
        code: String,
        /// Its message.
        message: String,
        /// The HTTP status.
        status: u16,
        /// The body of its reply, if that is JSON.
        document: Option<String>,
    },
    /// Nothing was sent: no credentials, or the request could not be built.
    Unsent {
        /// What kind of thing was missing.
        code: &'static str,
        /// What was wrong.
        message: String,
        /// Whether it may be there the next time.
        passing: bool,
    },
    /// Sent, perhaps, and no reply was understood.
    Lost {
        /// What broke.
        code: &'static str,
        /// What was wrong.
        message: String,
    },
}

/// Tells how a call failed. No text of the request gets into it.
pub(crate) fn fault<E>(error: &SdkError<E, HttpResponse>) -> Fault
where
    E: StdError + ProvideErrorMetadata + 'static,
{
    match error {
        // The SDK calls a reply that it cannot read an error of the service.
        SdkError::ServiceError(service) if service.raw().status().is_success() => Fault::Lost {
            code: "InvalidResponse",
            message: causes(error),
        },
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = service
                .err()
                .code()
                .map_or_else(|| format!("HTTP {status}"), str::to_owned);
            let message = service.err().message().unwrap_or_default().to_owned();
            let body = service
                .raw()
                .body()
                .bytes()
                .and_then(|bytes| std::str::from_utf8(bytes).ok());
            let document = body.filter(|body| is_object(body)).map(str::to_owned);
            Fault::Refused {
                code,
                message,
                status,
                document,
            }
        }
        SdkError::TimeoutError(_) => timed_out(),
        SdkError::ResponseError(_) => Fault::Lost {
            code: "InvalidResponse",
            message: causes(error),
        },
        SdkError::ConstructionFailure(_) => Fault::Unsent {
            code: "InvalidRequest",
            message: causes(error),
            passing: false,
        },
        // DispatchFailure, and what the SDK may add.
        _ => credentials(error).unwrap_or_else(|| Fault::Lost {
            code: "ConnectionError",
            message: causes(error),
        }),
    }
}

/// The fault of a request without a reply.
pub(crate) fn lost(error: &ConnectorError) -> Fault {
    Fault::Lost {
        code: "ConnectionError",
        message: causes(error),
    }
}

/// The fault of a request whose reply did not come in time.
pub(crate) fn timed_out() -> Fault {
    Fault::Lost {
        code: "RequestTimeout",
        message: "no reply within the time-out".into(),
    }
}

/// The fault of a request for want of credentials.
pub(crate) fn no_credentials(error: &CredentialsError) -> Fault {
    Fault::Unsent {
        code: "CredentialsError",
        message: format!("there are no credentials: {}", causes(error)),
        passing: passing(error),
    }
}

/// The fault of a call that failed for want of credentials, before anything was sent.
fn credentials(error: &(dyn StdError + 'static)) -> Option<Fault> {
    let found = chain(error).find_map(|cause| cause.downcast_ref::<CredentialsError>())?;
    Some(Fault::Unsent {
        code: "CredentialsError",
        message: causes(error),
        passing: passing(found),
    })
}

/// Whether credentials may be there the next time.
fn passing(error: &CredentialsError) -> bool {
    match error {
        CredentialsError::ProviderTimedOut(_) => true,
        // A role that is to be assumed: STS refused, or could not be reached.
        CredentialsError::ProviderError(_) => {
            let code = chain(error)
                .find_map(|cause| cause.downcast_ref::<ErrorMetadata>())
                .and_then(ErrorMetadata::code);
            !code.is_some_and(|code| {
                code.contains("AccessDenied")
                    || code.contains("Invalid")
                    || code.contains("Validation")
            })
        }
        _ => false,
    }
}

/// An error and its causes, each once, from the general to the particular.
fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in chain(error) {
        let text = cause.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    // A cycle of causes would be the fault of a library; the bound keeps it from being ours.
    std::iter::successors(Some(error), |&error| error.source()).take(16)
}

fn is_object(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}
