"""moto's server, its DynamoDB one request at a time.

    python moto_server.py PORT

DynamoDB applies a transaction whole or not at all, whatever else goes on. moto does so for one client only: a
transaction that fails puts back the tables as they were when it began, and with them undoes, or brings back, what
other requests wrote in between. So that tests which write at the same time see what DynamoDB would do, its requests
wait for each other here.
"""

import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple


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


if __name__ == "__main__":
    moto = DomainDispatcherApplication(create_backend_app)
    run_simple("127.0.0.1", int(sys.argv[1]), DynamoDbOneAtATime(moto), threaded=True)
