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
    if let Some(meaning) = of_name(code) {
        return meaning;
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

/// The error of another service that a `ValidationException` carries in its message, if it carries one. Redshift
/// Serverless reports so that the service behind it throttled, denied or failed.
pub(crate) fn wrapped<'m>(code: &str, message: &'m str) -> Option<&'m str> {
    if code != "ValidationException" {
        return None;
    }
    let names = message.split(|c: char| !c.is_ascii_alphanumeric());
    names
        .filter(|name| name.len() > "Exception".len() && name.ends_with("Exception"))
        .find(|name| {
            let is_limit = name.starts_with("Active") && name.ends_with("ExceededException");
            is_limit || of_name(name).is_some_and(|meaning| meaning != Meaning::Invalid)
        })
}

fn of_name(code: &str) -> Option<Meaning> {
    Some(match code {
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
        | "OptInRequired" => Meaning::Denied,
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "RequestThrottledException"
        | "ProvisionedThroughputExceededException"
        | "SlowDown" => Meaning::Throttled,
        "ValidationException" | "ValidationError" | "SerializationException" => Meaning::Invalid,
        "ResourceNotFoundException" => Meaning::NotFound,
        "InternalServerException" | "InternalFailureException" | "ServiceUnavailableException" => {
            Meaning::Failed
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_error_is_found_wherever_it_stands_in_the_message() {
        for (message, expected) in [
            (
                "ValidationException: GetCredentials failed: ThrottlingException: Rate exceeded",
                Some("ThrottlingException"),
            ),
            (
                "com.amazonaws.redshiftserverless#ThrottlingException (Request ID: 1)",
                Some("ThrottlingException"),
            ),
            ("(AccessDeniedException)", Some("AccessDeniedException")),
            (
                "ActiveStatementsExceededException: Active statements exceeded the allowed quota (200)",
                Some("ActiveStatementsExceededException"),
            ),
            ("ValidationException: the SQL is empty", None),
            ("MyThrottlingExceptions are many; throttlingexception", None),
            ("", None),
        ] {
            assert_eq!(
                wrapped("ValidationException", message),
                expected,
                "{message}"
            );
        }
        assert_eq!(
            wrapped("ExecuteStatementException", "ThrottlingException"),
            None,
            "no other error is a wrapper"
        );
    }
}
