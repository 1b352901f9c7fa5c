"""AWS's own clients at the local Redshift Data API: boto3 and the AWS CLI. Every reply is checked against AWS's model."""

import ast
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import pytest
from botocore.exceptions import ClientError

import model
import support

TARGET = {"ClusterIdentifier": "demo", "Database": "dev", "DbUser": "admin"}
FINAL = ("FINISHED", "FAILED", "ABORTED")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with support.serve(tmp_path_factory.mktemp("clients")) as addresses:
        yield addresses["redshiftDataUrl"]


@pytest.fixture()
def client(served):
    return model.client(served)


def ended(client, statement_id):
    """The description of a statement that has ended."""

    def look():
        described = client.describe_statement(Id=statement_id)
        return described if described["Status"] in FINAL else None

    return support.eventually(look, "the end of a statement")


def run(client, sql, **more):
    return ended(client, client.execute_statement(**TARGET, Sql=sql, **more)["Id"])


def refused(call, code, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"] == code, error.value.response
    return error.value.response["Error"].get("Message", "")


def test_execute_describe_and_result(client):
    described = run(client, "select 1 as one, 'two' as two, 3.5 as three, null as four")
    assert described["Status"] == "FINISHED"
    assert described["HasResultSet"] is True
    result = client.get_statement_result(Id=described["Id"])
    assert [column["name"] for column in result["ColumnMetadata"]] == ["one", "two", "three", "four"]
    assert result["Records"][0][0] == {"longValue": 1}
    assert result["Records"][0][1] == {"stringValue": "two"}
    assert result["Records"][0][3] == {"isNull": True}
    assert result["TotalNumRows"] == 1


def test_parameters_and_an_idempotent_start(client):
    request = {
        **TARGET,
        "Sql": "select :name as name",
        "Parameters": [{"name": "name", "value": "x'; drop table t; --"}],
        "ClientToken": "the-same-token",
    }
    first, second = client.execute_statement(**request), client.execute_statement(**request)
    assert first["Id"] == second["Id"]
    described = ended(client, first["Id"])
    assert described["QueryParameters"] == request["Parameters"]
    assert client.get_statement_result(Id=first["Id"])["Records"] == [[{"stringValue": "x'; drop table t; --"}]]


def test_a_failed_statement_tells_why(client):
    described = run(client, "select no_such_column from no_such_table")
    assert described["Status"] == "FAILED"
    assert described["Error"].startswith("ERROR: ")
    refused(client.get_statement_result, "ResourceNotFoundException", Id=described["Id"])


def test_csv(client):
    described = run(client, "select 1 as a, 'x,y' as b", ResultFormat="CSV")
    result = client.get_statement_result_v2(Id=described["Id"])
    assert result["ResultFormat"] == "CSV"
    assert 'x,y' in "".join(record["CSVRecords"] for record in result["Records"])


def test_pages_of_a_result(client):
    numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2500) select i from n"
    described = run(client, numbers)
    pages = list(client.get_paginator("get_statement_result").paginate(Id=described["Id"]))
    assert len(pages) > 1
    rows = [record[0]["longValue"] for page in pages for record in page["Records"]]
    assert rows == list(range(1, 2501))


@pytest.mark.parametrize("mode", ["TRANSACTION", "AUTO_COMMIT"])
def test_a_batch(client, mode):
    table = f"batch_{mode.lower()}"
    started = client.batch_execute_statement(
        **TARGET,
        Sqls=[f"create table {table} (i int)", f"insert into {table} values (1)", f"select * from {table}"],
        ExecutionMode=mode,
    )
    described = ended(client, started["Id"])
    assert described["Status"] == "FINISHED", described
    assert [sub["Status"] for sub in described["SubStatements"]] == ["FINISHED"] * 3
    assert client.get_statement_result(Id=f"{started['Id']}:3")["TotalNumRows"] == 1


