"""State machines on moto's Step Functions, with the function in front of the local Redshift Data API.

Twice: the function behind `signalbox serve`'s Invoke API, and the built `bootstrap` behind cargo-lambda, with its
table, and the queue of its events, at moto.

What moto does otherwise than AWS is not asserted: a failure's cause is lost, a heartbeat that was missed is
`States.Timeout`, and a retried attempt keeps its token, so no machine here retries an attempt that was accepted.
"""

import contextlib
import json
import os
import pathlib
import threading
import time

import boto3
import pytest

import support
from model import REGION

DEFINITIONS = support.ROOT / "host" / "local" / "definitions"
# The stories take minutes in life. Times in them are divided by this, but for the heartbeats that have to hold.
FASTER = 20
SCENARIOS = ["cancel", "poll", "good-and-bad", "singleton", "fetch", "second-tasker"]


class Stage:
    """Where machines run: moto's address, and what the function is called."""

    def __init__(self, states, function, second_function):
        self.states = boto3.client(
            "stepfunctions", endpoint_url=states, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.function = function
        self.second_function = second_function

    def run(self, definition):
        """Runs a machine to its end: the execution as it is described then."""
        name = f"m{time.time_ns()}"
        machine = self.states.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/any"
        )["stateMachineArn"]
        execution = self.states.start_execution(stateMachineArn=machine, name=name)["executionArn"]

        def ended():
            described = self.states.describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        return support.eventually(ended, f"the end of {name}", 240)

    def sql_step(self, sql, heartbeat=None):
        """The definition that users of the original have."""
        definition = json.loads((DEFINITIONS / "sql_step.asl.json").read_text())
        step = definition["States"]["SqlStep"]
        step["Parameters"]["FunctionName"] = self.function
        step["Parameters"]["Payload"]["sqlStatement"] = sql
        if heartbeat:
            step["HeartbeatSeconds"] = heartbeat
        return definition

    def scenario(self, name):
        text = (DEFINITIONS / f"{name}.asl.json").read_text()
        text = text.replace("${Tasker}", self.function).replace("${SecondTasker}", self.second_function)
        return faster(json.loads(text))


