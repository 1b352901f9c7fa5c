"""ministack, which plays CloudFormation, Lambda, Step Functions, EventBridge, SQS, DynamoDB, S3 and IAM in one process,
with our Redshift Data API beside it.

It runs the functions that it hosts as processes of its own, with its own environment: so the addresses that a function
calls are given to it. Between the function and these addresses there is somebody who takes notes.
"""

import collections
import contextlib
import http.client
import http.server
import json
import os
import re
import tempfile
import threading
import urllib.parse

import support

SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/")
# How IAM names what a request calls, where the signature names the service otherwise.
SERVICES = {"redshift-data": "redshift-data", "dynamodb": "dynamodb", "states": "states", "s3": "s3", "sts": "sts"}
S3_ACTIONS = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject"}


class Notes:
    """What functions called: IAM actions."""

    def __init__(self):
        self.lock = threading.Lock()
        self.actions = set()
        # How many items of the table were written in transactions, otherwise, and read.
        self.items = collections.Counter()

    def take(self, method, headers, body):
        signed = SCOPE.search(headers.get("Authorization", ""))
        service = SERVICES.get(signed.group(1), signed.group(1)) if signed else "unsigned"
        target = headers.get("X-Amz-Target", "").rpartition(".")[2]
        if target == "TransactWriteItems":
            # DynamoDB asks for the permissions of its parts.
            kinds = [kind for part in json.loads(body)["TransactItems"] for kind in part]
            actions = {f"dynamodb:{kind}Item" for kind in kinds}
        elif service == "s3":
            actions = {S3_ACTIONS.get(method, f"s3:{method}")}
        else:
            actions = {f"{service}:{target}"}
        with self.lock:
            self.actions |= actions
            if target == "TransactWriteItems":
                self.items["transacted"] += len(kinds)
            elif service == "dynamodb":
                self.items["read" if target in ("GetItem", "Query") else "written"] += 1


@contextlib.contextmanager
def noted(upstream, notes):
    """The address of a server that passes every request on to `upstream`, and notes it."""
    to = urllib.parse.urlsplit(upstream)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def passed_on(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            notes.take(self.command, self.headers, body)
            connection = http.client.HTTPConnection(to.hostname, to.port, timeout=60)
            # The `Host` stays, since it is signed.
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            reply = connection.getresponse()
            content = reply.read()
            self.send_response(reply.status)
            for name, value in reply.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            connection.close()

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = passed_on

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def ministack(directory, data, notes):
    """ministack with IAM enforced: its address, and that of it and of the Redshift Data API `data` as functions have them."""
    port, log = support.free_port(), directory / "ministack.log"
    url = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        # It keeps the code of functions in the folder for temporary files.
        temporary = stack.enter_context(tempfile.TemporaryDirectory(dir=directory))
        noted_url, noted_data = stack.enter_context(noted(url, notes)), stack.enter_context(noted(data, notes))
        env = support.environment(
            GATEWAY_PORT=port, BIND_HOST="127.0.0.1", MINISTACK_HOST="127.0.0.1", LAMBDA_EXECUTOR="local",
            DOCKER_HOST="unix:///nonexistent", AUTH="true", TMPDIR=temporary,
            # Of the functions, which inherit them.
            AWS_ENDPOINT_URL=noted_url, AWS_ENDPOINT_URL_REDSHIFT_DATA=noted_data,
            SIGNALBOX_CACHE_DIR=directory / "cache",
        )
        process = stack.enter_context(support.program([os.environ["SIGNALBOX_COUNTERPARTS_MINISTACK"]], log, env=env))
        support.listens(port, process, log)
        yield url, noted_url, noted_data
