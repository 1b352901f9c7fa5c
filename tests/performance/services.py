"""The services that the functions call: moto's DynamoDB, and a Redshift Data API and Step Functions that take everything.

    python services.py PORT

They are outside the process that is measured, so their own time does not count. Every statement is finished when it has
started, and every task is open. `GET /statement-name/ID` is the name under which a statement was started.
"""

import json
import sys
import threading
import time
import uuid

import waitress
from moto.server import DomainDispatcherApplication, create_backend_app


class Services:
    """A WSGI application: what is not asked here goes to moto."""

    def __init__(self, moto):
        self.moto = moto
        self.names = {}
        # moto's transactions undo what others write meanwhile.
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
        if path.startswith("/statement-name/"):
            return reply(start_response, self.names.get(path.rsplit("/", 1)[1]))
        if service.startswith("DynamoDB"):
            with self.lock:
                return list(self.moto(environ, start_response))
        if service not in ("RedshiftData", "AWSStepFunctions"):
            return self.moto(environ, start_response)
        request = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}")
        return reply(start_response, self.answer(operation, request))

    def answer(self, operation, request):
        now = time.time()
        if operation == "ExecuteStatement":
            statement = str(uuid.uuid4())
            self.names[statement] = request.get("StatementName")
            asked = {key: request[key] for key in ("ClusterIdentifier", "Database", "DbUser") if key in request}
            return {"Id": statement, "CreatedAt": now, **asked}
        if operation == "DescribeStatement":
            return {
                "Id": request["Id"], "Status": "FINISHED", "HasResultSet": False, "ResultRows": 0, "ResultSize": 0,
                "RedshiftPid": 1, "RedshiftQueryId": 1, "Duration": 1_000_000, "CreatedAt": now, "UpdatedAt": now,
                "QueryString": "select 1", "Database": "dev", "ClusterIdentifier": "analytics-1", "DbUser": "etl",
            }
        return {}


def reply(start_response, value):
    body = json.dumps(value).encode()
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]


if __name__ == "__main__":
    services = Services(DomainDispatcherApplication(create_backend_app))
    # It keeps connections, as AWS does and moto's own server does not.
    waitress.serve(services, listen=f"127.0.0.1:{sys.argv[1]}", threads=8, _quiet=True)
