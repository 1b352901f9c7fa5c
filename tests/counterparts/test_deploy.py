"""The commands of docs/deploy.md and the template of docs/migrate.md as they stand there, given to moto with the AWS CLI,
and `signalbox doctor` on what comes of them.

What moto does otherwise than AWS is not asserted: it lists no statements, and what it answers to a task token that
nobody has is its own.
"""

import json
import os
import pathlib
import subprocess
import zipfile

import pytest

import support

# Building the program, and running a function: moto would need docker for that.
NOT_HERE = ("cargo build", "aws lambda invoke")
GOOD = [
    "configuration", "policies", "table", "billing", "expiry", "recovery", "records", "function", "function settings",
    "completion rule", "queue tasker-completions", "mapping of tasker-completions", "stopped executions rule", "schedule",
]


def blocks():
    """The shell blocks of the page, in order."""
    text = (support.ROOT / "docs" / "deploy.md").read_text()
    found = [part.split("```", 1)[0] for part in text.split("```sh\n")[1:]]
    assert len(found) > 8
    return [block for block in found if not any(words in block for words in NOT_HERE)]


# What the template of docs/migrate.md stands beside: the function itself.
FUNCTION = """
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{ Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: sts:AssumeRole }]
  Tasker:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: tasker
      Runtime: provided.al2023
      Handler: bootstrap
      Timeout: 29
      Role: !GetAtt Role.Arn
      Code: { ZipFile: an executable }
      Environment:
        Variables: { CLUSTER_IDENTIFIER: analytics-1, DATABASE: dev, DB_USER: etl, DDB_TABLE_NAME: signalbox }
"""


class Desk:
    """A folder with the program's package, and an environment in which AWS is moto."""

    def __init__(self, folder, moto):
        self.folder = folder
        with zipfile.ZipFile(folder / "tasker.zip", "w") as package:
            package.writestr("bootstrap", "an executable")
        path = [support.BINARIES, pathlib.Path(os.environ["SIGNALBOX_COUNTERPARTS_PYTHON"]).parent, os.environ["PATH"]]
        self.environment = support.environment(
            AWS_ENDPOINT_URL=moto, PATH=os.pathsep.join(map(str, path)),
            SIGNALBOX_CACHE_DIR=folder / "cache", AWS_PAGER="",
        )

    def run(self, script):
        # Of SQS this version of the AWS CLI believes an option and not the variable.
        aws = 'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }\n'
        script = f"set -euo pipefail\n{aws}{script}"
        return subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=600
        )

    def doctor(self, before=""):
        """The findings by their check, and the exit code."""
        names = blocks()[0]
        done = self.run(f"{names}\n{before}\nsignalbox doctor --deployment $NAME --json")
        assert done.stdout, done.stderr
        document = json.loads(done.stdout[done.stdout.index("{\n") :])
        assert (done.returncode == 1) == (document["toMend"] > 0), document
        return {finding["check"]: finding for finding in document["findings"]}


@pytest.fixture
def desk(tmp_path):
    with support.moto(tmp_path, support.free_port()) as moto:
        yield Desk(tmp_path, moto)


def test_the_page_makes_a_deployment_that_the_doctor_finds_good(desk):
    # Before: nothing is there, and that is said.
    bare = desk.doctor()
    for check in ["table", "function", "completion rule", "stopped executions rule", "schedule"]:
        assert bare[check]["state"] == "mend", bare

    made = desk.run("\n".join(block for block in blocks() if "signalbox doctor" not in block))
    assert made.returncode == 0, f"{made.stdout}\n{made.stderr}"
    found = desk.doctor()
    for check in GOOD:
        assert found.get(check, {}).get("state") == "good", found
    # What only moto answers otherwise is unknown at worst.
    assert not [finding for finding in found.values() if finding["state"] == "mend"], found

    for spoil, check in [
        ("aws events disable-rule --name $NAME-ended", "completion rule"),
        ("aws events remove-targets --rule $NAME-stopped --ids completions", "stopped executions rule"),
        ("aws events put-rule --name $NAME-sweep --schedule-expression 'rate(5 minutes)'", "schedule"),
        ("aws lambda update-function-configuration --function-name $NAME --timeout 3", "function"),
        ("aws sqs set-queue-attributes --queue-url $(aws sqs get-queue-url --queue-name $NAME-completions "
         "--query QueueUrl --output text) --attributes VisibilityTimeout=1", "queue tasker-completions"),
    ]:
        found = desk.doctor(f"{spoil} > spoilt.json")
        assert found[check]["state"] == "mend", (spoil, found[check])


def test_the_template_of_a_move_does_too(desk):
    page = (support.ROOT / "docs" / "migrate.md").read_text()
    template = page.split("```yaml\n")[1].split("```")[0]
    (desk.folder / "template.yaml").write_text(template + FUNCTION)
    made = desk.run(
        f"{blocks()[0]}\nsignalbox ledger create\n"
        "aws cloudformation create-stack --stack-name signalbox --template-body file://template.yaml --capabilities CAPABILITY_IAM"
    )
    assert made.returncode == 0, f"{made.stdout}\n{made.stderr}"
    # moto makes no AWS::SQS::QueuePolicy; without one the doctor would say so.
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    (desk.folder / "policy.json").write_text(json.dumps({"Policy": json.dumps({"Statement": [allow]})}))
    found = desk.doctor(
        "queue=$(aws sqs list-queues --queue-name-prefix signalbox-Completions --query 'QueueUrls[0]' --output text)\n"
        "aws sqs set-queue-attributes --queue-url $queue --attributes file://policy.json"
    )
    ways = [check for check in found if check.startswith(("queue ", "mapping of "))]
    assert len(ways) == 2, found
    for check in ["table", "function", "function settings", "completion rule", "stopped executions rule", "schedule", *ways]:
        assert found[check]["state"] == "good", found[check]