def test_a_batch_that_fails_in_the_middle(client):
    started = client.batch_execute_statement(
        **TARGET, Sqls=["create table rolled_back (i int)", "select * from nowhere", "select 1"]
    )
    described = ended(client, started["Id"])
    assert described["Status"] == "FAILED"
    assert described["SubStatements"][1]["Status"] == "FAILED"
    assert run(client, "select * from rolled_back")["Status"] == "FAILED"


def test_sessions(client):
    opened = client.execute_statement(**TARGET, Sql="create temp table mine (i int)", SessionKeepAliveSeconds=60)
    ended(client, opened["Id"])
    used = client.execute_statement(SessionId=opened["SessionId"], Sql="select * from mine")
    assert ended(client, used["Id"])["Status"] == "FINISHED"
    assert run(client, "select * from mine")["Status"] == "FAILED"
    listed = client.list_sessions()
    assert opened["SessionId"] in [session["SessionId"] for session in listed["Sessions"]]


def test_waiting_for_a_short_statement(client):
    started = client.execute_statement(**TARGET, Sql="select 1", WaitTimeSeconds=30)
    assert client.describe_statement(Id=started["Id"])["Status"] == "FINISHED"


def test_cancel(client):
    started = client.execute_statement(**TARGET, Sql="select public.f_slow('long', 600)")
    support.eventually(
        lambda: client.describe_statement(Id=started["Id"])["Status"] == "STARTED" or None, "the statement runs"
    )
    assert client.cancel_statement(Id=started["Id"])["Status"] is True
    assert ended(client, started["Id"])["Status"] == "ABORTED"
    refused(client.cancel_statement, "ValidationException", Id=started["Id"])


def test_list_has_defaults_a_prefix_and_pages(client):
    prefix = f"list-{time.time_ns()}"
    names = [f"{prefix}-{index}" for index in range(5)]
    for name in names:
        run(client, "select 1", StatementName=name)
    run(client, "select 1", StatementName=f"other-{prefix}")
    found = client.list_statements(StatementName=prefix)["Statements"]
    assert sorted(statement["StatementName"] for statement in found) == names
    # Without a state those that have finished are listed.
    assert {statement["Status"] for statement in found} == {"FINISHED"}
    failed = run(client, "select * from nowhere", StatementName=f"{prefix}-failed")
    assert failed["Id"] not in [s["Id"] for s in client.list_statements(StatementName=prefix)["Statements"]]
    everything = client.list_statements(StatementName=prefix, Status="ALL")["Statements"]
    assert failed["Id"] in [s["Id"] for s in everything]
    pages = list(
        client.get_paginator("list_statements").paginate(
            StatementName=prefix, Status="ALL", PaginationConfig={"PageSize": 2}
        )
    )
    assert len(pages) == 3
    assert sorted(s["Id"] for page in pages for s in page["Statements"]) == sorted(s["Id"] for s in everything)


def test_metadata(client):
    assert run(client, "create table if not exists public.looked_at (id int, word varchar(20))")["Status"] == "FINISHED"
    where = {**TARGET}
    assert "dev" in client.list_databases(**where)["Databases"]
    assert "public" in client.list_schemas(**where)["Schemas"]
    tables = client.list_tables(**where, TablePattern="looked%")["Tables"]
    assert [(table["schema"], table["name"], table["type"]) for table in tables] == [("public", "looked_at", "TABLE")]
    described = client.describe_table(**where, Schema="public", Table="looked_at")
    assert [column["name"] for column in described["ColumnList"]] == ["id", "word"]


