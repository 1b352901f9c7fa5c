//! Clients that are broken, or mean it ill.

use std::{
    io::{Read as _, Write as _},
    time::{Duration, Instant},
};

use crate::support::{PATIENCE, Serve, connect, post, read};

#[test]
fn it_survives_whatever_clients_send() {
    let serve = Serve::start(&[]);
    let good = r#"{"ClusterIdentifier": "c", "Database": "dev", "DbUser": "u", "Sql": "select 1"}"#;

    // Errors have the service's own shape.
    let unknown = serve.call("Explode", b"{}");
    assert_eq!(unknown.status, 400);
    assert_eq!(unknown.json()["__type"], "UnknownOperationException");
    let broken = serve.call("ExecuteStatement", b"{\"Sql\": ");
    assert_eq!(broken.json()["__type"], "SerializationException");
    let wrong = serve.call("ExecuteStatement", b"{\"Sql\": 7}");
    assert_eq!(wrong.json()["__type"], "SerializationException");
    let deep = "[".repeat(100_000);
    let deep = serve.call("ExecuteStatement", deep.as_bytes());
    assert_eq!(deep.json()["__type"], "SerializationException");
    let headers = "X-Amz-Target: RedshiftData.ExecuteStatement\r\nAuthorization: AWS4-HMAC-SHA256 \u{7f}nonsense\r\n";
    let headers = headers.replace('\u{7f}', "\t");
    let signed = post(serve.url("redshiftDataUrl"), "/", &headers, good.as_bytes());
    assert_eq!(signed.status, 200, "{signed:?}");

    // 100 MB are read to their end, so that the client sees the reply.
    let large = vec![b'x'; 100 * 1024 * 1024];
    let refused = serve.call("ExecuteStatement", &large);
    assert_eq!(refused.status, 413);
    assert_eq!(refused.json()["__type"], "RequestEntityTooLargeException");
    let refused = serve.invoke("tasker", "", &large);
    assert_eq!(refused.status, 413);
    assert_eq!(
        refused.header("x-amzn-errortype"),
        Some("RequestEntityTooLargeException")
    );
    let headers = "X-Amz-Target: AWSStepFunctions.SendTaskSuccess\r\n";
    let refused = post(serve.url("stepFunctionsUrl"), "/", headers, &large);
    assert_eq!(refused.status, 413);
    drop(large);

    for name in ["redshiftDataUrl", "lambdaUrl", "stepFunctionsUrl"] {
        let url = serve.url(name);
        // No HTTP at all.
        let mut garbage = connect(url);
        garbage
            .write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n")
            .unwrap();
        assert_eq!(read(garbage).status, 400);
        // Heads and bodies that never come to an end, on many connections, which stay open.
        let slow: Vec<_> = (0..100)
            .map(|number| {
                let mut stream = connect(url);
                let head = if number % 2 == 0 {
                    "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: RedshiftData.List"
                } else {
                    "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: RedshiftData.ListStatements\r\nContent-Length: 9\r\n\r\n{"
                };
                stream.write_all(head.as_bytes()).unwrap();
                stream
            })
            .collect();
        // Hanging up in the middle.
        for _ in 0..20 {
            let mut stream = connect(url);
            stream
                .write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc")
                .unwrap();
        }
        let fine = serve.call("ListStatements", b"{}");
        assert_eq!(fine.status, 200, "{fine:?}");
        let fine = serve.invoke("tasker", "", b"{\"sqlStatement\": \"select 1\"}");
        assert_eq!(
            (fine.status, fine.header("x-amz-function-error")),
            (200, None)
        );
        drop(slow);
    }
    assert_eq!(serve.signal("TERM"), Some(0));
}

