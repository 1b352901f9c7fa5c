"""Lambda's address, for moto.

moto's Step Functions call every service at one port of `localhost`. Here that port passes invocations on to where each
function is, and everything else to moto itself. And it mends what cargo-lambda does otherwise than Lambda: it knows
one function by a name of its own, and answers an error of the function with a status of 500, without the header by
which a client tells it from an error of Lambda.
"""

import contextlib
import http.server
import json
import re
import threading
import urllib.error
import urllib.parse
import urllib.request

import support

INVOCATION = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
# They are of one connection, or are made anew.
OF_THE_CONNECTION = {"connection", "content-length", "date", "host", "server", "transfer-encoding"}


class Front:
    """The server. `moto` is set once moto is there, `functions` hold invocation URLs by the name of a function."""

    def __init__(self):
        self.moto = None
        self.functions = {}
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                front.pass_on(self)

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port

    def pass_on(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        invocation = INVOCATION.fullmatch(request.path.partition("?")[0])
        if invocation:
            name = urllib.parse.unquote(invocation.group(1))
            status, headers, reply = self.invoke(name, body)
        else:
            status, headers, reply = send(request.command, self.moto + request.path, request.headers.items(), body)
        request.send_response(status)
        for name, value in headers:
            if name.lower() not in OF_THE_CONNECTION:
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(reply)))
        request.end_headers()
        request.wfile.write(reply)

    def invoke(self, name, payload):
        """The reply of a function, as Lambda gives it."""
        if name not in self.functions:
            text = json.dumps({"Type": "User", "Message": f"Function not found: {name}"}).encode()
            return 404, [("x-amzn-errortype", "ResourceNotFoundException")], text
        status, headers, reply = send("POST", self.functions[name], [("Content-Type", "application/json")], payload)
        if status == 500 and b'"errorType"' in reply:
            return 200, [*headers, ("X-Amz-Function-Error", "Unhandled")], reply
        return status, headers, reply


@contextlib.contextmanager
def front():
    made = Front()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join(10)


def send(method, url, headers, body):
    """Sends a request: status, headers and body of the reply."""
    kept = {name: value for name, value in headers if name.lower() not in OF_THE_CONNECTION}
    request = urllib.request.Request(url, data=body or None, headers=kept, method=method)
    try:
        with urllib.request.urlopen(request, timeout=support.PATIENCE_SECONDS) as reply:
            return reply.status, reply.headers.items(), reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.items(), error.read()
