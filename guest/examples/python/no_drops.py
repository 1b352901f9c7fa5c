"""A policy in Python: SQL that matches a pattern is refused, everything else runs as its payload says.

Settings, with their defaults:

    { "deny": ["\\\\bdrop\\\\b"], "reason": "Tables are dropped by the platform team." }

The patterns are regular expressions of Python, and case does not count. They are a guard rail: what a view, a procedure
or SQL put together at run time does, no pattern sees.
"""

import json
import re

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.handler import Closing, Description, Finding, Invocation, Rejection, Settlement, UnknownFields
from wit_world.imports import log, redshift_data
from wit_world.imports.callbacks import Task
from wit_world.imports.redshift_data import (
    ExecuteStatementRequest, OnStop, OutputShape, ResultFormat, StartOptions, StatementStatus,
)
from wit_world.imports.types import Failure_Uncertain

DEFAULTS = {"deny": [r"\bdrop\b"], "reason": "Tables are dropped by the platform team."}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "deny": {"type": "array", "items": {"type": "string", "format": "regex"}},
        "reason": {"type": "string"},
    },
}
# The fields of a payload that this policy knows, and their types.
FIELDS = {
    "action": str, "sqlStatement": str, "target": str, "step": str, "waitSeconds": int, "deadlineSeconds": int,
    "policy": str,
}


class Handler(exports.Handler):
    def describe(self) -> Description:
        return Description(
            name="no-drops-py",
            version="0.1.0",
            summary="SQL that matches a pattern is refused.",
            needs=["redshift-data/execute-statement"],
            settings_schema=json.dumps(SCHEMA),
        )

    def validate_settings(self, settings: str) -> list[Finding]:
        given = json.loads(settings)
        faults = [Finding(f"/{name}", "This is no setting.", "There are `deny` and `reason`.")
                  for name in given if name not in DEFAULTS]
        if not isinstance(given.get("reason", ""), str):
            faults.append(Finding("/reason", "This is no text.", None))
        deny = given.get("deny", [])
        if not isinstance(deny, list):
            faults.append(Finding("/deny", "This is no list of patterns.", None))
            deny = []
        for n, pattern in enumerate(deny):
            try:
                re.compile(pattern)
            except (re.error, TypeError) as error:
                faults.append(Finding(f"/deny/{n}", f"This is no regular expression: {error}.", None))
        if faults:
            raise Err(faults)
        return []

    def invoke(self, settings: str, invocation: Invocation, task: Task | None) -> str:
        payload = fields(invocation)
        sql = payload.get("sqlStatement")
        if payload.get("action", "executeStatement") != "executeStatement" or not sql:
            raise Err(Rejection("InvalidRequest", "This policy runs one statement: give it as `sqlStatement`."))
        settings = DEFAULTS | json.loads(settings)
        if any(re.search(pattern, sql, re.IGNORECASE) for pattern in settings["deny"]):
            raise Err(Rejection("PolicyDenied", settings["reason"]))
        options = StartOptions(
            target=payload.get("target"),
            action="executeStatement",
            output=OutputShape.DESCRIBE,
            parameters=[],
            result_format=ResultFormat.JSON,
            session_id=None,
            session_keep_alive_seconds=None,
            wait_seconds=payload.get("waitSeconds"),
            exclusive=None,
            deadline_seconds=payload.get("deadlineSeconds"),
            heartbeat=False,
            on_stop=None,
            step=payload.get("step"),
            idempotency_key=None,
            memo="",
        )
        try:
            return redshift_data.execute_statement(task, ExecuteStatementRequest(sql, options)).document
        except Err as error:
            if isinstance(error.value, Failure_Uncertain):
                # The host finds out whether it runs, and settles the task.
                return "{}"
            detail = error.value.value
            raise Err(Rejection(detail.code, detail.message)) from None

    def settle(self, settings: str, settlement: Settlement, task: Task) -> None:
        statement = settlement.statement
        if statement.status == StatementStatus.FINISHED:
            task.succeed(statement.document)
        else:
            task.fail("FAILED", (statement.error or statement.status.name)[:8000])

    def closed(self, settings: str, closing: Closing) -> OnStop:
        return OnStop.CANCEL


def fields(invocation: Invocation) -> dict:
    """The payload, without what this policy does not know and with each field of its type."""
    payload = json.loads(invocation.payload)
    unknown = sorted(name for name in payload if name not in FIELDS)
    if unknown and invocation.unknown_fields == UnknownFields.REFUSE:
        raise Err(Rejection("InvalidRequest", f"This policy does not know {', '.join(unknown)}."))
    if unknown and invocation.unknown_fields == UnknownFields.WARN:
        log.write(log.Level.WARN, f"ignored fields: {', '.join(unknown)}", [])
    known = {name: value for name, value in payload.items() if name in FIELDS and value is not None}
    for name, value in known.items():
        if not isinstance(value, FIELDS[name]) or isinstance(value, bool):
            raise Err(Rejection("InvalidRequest", f"`{name}` has to be of type {FIELDS[name].__name__}."))
    return known