def test_every_operation_can_be_called(client):
    """Whatever boto3 can ask of the service is served; each reply is checked against the model, as everywhere here."""
    statement = client.execute_statement(**TARGET, Sql="create table every (i int)", WaitTimeSeconds=30)["Id"]
    select = client.execute_statement(**TARGET, Sql="select 1", WaitTimeSeconds=30)["Id"]
    csv = client.execute_statement(**TARGET, Sql="select 1", ResultFormat="CSV", WaitTimeSeconds=30)["Id"]
    asleep = client.execute_statement(**TARGET, Sql="select public.f_slow('x', 600)")["Id"]
    calls = {
        "BatchExecuteStatement": {**TARGET, "Sqls": ["select 1", "select 2"], "WaitTimeSeconds": 30},
        "CancelStatement": {"Id": asleep},
        "DescribeStatement": {"Id": statement},
        "DescribeTable": {**TARGET, "Table": "every"},
        "ExecuteStatement": {**TARGET, "Sql": "select 1"},
        "GetStatementResult": {"Id": select},
        "GetStatementResultV2": {"Id": csv},
        "ListDatabases": TARGET,
        "ListSchemas": TARGET,
        "ListSessions": {},
        "ListStatements": {"Status": "ALL"},
        "ListTables": TARGET,
    }
    assert sorted(calls) == sorted(client.meta.service_model.operation_names)
    methods = {operation: method for method, operation in client.meta.method_to_api_mapping.items()}
    for operation, arguments in calls.items():
        getattr(client, methods[operation])(**arguments)


@pytest.mark.parametrize(
    "body, fault",
    [
        ({"Id": "x", "Identifier": "x"}, "which AWS does not have"),
        ({}, "which is required"),
        ({"Id": 7}, "is no text"),
        ({"Id": "x", "Status": "DONE"}, "none of"),
        ({"Id": "x", "CreatedAt": time.time() * 1000}, "no time near now"),
        ({"Id": "x", "Duration": "7"}, "no whole number"),
        ({"Id": "x", "Error": None}, "is null"),
    ],
)
def test_the_check_of_replies_finds_faults(client, body, fault):
    operation = client.meta.service_model.operation_model("DescribeStatement")
    headers = {"x-amzn-requestid": "x", "content-type": "application/x-amz-json-1.1"}
    [found] = model.faults(operation, {"status_code": 200, "headers": headers, "body": json.dumps(body).encode()})
    assert fault in found


def test_errors_are_the_services_own(client):
    refused(client.describe_statement, "ValidationException", Id="nonsense")
    refused(client.describe_statement, "ResourceNotFoundException", Id="00000000-0000-4000-8000-000000000000")
    refused(client.execute_statement, "ValidationException", Sql="select 1", Database="dev")
    refused(client.execute_statement, "ValidationException", **TARGET, Sql="x" * 110_000)
    refused(client.list_statements, "ValidationException", NextToken="made up")