#[test]
fn a_web_page_starts_nothing() {
    let serve = Serve::start(&[]);
    let start = br#"{"ClusterIdentifier": "c", "Database": "dev", "DbUser": "u", "Sql": "create table page (a int)"}"#;
    let payload = br#"{"sqlStatement": "create table page (a int)"}"#;
    let answer = br#"{"taskToken": "t", "output": "{}"}"#;
    let calls = [
        (
            "redshiftDataUrl",
            "/",
            "RedshiftData.ExecuteStatement",
            &start[..],
        ),
        (
            "lambdaUrl",
            "/2015-03-31/functions/tasker/invocations",
            "",
            payload,
        ),
        (
            "stepFunctionsUrl",
            "/",
            "AWSStepFunctions.SendTaskSuccess",
            answer,
        ),
    ];
    for (name, path, operation, body) in calls {
        for (host, headers, status) in [
            // A form, a page that reads no reply, one in a sandbox, and one of a name that leads to this machine.
            (
                "localhost",
                "Content-Type: text/plain;charset=UTF-8\r\n",
                415,
            ),
            (
                "localhost",
                "Content-Type: application/x-www-form-urlencoded\r\n",
                415,
            ),
            ("localhost", "Origin: https://evil.example\r\n", 403),
            (
                "localhost",
                "Origin: null\r\nContent-Type: application/x-amz-json-1.1\r\n",
                403,
            ),
            (
                "evil.example",
                "Content-Type: application/x-amz-json-1.1\r\n",
                403,
            ),
        ] {
            let mut stream = connect(serve.url(name));
            write!(
                stream,
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-Amz-Target: {operation}\r\n\
                 {headers}Content-Length: {}\r\n\r\n",
                body.len()
            )
            .unwrap();
            stream.write_all(body).unwrap();
            let reply = read(stream);
            assert_eq!(reply.status, status, "{name} {host} {headers}: {reply:?}");
            assert!(reply.header("access-control-allow-origin").is_none());
        }
    }
    let listed = serve
        .call("ListStatements", b"{\"Status\": \"ALL\"}")
        .json();
    assert_eq!(
        listed["Statements"].as_array().map(Vec::len),
        Some(0),
        "{listed}"
    );
}

#[test]
fn an_invocation_goes_on_when_its_client_hangs_up() {
    // No sweep of the schedule is answered meanwhile.
    let serve = Serve::start(&["--sweep-seconds", "3600"]);
    let mut stream = connect(serve.url("lambdaUrl"));
    let body = r#"{"sqlStatement": "select f_slow('x', 2)", "waitSeconds": 20}"#;
    write!(
        stream,
        "POST /2015-03-31/functions/tasker/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let until = |wanted: &str| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let listed = serve
                .call("ListStatements", b"{\"Status\": \"ALL\"}")
                .json();
            let status = listed["Statements"][0]["Status"].as_str();
            if status.is_some_and(|status| wanted.is_empty() || status == wanted) {
                return;
            }
            assert!(Instant::now() < deadline, "{listed}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until("");
    drop(stream);
    until("FINISHED");
    // The invocation has recorded it too.
    let deadline = Instant::now() + PATIENCE;
    while !serve
        .log
        .lock()
        .unwrap()
        .iter()
        .any(|line| line.contains("answered"))
    {
        assert!(Instant::now() < deadline, "{:?}", serve.log.lock());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn several_clients_are_served_at_once() {
    let serve = Serve::start(&[]);
    std::thread::scope(|scope| {
        for client in 0..8 {
            let serve = &serve;
            scope.spawn(move || {
                for number in 0..5 {
                    let sql = format!("select {client} as c, {number} as n");
                    let body = format!(r#"{{"sqlStatement": "{sql}", "waitSeconds": 20}}"#);
                    let reply = serve.invoke("tasker", "", body.as_bytes());
                    assert_eq!(reply.json()["Status"], "FINISHED", "{reply:?}");
                }
            });
        }
    });
    // A connection that says nothing does not hold up the end.
    let mut silent = connect(serve.url("lambdaUrl"));
    assert_eq!(serve.signal("INT"), Some(0));
    assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0);
}
