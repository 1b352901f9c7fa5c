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
import time

import boto3
import pytest

import model
import support
from events import FINAL, Bus, Mapping, documented_rules, repeated
from lambda_front import front

DEFINITIONS = support.ROOT / "host" / "local" / "definitions"
# The scenarios take minutes in life: SQL sleeps and machines wait so many times shorter here.
SPEED = 20
# The sixth, singleton, has a test of its own.
SCENARIOS = ["cancel", "poll", "good-and-bad", "fetch", "second-tasker"]


class Stage:
    """Where machines run: Step Functions, what the functions are called there, and the Data API they use."""

    def __init__(self, moto, data, function, second_function):
        self.moto = moto
        self.states = boto3.client("stepfunctions", endpoint_url=moto, **support.KEYS)
        self.data = model.client(data)
        self.function = function
        self.second_function = second_function

    def start(self, definition):
        """Starts a machine: the execution's ARN."""
        name = f"m{time.time_ns()}"
        machine = self.states.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/any"
        )["stateMachineArn"]
        return self.states.start_execution(stateMachineArn=machine, name=name)["executionArn"]

    def run(self, definition):
        """Runs a machine to its end: the execution as it is described then."""
        execution = self.start(definition)

        def ended():
            described = self.states.describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        return support.eventually(ended, "the end of a machine", 240)

    def task_errors(self, execution):
        """The names of the errors with which attempts of the execution's tasks ended."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution["executionArn"])
        details = [event.get("taskFailedEventDetails") for page in pages for event in page["events"]]
        return [failed["error"] for failed in details if failed]

    def sql_step(self, sql, **fields):
        """The definition that users of the original have, with its placeholders filled in."""
        definition = json.loads((DEFINITIONS / "sql_step.asl.json").read_text())
        step = definition["States"]["SqlStep"]
        step["Parameters"]["FunctionName"] = self.function
        step["Parameters"]["Payload"]["sqlStatement"] = sql
        step.update(fields)
        return definition

    def scenario(self, name):
        text = (DEFINITIONS / f"{name}.asl.json").read_text()
        text = text.replace("${Tasker}", self.function).replace("${SecondTasker}", self.second_function)
        return with_short_waits(json.loads(text))

    def statements(self, sql):
        """All statements with this text."""
        pages = self.data.get_paginator("list_statements").paginate(Status="ALL")
        return [found for page in pages for found in page["Statements"] if found.get("QueryString") == sql]


class StageWithQueue(Stage):
    """A stage whose events go by the rules that docs/reference/events.md shows, and a queue."""

    def __init__(self, moto, data, function, second_function, bus, payloads):
        super().__init__(moto, data, function, second_function)
        self.bus = bus
        # A queue whose messages are payloads for the function.
        self.payloads = payloads


def with_short_waits(value):
    """The same machine, which waits for a shorter time between its looks."""
    if isinstance(value, list):
        return [with_short_waits(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {key: with_short_waits(item) for key, item in value.items()}
    if out.get("Type") == "Wait":
        out["Seconds"] = max(1, out["Seconds"] // SPEED)
    return out


@contextlib.contextmanager
def behind_serve(directory):
    """The function behind the Invoke API of `signalbox serve`. moto calls it without anything in between."""
    port = support.free_port()
    with support.moto(directory, port) as moto:
        # The ARN as in a definition of the original; moto needs no such function.
        with support.serve(directory, "--port-lambda", port, "--sfn-endpoint", moto, "--speed", SPEED) as served:
            arn = served["functionArn"]
            yield Stage(moto, served["redshiftDataUrl"], arn, arn)


@contextlib.contextmanager
def behind_cargo_lambda(directory):
    """Two functions of the built `bootstrap`, each behind a cargo-lambda of its own; their table, rules and queues are
    moto's."""
    with contextlib.ExitStack() as stack:
        lambdas = stack.enter_context(front())
        lambdas.moto = moto = stack.enter_context(support.moto(directory, lambdas.port))
        data = stack.enter_context(support.serve(directory, "--speed", SPEED))["redshiftDataUrl"]
        bus = Bus(moto, data)
        rules = documented_rules()
        stack.enter_context(repeated(bus.tell_of_statements))
        for name, user in [("tasker", "admin"), ("second", "user2")]:
            lambdas.functions[name] = stack.enter_context(bootstrap(directory, name, user, moto, data))
            mapping = Mapping(moto, f"{name}-events", lambdas.functions[name])
            own = json.loads(json.dumps(rules["aws.redshift-data"]).replace("sbx-tasker:", f"sbx-{name}:"))
            bus.rule(f"{name}-statements", own, mapping.arn)
            bus.rule(f"{name}-executions", rules["aws.states"], mapping.arn)
            stack.enter_context(repeated(mapping.carry))
        payloads = Mapping(moto, "payloads", lambdas.functions["tasker"])
        stack.enter_context(repeated(payloads.carry))
        yield StageWithQueue(moto, data, "tasker", "second", bus, payloads)


