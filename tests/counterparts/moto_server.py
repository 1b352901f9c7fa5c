"""moto's server, mended where it would lose what AWS keeps.

    python moto_server.py PORT

DynamoDB applies a transaction whole or not at all, whatever else goes on. moto does so for one client only: a
transaction that fails puts back the tables as they were when it began, and with them undoes, or brings back, what
other requests wrote in between. So that tests which write at the same time see what DynamoDB would do, its requests
wait for each other here.

Step Functions take an answer to a task from the moment on at which its token was given away. moto overlooks one that
comes before the invocation has returned, if the task has HeartbeatSeconds: short SQL is that fast.
"""

import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackEndpoint
from werkzeug.serving import WSGIRequestHandler, run_simple


class DynamoDbOneAtATime:
    """A WSGI application that enters another, with one request to DynamoDB at a time."""

    def __init__(self, application):
        self.application = application
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB_"):
            return self.application(environ, start_response)
        with self.lock:
            # A list: an answer that is made while it is sent would be made outside the lock.
            return list(self.application(environ, start_response))


def notice_early_answers():
    """Has a task that begins to wait for heartbeats look first whether it was answered already."""
    begin = CallbackEndpoint.setup_heartbeat_endpoint

    def begin_and_look(self, heartbeat_seconds):
        heartbeats = begin(self, heartbeat_seconds)
        if self.get_outcome() is not None:
            heartbeats.notify()
        return heartbeats

    CallbackEndpoint.setup_heartbeat_endpoint = begin_and_look


class OnlyFaults(WSGIRequestHandler):
    """Says what went wrong, and not that every other request was served."""

    def log_request(self, code="-", size="-"):
        if str(code).startswith("5"):
            super().log_request(code, size)


if __name__ == "__main__":
    notice_early_answers()
    moto = DynamoDbOneAtATime(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", int(sys.argv[1]), moto, threaded=True, request_handler=OnlyFaults)