class Cli:
    """The AWS CLI as people type it."""

    TARGET = ("--cluster-identifier", "demo", "--database", "dev", "--db-user", "admin")

    def __init__(self, url):
        self.environment = support.environment(AWS_ENDPOINT_URL_REDSHIFT_DATA=url)

    def run(self, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "awscli", "redshift-data", *arguments],
            env=self.environment, capture_output=True, text=True, timeout=120,
        )

    def __call__(self, *arguments):
        """What a command that goes well prints."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture()
def cli(served):
    return Cli(served)


def test_the_cli_runs_statements(cli):
    started = cli("execute-statement", *cli.TARGET, "--sql", "select 42", "--session-keep-alive-seconds", "60")
    described = cli("describe-statement", "--id", started["Id"], "--wait-time-seconds", "30")
    assert (described["Status"], described["HasResultSet"]) == ("FINISHED", True)
    assert cli("get-statement-result", "--id", started["Id"])["Records"] == [[{"longValue": 42}]]
    batch = cli(
        "batch-execute-statement", "--session-id", started["SessionId"], "--wait-time-seconds", "30",
        "--sqls", "create temp table cli (i int)", "insert into cli values (7)", "select i from cli",
    )
    assert cli("get-statement-result", "--id", f"{batch['Id']}:3")["Records"] == [[{"longValue": 7}]]
    assert started["SessionId"] in [session["SessionId"] for session in cli("list-sessions")["Sessions"]]


def test_the_cli_lists_and_cancels(cli):
    name = f"cli-{time.time_ns()}"
    for number in range(2):
        cli("execute-statement", *cli.TARGET, "--sql", "select 1", "--statement-name", f"{name}-{number}")
    slow = cli(
        "execute-statement", *cli.TARGET, "--sql", "select public.f_slow('x', 600)", "--statement-name", f"{name}-slow"
    )
    assert cli("cancel-statement", "--id", slow["Id"])["Status"] is True
    cli("describe-statement", "--id", slow["Id"], "--wait-time-seconds", "30")
    # It asks for page after page by itself.
    listed = cli("list-statements", "--statement-name", name, "--page-size", "1")["Statements"]
    assert [statement["StatementName"] for statement in listed] == [f"{name}-1", f"{name}-0"]
    aborted = cli("list-statements", "--statement-name", name, "--status", "ABORTED")["Statements"]
    assert [statement["Id"] for statement in aborted] == [slow["Id"]]


def test_the_cli_looks_at_tables_and_says_what_is_wrong(cli):
    cli("execute-statement", *cli.TARGET, "--sql", "create table seen (word varchar(20))", "--wait-time-seconds", "30")
    tables = cli("list-tables", *cli.TARGET, "--table-pattern", "seen")["Tables"]
    assert [table["name"] for table in tables] == ["seen"]
    columns = cli("describe-table", *cli.TARGET, "--table", "seen")["ColumnList"]
    assert [column["name"] for column in columns] == ["word"]
    done = cli.run("describe-statement", "--id", "00000000-0000-4000-8000-000000000000")
    assert done.returncode != 0
    assert "(ResourceNotFoundException) when calling the DescribeStatement operation" in done.stderr


def raw(url, target, body, **headers):
    return support.post(url, body, {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1", **headers})


def test_whatever_is_sent_the_server_stays_up(served, client):
    status, body = raw(served, "RedshiftData.NoSuchOperation", {})
    assert (status, body["__type"].rsplit("#")[-1]) == (400, "UnknownOperationException")
    status, body = raw(served, "RedshiftData.DescribeStatement", b"{ not json")
    assert (status, body["__type"].rsplit("#")[-1]) == (400, "SerializationException")
    status, body = raw(served, "RedshiftData.DescribeStatement", {"Id": "nonsense"}, Authorization="AWS4-HMAC-SHA256 garbage")
    assert status in (400, 403) and "__type" in body, (status, body)
    # A hundred megabytes, and a client that hangs up in the middle of a request.
    host, port = served.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: RedshiftData.ExecuteStatement\r\nContent-Length: 104857600\r\n\r\n"
        )
        try:
            for _ in range(100):
                connection.sendall(b"x" * 1024 * 1024)
            reply = connection.recv(64)
        except OSError:
            reply = b""
        assert not reply or b" 4" in reply, reply
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
    assert run(client, "select 1")["Status"] == "FINISHED"


# Tests of moto that pin what only moto does, and why they are not asked of a server that executes.
NOT_ASKED = {
    "test_execute_statement_and_cancel_statement":
        "wants to cancel SQL that reads `sql`, which moto never runs; here it has failed by then, and cannot be cancelled",
    "test_execute_statement_and_describe_statement":
        "gives a parameter and a secret that the SQL `sql` does not have, and wants it STARTED for ever",
    "test_execute_statement_and_get_statement_result": "wants the same three streets for any SQL",
}


def test_the_suite_of_moto(served):
    """moto's own tests of this service, at our server, but for those above. (Its `test_server.py` speaks to moto's
    application inside the process, and not to a server.)"""
    suite = os.environ.get("SIGNALBOX_COUNTERPARTS_MOTO_TESTS")
    assert suite, "tests/counterparts/run says where moto's tests are"
    file = "tests/test_redshiftdata/test_redshiftdata.py"
    functions = ast.parse((pathlib.Path(suite) / file).read_text()).body
    names = {f.name for f in functions if isinstance(f, ast.FunctionDef) and f.name.startswith("test_")}
    assert NOT_ASKED.keys() < names, names
    asked = sorted(names - NOT_ASKED.keys())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"{file}::{name}" for name in asked)],
        cwd=pathlib.Path(suite),
        env=support.environment(TEST_SERVER_MODE="true", TEST_SERVER_MODE_ENDPOINT=served),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert f"{len(asked)} passed" in done.stdout, done.stdout