def faster(value):
    """The same machine in less time."""
    if isinstance(value, list):
        return [faster(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {key: faster(item) for key, item in value.items()}
    if out.get("Type") == "Wait":
        out["Seconds"] = max(1, out["Seconds"] // FASTER)
    # Ten seconds are the heartbeat that must be missed; more is one that must hold, on a slow computer too.
    if out.get("HeartbeatSeconds") == 10:
        out["HeartbeatSeconds"] = 3
    return out


@contextlib.contextmanager
def behind_serve(directory):
    """The function behind the Invoke API of `signalbox serve`."""
    lambda_port = support.free_port()
    with support.moto(directory, lambda_port) as moto:
        with support.serve(
            directory, "--port-lambda", str(lambda_port), "--sfn-endpoint", moto, "--time-scale", str(FASTER)
        ) as addresses:
            yield Stage(moto, addresses["function"], addresses["function"])


@contextlib.contextmanager
def behind_cargo_lambda(directory):
    """The built `bootstrap` behind cargo-lambda; its events come by a queue of moto's."""
    lambda_port = support.free_port()
    front = f"http://127.0.0.1:{lambda_port}"
    invoke = f"{front}/2015-03-31/functions/_/invocations"
    with contextlib.ExitStack() as stack:
        log = directory / "cargo-lambda.log"
        cargo_lambda = pathlib.Path(os.environ["SIGNALBOX_COUNTERPARTS_PYTHON"]).with_name("cargo-lambda")
        process = stack.enter_context(
            support.program(
                [cargo_lambda, "lambda", "watch", "--only-lambda-apis", "-A", "127.0.0.1", "-P", lambda_port],
                log,
                cwd=directory,
            )
        )
        support.answers(front, process, log)
        moto = stack.enter_context(support.moto(directory, lambda_port))
        queue = stack.enter_context(Queue(moto, invoke))
        data = stack.enter_context(
            support.serve(directory, "--events-to", queue.url, "--time-scale", str(FASTER))
        )["redshiftData"]
        settings = {
            "CLUSTER_IDENTIFIER": "demo", "DATABASE": "dev", "DB_USER": "admin", "DDB_TABLE_NAME": "tasks",
            "SIGNALBOX_DEPLOYMENT": "counterparts", "SIGNALBOX_CACHE_DIR": directory / "cache",
            "AWS_ENDPOINT_URL_REDSHIFT_DATA": data, "AWS_ENDPOINT_URL_SFN": moto, "AWS_ENDPOINT_URL_DYNAMODB": moto,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{lambda_port}/.rt", "AWS_LAMBDA_FUNCTION_NAME": "_",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_LOG_GROUP_NAME": "g", "AWS_LAMBDA_LOG_STREAM_NAME": "s",
        }
        env = support.environment(**settings)
        with support.program([support.BINARIES / "signalbox", "ledger", "create"], log, env=env) as create:
            assert create.wait(support.PATIENCE_SECONDS) == 0, log.read_text()[-2000:]
        stack.enter_context(support.program([support.BINARIES / "bootstrap"], directory / "bootstrap.log", env=env))
        yield Stage(moto, "_", "_")


class Queue:
    """What AWS has between the Data API's events and the function: a rule that sends them to a queue (moto's SQS), and
    a mapping that hands them to the function in batches and takes back those that it reports."""

    def __init__(self, moto, invoke):
        self.invoke = invoke
        self.sqs = boto3.client(
            "sqs", endpoint_url=moto, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.queue = self.sqs.create_queue(QueueName="events", Attributes={"VisibilityTimeout": "2"})["QueueUrl"]
        self.over = threading.Event()

    def __enter__(self):
        import http.server

        def put(event):
            self.sqs.send_message(QueueUrl=self.queue, MessageBody=event)

        class Rule(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                put(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.rule = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rule)
        self.url = f"http://127.0.0.1:{self.rule.server_port}/"
        threading.Thread(target=self.rule.serve_forever, daemon=True).start()
        self.mapping = threading.Thread(target=self.poll, daemon=True)
        self.mapping.start()
        return self

    def poll(self):
        while not self.over.is_set():
            messages = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            if not messages:
                time.sleep(0.2)
                continue
            records = [
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "attributes": {},
                    "messageAttributes": {},
                    "eventSource": "aws:sqs",
                    "eventSourceARN": f"arn:aws:sqs:{REGION}:123456789012:events",
                    "awsRegion": REGION,
                }
                for message in messages
            ]
            status, reply = support.post(self.invoke, {"Records": records})
            if status != 200:
                continue
            failed = {item["itemIdentifier"] for item in (reply or {}).get("batchItemFailures", [])}
            for message in messages:
                if message["MessageId"] not in failed:
                    self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def __exit__(self, *_):
        self.over.set()
        self.mapping.join(10)
        self.rule.shutdown()


@pytest.fixture(scope="module", params=[behind_serve, behind_cargo_lambda], ids=["serve", "cargo-lambda"])
def stage(request, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp(request.param.__name__)) as made:
        made.front = request.param
        yield made


def test_success(stage):
    assert stage.run(stage.sql_step("select 1"))["status"] == "SUCCEEDED"


def test_sql_failure(stage):
    ended = stage.run(stage.sql_step("select * from no_such_table"))
    assert (ended["status"], ended["error"]) == ("FAILED", "SqlFailure")


def test_time_out(stage):
    ended = stage.run(stage.sql_step("select public.f_slow('long', 600)", heartbeat=2))
    assert (ended["status"], ended["error"]) == ("FAILED", "Timeout")


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(stage, name):
    if stage.front is behind_cargo_lambda and name == "singleton":
        pytest.skip("cargo-lambda reports a function's error without its name, and the machine catches it by name")
    ended = stage.run(stage.scenario(name))
    assert ended["status"] == "SUCCEEDED", ended
