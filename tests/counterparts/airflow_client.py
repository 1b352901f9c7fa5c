"""Airflow's hook and operator for the Redshift Data API, as clients of the local one.

Run by an interpreter that has Airflow, apart from the other tests, whose packages it would not go with. The address
comes as Airflow's users give it: a connection with `endpoint_url`.
"""

import json
import os

import pytest
from airflow.providers.amazon.aws.hooks.redshift_data import (
    RedshiftDataHook,
    RedshiftDataQueryFailedError,
)
from airflow.providers.amazon.aws.operators.redshift_data import RedshiftDataOperator

import support

TARGET = {"cluster_identifier": "demo", "database": "dev", "db_user": "admin"}


@pytest.fixture(scope="module", autouse=True)
def served(tmp_path_factory):
    with support.serve(tmp_path_factory.mktemp("airflow")) as addresses:
        os.environ["AIRFLOW_CONN_AWS_DEFAULT"] = json.dumps(
            {
                "conn_type": "aws",
                "login": "test",
                "password": "test",
                "extra": {"region_name": "us-east-1", "endpoint_url": addresses["redshiftDataUrl"]},
            }
        )
        yield


def test_the_hook_runs_a_statement_and_reads_its_result():
    hook = RedshiftDataHook(aws_conn_id="aws_default")
    output = hook.execute_query(sql="select 1 as one", **TARGET, poll_interval=1, wait_for_completion=True)
    result = hook.conn.get_statement_result(Id=output.statement_id)
    assert result["Records"] == [[{"longValue": 1}]]


def test_the_hook_says_why_a_statement_failed():
    hook = RedshiftDataHook(aws_conn_id="aws_default")
    with pytest.raises(RedshiftDataQueryFailedError, match="FAILED"):
        hook.execute_query(sql="select * from nowhere", **TARGET, poll_interval=1, wait_for_completion=True)


def test_the_hook_runs_a_batch():
    hook = RedshiftDataHook(aws_conn_id="aws_default")
    output = hook.execute_query(
        sql=["create table airflow_batch (i int)", "insert into airflow_batch values (1)"],
        **TARGET, poll_interval=1, wait_for_completion=True,
    )
    assert hook.conn.describe_statement(Id=output.statement_id)["Status"] == "FINISHED"


def test_the_operator_runs_and_hands_on_the_result():
    operator = RedshiftDataOperator(
        task_id="query", sql="select 'there' as here", **TARGET, poll_interval=1, wait_for_completion=True, return_sql_result=True
    )
    [result] = operator.execute({"ti": None})
    assert result["Records"] == [[{"stringValue": "there"}]]
