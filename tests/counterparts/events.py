"""What AWS has between a service's events and a function: a rule of EventBridge (moto's) that puts them into a queue
(moto's SQS), and a mapping that hands them to the function in batches and takes back those that it names.

moto has mappings of its own, but they know only its own Lambda.
"""

import contextlib
import datetime
import json
import re
import threading
import traceback

import boto3

import model
import support

BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ACCOUNT = "123456789012"
FINAL = ("FINISHED", "FAILED", "ABORTED")


def documented_rules():
    """The patterns of rules that the reference of events tells users to make, by their source."""
    page = (support.ROOT / "docs" / "reference" / "events.md").read_text()
    blocks = (json.loads(text) for text in BLOCK.findall(page))
    return {block["source"][0]: block for block in blocks if "detail-type" in block}


class Bus:
    """EventBridge, with the events of the Data API on it."""

    def __init__(self, moto, data):
        self.moto = moto
        self.data = model.client(data)
        self.events = boto3.client("events", endpoint_url=moto, **support.KEYS)
        self.seen = set()

    def put(self, source, kind, detail, resources):
        """Puts one event on the bus, as the service that is its source would."""
        entry = {
            "Source": source, "DetailType": kind, "Detail": json.dumps(detail), "Resources": resources,
            "Time": datetime.datetime.now(datetime.timezone.utc),
        }
        reply = self.events.put_events(Entries=[entry])
        assert reply["FailedEntryCount"] == 0, reply

    def rule(self, name, pattern, queue_arn):
        self.events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        self.events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue_arn}])

    def tell_of_statements(self):
        """One event for each statement that has ended since the last look."""
        pages = self.data.get_paginator("list_statements").paginate(Status="ALL")
        for statement in [statement for page in pages for statement in page["Statements"]]:
            if statement["Status"] in FINAL and statement["Id"] not in self.seen:
                self.seen.add(statement["Id"])
                described = self.data.describe_statement(Id=statement["Id"])
                self.put(
                    "aws.redshift-data", "Redshift Data Statement Status Change",
                    {
                        "principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/tasker/tasker",
                        "statementName": statement.get("StatementName", ""),
                        "statementId": statement["Id"],
                        "redshiftQueryId": described.get("RedshiftQueryId", 0),
                        "state": statement["Status"],
                        "rows": described.get("ResultRows", 0),
                        "expireAt": int(described["CreatedAt"].timestamp()) + 86_400,
                    },
                    [f"arn:aws:redshift:{support.REGION}:{ACCOUNT}:cluster:{described['ClusterIdentifier']}"],
                )


class Mapping:
    """A queue at moto, and what hands its messages to a function."""

    def __init__(self, moto, name, invoke):
        self.invoke = invoke
        self.sqs = boto3.client("sqs", endpoint_url=moto, **support.KEYS)
        # What the function names as failed comes again after so many seconds.
        made = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "2"})
        self.url = made["QueueUrl"]
        self.arn = f"arn:aws:sqs:{support.REGION}:{ACCOUNT}:{name}"

    def carry(self):
        messages = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        if not messages:
            return
        records = [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": {},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": self.arn,
                "awsRegion": support.REGION,
            }
            for message in messages
        ]
        status, reply = support.post(self.invoke, {"Records": records})
        if status != 200:
            return
        failed = {item["itemIdentifier"] for item in (reply or {}).get("batchItemFailures", [])}
        for message in messages:
            if message["MessageId"] not in failed:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


@contextlib.contextmanager
def repeated(what, pause=0.2):
    """Does something again and again, in a thread of its own, until the block is left."""
    over = threading.Event()

    def work():
        while not over.wait(pause):
            try:
                what()
            except Exception:
                # The next time may go well; a test that waits for it in vain fails, and shows this.
                if not over.is_set():
                    traceback.print_exc()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)
