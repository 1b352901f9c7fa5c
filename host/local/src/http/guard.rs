//! Keeps web pages out: a browser on this machine lets any page send requests to loopback.
//!
//! A page that another site serves is told apart by what its browser says of it and the page cannot change: the `Origin`,
//! the `Host` of a name that was bound to 127.0.0.1 for the purpose, and the content type, of which a page may choose only
//! those of HTML forms without asking first. These servers answer no such question.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The content types that a body of these APIs may have. One without a type is taken too: the SDKs send payloads of
/// Lambda so, and the request of a page still has its `Origin`.
const CONTENT_TYPES: [&str; 4] = [
    "application/json",
    "application/octet-stream",
    "application/x-amz-json-1.0",
    "application/x-amz-json-1.1",
];

/// Why a request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Host,
    Origin,
    ContentType,
}

impl Refusal {
    fn reply(self) -> Response {
        let (status, code, message) = match self {
            Self::Host => (
                StatusCode::FORBIDDEN,
                "AccessDeniedException",
                "The request names another host than this machine. Use 127.0.0.1 or localhost in the endpoint.",
            ),
            Self::Origin => (
                StatusCode::FORBIDDEN,
                "AccessDeniedException",
                "The request is from a web page. This server takes none from browsers.",
            ),
            Self::ContentType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UnsupportedMediaTypeException",
                "The content type is not one of the API. Send application/json, application/x-amz-json-1.0 or -1.1, or \
                 application/octet-stream.",
            ),
        };
        let body =
            json!({ "__type": code, "Type": "User", "message": message, "Message": message });
        let mut reply = Response::new(Body::from(body.to_string()));
        *reply.status_mut() = status;
        for (name, value) in [
            ("content-type", "application/json"),
            ("x-amzn-errortype", code),
        ] {
            reply
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        reply
    }
}

/// Serves what comes from programs on this machine, and refuses the rest before its body is read.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    match check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            tracing::warn!(?refusal, "a request is not from a program on this machine");
            refusal.reply()
        }
    }
}

fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut hosts =
        all(headers, header::HOST).chain(uri.authority().map(|host| Some(host.as_str())));
    if !hosts.all(|host| host.is_some_and(is_here)) {
        return Err(Refusal::Host);
    }
    // No page is served here, so none can be of this origin.
    if headers.contains_key(header::ORIGIN) {
        return Err(Refusal::Origin);
    }
    let known = |text: Option<&str>| {
        let kind = text?.split(';').next()?.trim();
        let mut known = CONTENT_TYPES.iter();
        known.find(|known| known.eq_ignore_ascii_case(kind))
    };
    if all(headers, header::CONTENT_TYPE).any(|kind| known(kind).is_none()) {
        return Err(Refusal::ContentType);
    }
    Ok(())
}

/// The values of a header; none for one that is no text.
fn all(
    headers: &HeaderMap,
    name: header::HeaderName,
) -> impl Iterator<Item = Option<&str>> + use<'_> {
    headers
        .get_all(name)
        .into_iter()
        .map(|value| value.to_str().ok())
}

/// Whether `HOST` or `HOST:PORT` names this machine, whoever is asked for the address.
fn is_here(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an IPv6 address are in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if port.is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit())) {
        return false;
    }
    if let Some(inner) = host.strip_prefix('[') {
        return inner
            .strip_suffix(']')
            .and_then(|address| address.parse::<Ipv6Addr>().ok())
            .is_some_and(|address| address.is_loopback());
    }
    match host.parse::<Ipv4Addr>() {
        Ok(address) => address.is_loopback(),
        // No name server is asked for names below `localhost` (RFC 6761). The other two are this machine to its containers;
        // `internal` is no domain that anybody can have.
        Err(_) => {
            let name = host.to_ascii_lowercase();
            name == "localhost"
                || name.ends_with(".localhost")
                || matches!(
                    name.as_str(),
                    "host.docker.internal" | "host.containers.internal"
                )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(uri: &str, headers: &[(&'static str, &'static str)]) -> Result<(), Refusal> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let name = header::HeaderName::from_static(name);
                (name, HeaderValue::from_static(value))
            })
            .collect();
        check(&uri.parse().expect("a URI"), &headers)
    }

    #[test]
    fn hosts_of_this_machine_are_served() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:18080",
            "127.8.9.1:1",
            "localhost",
            "LocalHost:18080",
            "sync-x.localhost:18080",
            "host.docker.internal:18080",
            "[::1]",
            "[::1]:18080",
        ] {
            assert_eq!(checked("/", &[("host", host)]), Ok(()), "{host}");
        }
        assert_eq!(checked("/", &[]), Ok(()), "HTTP/1.0 has no host");
    }

    #[test]
    fn other_hosts_are_refused() {
        for host in [
            "",
            "evil.example",
            "evil.example:18080",
            "127.0.0.1.evil.example",
            "127.0.0.1:evil",
            "localhost.evil.example:18080",
            "evillocalhost",
            "localhost:1@evil.example",
            "0.0.0.0:18080",
            "10.0.0.1",
            "2130706433",
            "127.1",
            "[::]",
            "[::ffff:127.0.0.1]:1",
            "[::1",
            "::1",
        ] {
            assert_eq!(
                checked("/", &[("host", host)]),
                Err(Refusal::Host),
                "{host}"
            );
        }
        assert_eq!(
            checked("/", &[("host", "localhost"), ("host", "evil.example")]),
            Err(Refusal::Host)
        );
        assert_eq!(
            checked("http://evil.example/", &[("host", "localhost")]),
            Err(Refusal::Host),
            "the absolute form counts too"
        );
    }

    #[test]
    fn pages_of_any_origin_are_refused() {
        for origin in [
            "https://evil.example",
            "null",
            "http://localhost:3000",
            "http://127.0.0.1:18080",
        ] {
            assert_eq!(
                checked("/", &[("host", "127.0.0.1:18080"), ("origin", origin)]),
                Err(Refusal::Origin),
                "{origin}"
            );
        }
    }

    #[test]
    fn bodies_have_the_content_type_of_the_api() {
        let of = |kind| checked("/", &[("host", "localhost"), ("content-type", kind)]);
        for good in [
            "application/x-amz-json-1.1",
            "application/x-amz-json-1.0",
            "Application/JSON; charset=utf-8",
            "application/octet-stream",
        ] {
            assert_eq!(of(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "text/plain;application/json",
            "text/plain; x=application/x-amz-json-1.1",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonx",
            "application/json, text/plain",
        ] {
            assert_eq!(of(bad), Err(Refusal::ContentType), "{bad}");
        }
    }
}