@contextlib.contextmanager
def bootstrap(directory, name, user, moto, data):
    """A function: the URL at which it is invoked."""
    at = directory / name
    (at / "src").mkdir(parents=True)
    # cargo-lambda wants to stand in a package, though it builds none here.
    (at / "Cargo.toml").write_text('[package]\nname = "none"\nedition = "2024"\n[workspace]\n')
    (at / "src" / "main.rs").write_text("fn main() {}\n")
    port, log = support.free_port(), directory / f"cargo-lambda-{name}.log"
    cargo_lambda = pathlib.Path(os.environ["SIGNALBOX_COUNTERPARTS_PYTHON"]).with_name("cargo-lambda")
    settings = {
        # The original's own.
        "CLUSTER_IDENTIFIER": "demo", "DATABASE": "dev", "DB_USER": user, "DDB_TABLE_NAME": f"{name}-tasks",
        "SIGNALBOX_DEPLOYMENT": name, "SIGNALBOX_CACHE_DIR": directory / "cache",
        "AWS_ENDPOINT_URL_REDSHIFT_DATA": data, "AWS_ENDPOINT_URL_SFN": moto, "AWS_ENDPOINT_URL_DYNAMODB": moto,
        # As cargo-lambda says that it wants them.
        "AWS_LAMBDA_RUNTIME_API": f"http://127.0.0.1:{port}/.rt", "AWS_LAMBDA_FUNCTION_NAME": "_",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_LAMBDA_FUNCTION_VERSION": "1",
    }
    env = support.environment(**settings)
    support.ran([support.BINARIES / "signalbox", "ledger", "create"], directory / "ledger-create.log", env=env)
    watch = [cargo_lambda, "lambda", "watch", "--only-lambda-apis", "-A", "127.0.0.1", "-P", port]
    with support.program(watch, log, cwd=at) as process:
        support.listens(port, process, log)
        with support.program([support.BINARIES / "bootstrap"], directory / f"bootstrap-{name}.log", env=env):
            yield f"http://127.0.0.1:{port}/2015-03-31/functions/_/invocations"


@pytest.fixture(scope="module", params=[behind_serve, behind_cargo_lambda], ids=["serve", "cargo-lambda"])
def stage(request, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp(request.param.__name__)) as made:
        yield made


# For tests of what `signalbox serve` does by itself.
with_a_queue = pytest.mark.parametrize("stage", [behind_cargo_lambda], ids=["cargo-lambda"], indirect=True)


def test_success(stage):
    ended = stage.run(stage.sql_step("select 'all is well'"))
    assert ended["status"] == "SUCCEEDED", ended
    [statement] = stage.statements("select 'all is well'")
    # The output is the completion event, as the original's.
    detail = json.loads(ended["output"])["detail"]
    assert (detail["statementId"], detail["state"]) == (statement["Id"], "FINISHED")


def test_sql_failure(stage):
    ended = stage.run(stage.sql_step("select * from no_such_table"))
    assert (ended["status"], ended["error"]) == ("FAILED", "SqlFailure"), ended
    assert stage.task_errors(ended) == ["FAILED"]


def test_time_out(stage):
    ended = stage.run(stage.sql_step("select public.f_slow('late', 600)", HeartbeatSeconds=2))
    assert (ended["status"], ended["error"]) == ("FAILED", "Timeout"), ended


def test_a_payload_that_is_refused(stage):
    ended = stage.run(stage.sql_step(""))
    assert (ended["status"], ended["error"]) == ("FAILED", "Failure"), ended
    assert stage.task_errors(ended) == ["InvalidRequest"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(stage, name):
    ended = stage.run(stage.scenario(name))
    assert ended["status"] == "SUCCEEDED", ended


def test_scenario_singleton(stage):
    """Ten want to run the same. The scenario leaves open how many do; but whoever ran, ran alone."""
    ended = stage.run(stage.scenario("singleton"))
    assert ended["status"] == "SUCCEEDED", ended
    runs = stage.statements("select public.f_slow('only one', 59)")
    spans = sorted((statement["CreatedAt"], statement["UpdatedAt"]) for statement in runs)
    assert spans, "nobody ran it"
    for (_, end), (begin, _) in zip(spans, spans[1:]):
        assert end <= begin, spans


@with_a_queue
def test_an_execution_that_ended_takes_its_statement_along(stage):
    """By an event of Step Functions. (An execution that is stopped while a task waits for its token stays RUNNING at
    moto, so this one ends by its own time-out.)"""
    sql = "select public.f_slow('nobody waits', 3600)"
    ended = stage.run(stage.sql_step(sql, HeartbeatSeconds=5))
    assert (ended["status"], ended["error"]) == ("FAILED", "Timeout"), ended
    [statement] = stage.statements(sql)
    assert statement["Status"] not in FINAL
    # moto sends no events of executions.
    stage.bus.put(
        "aws.states", "Step Functions Execution Status Change",
        {
            "executionArn": ended["executionArn"],
            "stateMachineArn": ended["stateMachineArn"],
            "name": ended["name"],
            "status": ended["status"],
            "startDate": milliseconds(ended["startDate"]),
            "stopDate": milliseconds(ended["stopDate"]),
        },
        [ended["executionArn"]],
    )

    def cancelled():
        [statement] = stage.statements(sql)
        return statement["Status"] if statement["Status"] in FINAL else None

    assert support.eventually(cancelled, "the end of the statement") == "ABORTED"


def milliseconds(moment):
    return int(moment.timestamp() * 1000)


def by_queue(stage, sql):
    """The machine of the original, with a queue between it and the function."""
    definition = stage.sql_step(sql)
    step = definition["States"]["SqlStep"]
    step["Resource"] = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    step["Parameters"] = {"QueueUrl": stage.payloads.url, "MessageBody": step["Parameters"]["Payload"]}
    del step["Retry"]
    return definition


@with_a_queue
def test_a_payload_by_a_queue(stage):
    ended = stage.run(by_queue(stage, "select 'by a queue'"))
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"])["detail"]["state"] == "FINISHED"


@with_a_queue
def test_what_is_refused_by_a_queue_is_told_to_the_token(stage):
    ended = stage.run(by_queue(stage, ""))
    assert (ended["status"], ended["error"]) == ("FAILED", "Failure"), ended
    assert stage.task_errors(ended) == ["InvalidRequest"]
