//! Error names and HTTP statuses that mean the same in every AWS service.

/// What an error means that a service did not define itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The caller may not, or is not known.
    Denied,
    /// Too many calls.
    Throttled,
    /// The thing does not exist.
    NotFound,
    /// The request is wrong.
    Invalid,
    /// The service failed inside, or gave up waiting.
    Failed,
}

/// Looks at the name first, then at the HTTP status.
pub(crate) fn meaning(code: &str, status: u16) -> Meaning {
    match code {
        "AccessDeniedException"
        | "AccessDenied"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "OptInRequired" => return Meaning::Denied,
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "ProvisionedThroughputExceededException"
        | "SlowDown" => return Meaning::Throttled,
        "ValidationException" | "ValidationError" | "SerializationException" => {
            return Meaning::Invalid;
        }
        "ResourceNotFoundException" => return Meaning::NotFound,
        _ => {}
    }
    match status {
        401 | 403 => Meaning::Denied,
        404 => Meaning::NotFound,
        408 => Meaning::Failed,
        429 => Meaning::Throttled,
        400..500 => Meaning::Invalid,
        _ => Meaning::Failed,
    }
}
