"""deploy/template.yaml from end to end: validators, and a stack on ministack with IAM enforced.

What ministack does otherwise than AWS is not asserted, and what it drops is made up for where it matters: see README.md.
"""

import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time
import zipfile

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import model
import support
from events import FINAL, repeated
from ministack import Notes, ministack

DEPLOY = support.ROOT / "deploy"
NAME = "loader"
ACCOUNT = "000000000000"
SET = "live/set.toml"


def lint(*command):
    """Runs a validator of the environment that has them."""
    program = pathlib.Path(os.environ["SIGNALBOX_COUNTERPARTS_LINT"]) / command[0]
    return subprocess.run([str(program), *map(str, command[1:])], capture_output=True, text=True, timeout=300)


def test_the_validators_find_nothing():
    linted = lint("cfn-lint", *sorted(DEPLOY.glob("*.yaml")))
    assert linted.returncode == 0, linted.stdout
    checked = lint(
        "checkov", "--directory", DEPLOY, "--framework", "cloudformation", "--skip-download", "--compact", "--output", "json",
    )
    results = json.loads(checked.stdout)["results"]
    assert not results["failed_checks"], [(found["check_id"], found["resource"]) for found in results["failed_checks"]]
    # What is skipped says why, and nothing is skipped that would pass.
    skipped = [(found["check_id"], found["check_result"]["suppress_comment"]) for found in results["skipped_checks"]]
    text = "".join(path.read_text() for path in DEPLOY.glob("*.yaml"))
    assert len(skipped) == text.count("- id: CKV") > 5, skipped
    assert all(len(why) > 40 for _, why in skipped), skipped


def packaged(folder, *names):
    """Makes `tasker.zip` of files in a folder: the key that is printed."""
    files = [folder / name for name in names]
    done = subprocess.run([DEPLOY / "package", folder / "tasker.zip", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_package_is_the_same_bytes_for_the_same_files(tmp_path):
    for name in ["bootstrap", "standard.cwasm", "a.toml"]:
        (tmp_path / name).write_text(name)
    key = packaged(tmp_path, "bootstrap", "standard.cwasm", "a.toml")
    # Neither dates, rights nor the order matter.
    os.utime(tmp_path / "bootstrap", (0, 1_000_000_000))
    (tmp_path / "bootstrap").chmod(0o600)
    assert packaged(tmp_path, "a.toml", "standard.cwasm", "bootstrap") == key
    assert key == f"signalbox/{hashlib.sha256((tmp_path / 'tasker.zip').read_bytes()).hexdigest()}.zip"
    with zipfile.ZipFile(tmp_path / "tasker.zip") as made:
        rights = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in made.infolist()}
    assert rights == {"bootstrap": 0o755, "standard.cwasm": 0o644, "a.toml": 0o644}
    (tmp_path / "a.toml").write_text("another")
    assert packaged(tmp_path, "bootstrap", "standard.cwasm", "a.toml") != key
    for wrong in [["standard.cwasm"], ["bootstrap", "gone"]]:
        with pytest.raises(AssertionError):
            packaged(tmp_path, *wrong)


def test_the_workflow_of_releases_is_safe():
    done = lint("zizmor", "--offline", "--no-progress", "--persona", "pedantic", support.ROOT / ".github")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_parameter_is_explained():
    page = (support.ROOT / "docs" / "template.md").read_text()
    for path in DEPLOY.glob("*.yaml"):
        parameters = path.read_text().split("\nParameters:\n")[1].split("\nRules:")[0].split("\nResources:")[0]
        names = re.findall(r"^  (\w+):$", parameters, re.MULTILINE)
        assert len(names) >= 3, path
        for name in names:
            assert re.search(rf"^\| [^|]*`{name}`", page, re.MULTILINE), f"{name} of {path.name}"


def test_every_alarm_has_a_runbook():
    template = (DEPLOY / "template.yaml").read_text()
    alarms = re.findall(r"AlarmName: !Sub \$\{FunctionName\}-([a-z-]+)", template)
    assert len(alarms) == template.count("::CloudWatch::Alarm\n") + template.count("::CloudWatch::CompositeAlarm\n") > 10
    page = (support.ROOT / "docs" / "runbooks.md").read_text()
    for alarm in alarms:
        assert f"docs/runbooks.md#{alarm}" in template, alarm
        section = page.split(f"\n## {alarm.replace('-', ' ').capitalize()}\n")[1].split("\n## ")[0]
        for part in ["**Meaning.**", "**Look.**", "**Do.**", "**Over.**"]:
            assert part in section, f"{part} of {alarm}"
    # And the dashboard shows all of them.
    logical = re.findall(r"^  (\w+Alarm):$", template, re.MULTILINE)
    assert all(f"${{{name}.Arn}}" in template.split("  Dashboard:")[1] for name in logical), logical


def node(script, *arguments, **environment):
    """What a script of Node prints, in the environment of the construct's packages."""
    home = os.environ["SIGNALBOX_COUNTERPARTS_NODE"]
    done = subprocess.run(
        ["node", script, *map(str, arguments)] if script.endswith(".js") else ["node", "-e", script, *map(str, arguments)],
        env={**support.environment(**environment), "NODE_PATH": f"{home}/node_modules"},
        capture_output=True, text=True, timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_construct_is_the_original_s_with_one_import_changed(tmp_path):
    home = pathlib.Path(os.environ["SIGNALBOX_COUNTERPARTS_NODE"])
    for folder in ["src", "test"]:
        shutil.copytree(DEPLOY / "cdk" / folder, tmp_path / folder)
    (tmp_path / "node_modules").symlink_to(home / "node_modules")
    options = json.loads((DEPLOY / "cdk" / "tsconfig.json").read_text())
    options["compilerOptions"].update(rootDir=".", outDir="out")
    options["include"] = ["src", "test"]
    (tmp_path / "tsconfig.json").write_text(json.dumps(options))
    compiled = subprocess.run(
        ["node", home / "node_modules/typescript/bin/tsc", "-p", tmp_path], capture_output=True, text=True, timeout=300
    )
    assert compiled.returncode == 0, compiled.stdout

    def synthesised(content, memory):
        with zipfile.ZipFile(tmp_path / "package.zip", "w") as package:
            # Its digest is of its content alone.
            package.writestr(zipfile.ZipInfo("bootstrap"), content)
        out = tmp_path / "cdk.out"
        shutil.rmtree(out, ignore_errors=True)
        node(
            str(tmp_path / "out/test/app.js"), SIGNALBOX_PACKAGE=tmp_path / "package.zip", MEMORY=memory, CDK_OUTDIR=out,
            SIGNALBOX_TEMPLATE=DEPLOY / "template.yaml",
        )
        said = (out / "original.metadata.json").read_text()
        for name in ["powertoolsArn", "createCallbackInfra"]:
            assert f"`{name}` has no effect" in said
        return json.loads((out / "original.template.json").read_text())

    first = synthesised("one", 256)
    # The warnings are about conditions and substitutions of values that are known already.
    linted = lint("cfn-lint", "--ignore-checks", "W", "--", tmp_path / "cdk.out" / "original.template.json")
    assert linted.returncode == 0, linted.stdout

    def of(template, kind):
        return {name: it for name, it in template["Resources"].items() if it["Type"] == kind}

    machine_policy = next(iter(of(first, "AWS::IAM::Policy").values()))["Properties"]["PolicyDocument"]["Statement"]
    (invoke,) = [statement for statement in machine_policy if statement["Action"] == "lambda:InvokeFunction"]
    live = [name for name, it in of(first, "AWS::Lambda::Alias").items() if it["Properties"]["Name"] == "live"]
    assert invoke["Resource"][0]["Ref"] in live and len(live) == 2
    assert "reports" in [it["Properties"]["Name"] for it in of(first, "AWS::Lambda::Alias").values()]
    # Both deployments use one table: that of the second is made under a condition that never holds.
    tables = {it["Properties"]["Environment"]["Variables"]["DDB_TABLE_NAME"]["Fn::If"][2].get("Ref") if isinstance(
        it["Properties"]["Environment"]["Variables"]["DDB_TABLE_NAME"]["Fn::If"][2], dict) else None
        for it in of(first, "AWS::Lambda::Function").values()}
    assert len(tables & set(of(first, "AWS::DynamoDB::Table"))) == 1, tables
    # Another package makes another version, and so do other settings; nothing else does.
    versions = [
        {name: it["Properties"] for name, it in of(synthesised(*asked), "AWS::Lambda::Version").items()}
        for asked in [("one", 256), ("two", 256), ("one", 512)]
    ]
    assert versions[0] == {name: it["Properties"] for name, it in of(first, "AWS::Lambda::Version").items()}
    for other in versions[1:]:
        assert versions[0].keys() == other.keys() and versions[0] != other


def test_the_terraform_module_allows_and_watches_the_same():
    folder = DEPLOY / "terraform"
    checked = lint("checkov", "--directory", folder, "--framework", "terraform", "--skip-download", "--compact", "--output", "json")
    report = json.loads(checked.stdout)
    assert report["summary"]["parsing_errors"] == 0 and not report["results"]["failed_checks"], report["results"]["failed_checks"]
    if shutil.which("terraform"):
        # Formatting needs no provider. Planning does, and nothing here has one.
        formatted = subprocess.run(["terraform", "fmt", "-check", "-recursive", folder], capture_output=True, text=True)
        assert formatted.returncode == 0, formatted.stdout
    script = "require('@cdktf/hcl2json').parse(process.argv[1], require('fs').readFileSync(process.argv[1], 'utf8'))" \
        ".then((it) => console.log(JSON.stringify(it)))"
    parsed = {path.stem: json.loads(node(script, path)) for path in folder.glob("*.tf")}

    def blocks(kind):
        return [block for file in parsed.values() for block in file.get(kind, [])]

    (allowed,) = [block["allowed"] for block in blocks("locals") if "allowed" in block]
    run = ["redshift-data:ExecuteStatement", "redshift-data:BatchExecuteStatement"]
    texts = {"${local.run}": run, '${concat(local.run, ["redshift-serverless:GetCredentials"])}': [*run, "redshift-serverless:GetCredentials"]}
    theirs = {
        sid: sorted(texts[it["actions"]] if isinstance(it["actions"], str) else it["actions"]) for sid, it in allowed.items()
    }
    template = (DEPLOY / "template.yaml").read_text()
    ours = {}
    for text in template.split("      Policies:\n")[1].split("  # ---- ")[0].split("Sid: ")[1:]:
        actions = text.split("Action:")[1].split("Resource:")[0]
        ours[text.split("\n")[0]] = sorted(re.findall(r"[a-z0-9-]+:[A-Za-z]+", actions))
    assert theirs == ours
    named = {name for block in blocks("locals") for part in ["alarms", "expressions"] for name in block.get(part, {})}
    assert named | {"tasks-not-answered"} == set(re.findall(r"AlarmName: !Sub \$\{FunctionName\}-([a-z-]+)", template))
    variables = {name for file in parsed.values() for name in file.get("variable", {})}
    parameters = re.findall(r"^  (\w+):\n    Type", template.split("\nParameters:\n")[1].split("\nRules:")[0], re.MULTILINE)
    renamed = {
        "package_bucket": "package", "package_key": "package", "cluster_identifier": "target", "database": "target",
        "db_user": "target", "settings_revision": "package",
    }
    snake = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in parameters}
    assert {renamed.get(name, name) for name in snake} | {"teams"} == variables


class Stage:
    """A stack on ministack, the tools to change it, and the Data API that its function uses."""

    def __init__(self, folder, url, data, notes):
        self.folder, self.url, self.data, self.notes = folder, url, model.client(data), notes
        self.packages = 0
        self.data_url = data
        for service in ["cloudformation", "stepfunctions", "sqs", "s3", "iam", "sts", "events"]:
            setattr(self, service, self.client(service))
        self.function = self.client("lambda")
        self.template = for_ministack((DEPLOY / "template.yaml").read_text())
        self.parameters = dict(
            FunctionName=NAME, PackageBucket="packages", ConfigFile="signalbox.toml", MemorySize=512,
            ClusterIdentifier="analytics-1", Database="dev", DbUser="etl",
        )
        self.s3.create_bucket(Bucket="packages")
        self.seen, self.lost = set(), set()

    def client(self, service, **keys):
        config = Config(retries={"total_max_attempts": 1}, read_timeout=120, s3={"addressing_style": "path"})
        return boto3.client(service, endpoint_url=self.url, config=config, **{**support.KEYS, **keys})

    # -- What people run.

    def signalbox(self, *arguments, **more):
        """`signalbox`: the exit code, what it prints, and what it says beside that."""
        env = support.environment(**{
            "AWS_ENDPOINT_URL": self.url, "AWS_ENDPOINT_URL_REDSHIFT_DATA": self.data_url,
            "SIGNALBOX_CACHE_DIR": self.folder / "cache", **more,
        })
        done = subprocess.run(
            [support.BINARIES / "signalbox", *map(str, arguments)], cwd=self.folder, env=env, capture_output=True, text=True,
            timeout=support.PATIENCE_SECONDS,
        )
        return done.returncode, done.stdout, done.stderr

    def settings(self):
        """The environment of the function, as the stack set it."""
        return self.function.get_function_configuration(FunctionName=NAME)["Environment"]["Variables"]

    def doctor(self, **more):
        """What `signalbox doctor` says: its findings by their check."""
        code, out, said = self.signalbox("doctor", "--json", "--deployment", NAME, **self.settings(), **more)
        assert out, said
        document = json.loads(out)
        assert (code == 1) == (document["toMend"] > 0), document
        return {finding["check"]: finding for finding in document["findings"]}

    def keys(self):
        """Makes the key that signs sets: its public half."""
        code, out, _ = self.signalbox("--json", "policy", "keygen", "--output", "key.pem")
        assert code == 0
        return json.loads(out)["publicKey"]

    def package(self):
        """Puts a package into the bucket, each with another content: its key."""
        self.packages += 1
        config = self.folder / "signalbox.toml"
        config.write_text(
            f"# Package {self.packages}.\n"
            "[sweep]\nafter_seconds = 5\n\n"
            f'[policy_set]\ntrusted_keys = ["{self.public_key}"]\nmax_age_seconds = 0\nwithin_ms = 5000\n'
            if self.has_set else f"# Package {self.packages}.\n[sweep]\nafter_seconds = 5\n"
        )
        key = packaged(self.folder, "bootstrap", "standard.cwasm", "signalbox.toml")
        self.s3.upload_file(str(self.folder / "tasker.zip"), "packages", key)
        return key

    # -- The stack.

    def stack(self, name, template, **parameters):
        """Creates or updates a stack, and waits until that is done: its outputs."""
        given = dict(TemplateBody=template, Capabilities=["CAPABILITY_IAM"], StackName=name, Parameters=[
            {"ParameterKey": key, "ParameterValue": str(value)} for key, value in parameters.items()
        ])
        exists = any(stack["StackName"] == name for stack in self.cloudformation.describe_stacks()["Stacks"])
        (self.cloudformation.update_stack if exists else self.cloudformation.create_stack)(**given)

        def done():
            stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            if stack["StackStatus"].endswith("_IN_PROGRESS"):
                return None
            assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), self.why(name)
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

        return support.eventually(done, f"the stack {name}")

    def deploy(self, **parameters):
        """Creates or updates the deployment with these parameters beside those of before."""
        self.parameters.update(parameters)
        self.outputs = self.stack(NAME, self.template, **self.parameters)

    def why(self, name):
        events = self.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return [event for event in events if "FAILED" in event["ResourceStatus"]]

    def alias(self, name):
        """The version that an alias points to, and the digest of its code."""
        at = self.function.get_alias(FunctionName=NAME, Name=name)["FunctionVersion"]
        return at, self.function.get_function_configuration(FunctionName=NAME, Qualifier=at)["CodeSha256"]

    # -- Events, which AWS alone may send: they are put where the rule puts what its pattern takes.

    def send_ends(self):
        """One event for each statement that has ended since the last look."""
        pages = self.data.get_paginator("list_statements").paginate(Status="ALL", StatementName=f"sbx-{NAME}:")
        for statement in [statement for page in pages for statement in page["Statements"]]:
            if statement["Status"] not in FINAL or statement["Id"] in self.seen:
                continue
            self.seen.add(statement["Id"])
            # A batch has its texts in another field; none of them is lost.
            if statement.get("QueryString") in self.lost:
                continue
            event = {
                "version": "0", "id": statement["Id"], "account": ACCOUNT, "region": support.REGION,
                "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "resources": [],
                "source": "aws.redshift-data", "detail-type": "Redshift Data Statement Status Change",
                "detail": {
                    "principal": "arn", "statementName": statement["StatementName"], "statementId": statement["Id"],
                    "redshiftQueryId": 0, "state": statement["Status"], "rows": 0, "expireAt": int(time.time()) + 86_400,
                },
            }
            rule = self.events.describe_rule(Name=f"{NAME}-ended")
            fits = self.events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))
            assert fits["Result"], (rule, event)
            (target,) = self.events.list_targets_by_rule(Rule=f"{NAME}-ended")["Targets"]
            queue = self.sqs.get_queue_url(QueueName=target["Arn"].rpartition(":")[2])["QueueUrl"]
            self.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event))

    # -- Tasks.

    def machine(self, name, function):
        """A state machine of the original's users that calls the function: its ARN. Its SQL is in its input."""
        definition = json.loads((support.ROOT / "host/local/definitions/sql_step.asl.json").read_text())
        step = definition["States"]["SqlStep"]
        step["Parameters"]["FunctionName"] = function
        payload = step["Parameters"]["Payload"]
        del payload["sqlStatement"]
        payload["sqlStatement.$"] = "$.sql"
        # ministack does not know HeartbeatSeconds, and waits for 99,999 s for a task whose function raised.
        step["TimeoutSeconds"] = 240
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}],
        }))["Role"]["Arn"]
        self.iam.put_role_policy(RoleName=name, PolicyName="invoke", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function}],
        }))
        return self.stepfunctions.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=role
        )["stateMachineArn"]

    def start(self, machine, sql):
        return self.stepfunctions.start_execution(stateMachineArn=machine, input=json.dumps({"sql": sql}))["executionArn"]

    def ended(self, execution, seconds=support.PATIENCE_SECONDS):
        """The execution as it is described when it has ended."""

        def ask():
            described = self.stepfunctions.describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        return support.eventually(ask, f"the end of {execution}", seconds)

    def invoke(self, function, payload):
        """The reply of the function, and the name of its error."""
        reply = self.function.invoke(FunctionName=function, Payload=json.dumps(payload).encode())
        said = json.loads(reply["Payload"].read())
        return said, said.get("errorType") if reply.get("FunctionError") else None

    def statement(self, sql):
        """The statements with this text."""
        pages = self.data.get_paginator("list_statements").paginate(Status="ALL", StatementName=f"sbx-{NAME}:")
        return [found for page in pages for found in page["Statements"] if found.get("QueryString") == sql]

    def allowed(self, sid=None):
        """The actions that the function's role is allowed; with `sid`, the resources of this statement."""
        role = self.outputs["RoleArn"].rpartition("/")[2]
        statements = self.iam.get_role_policy(RoleName=role, PolicyName="signalbox")["PolicyDocument"]["Statement"]
        if sid:
            found = [statement["Resource"] for statement in statements if statement["Sid"] == sid]
        else:
            found = [statement["Action"] for statement in statements]
        return {one for some in found for one in ([some] if isinstance(some, str) else some)}

    def as_the_role(self):
        """Credentials of the function's role."""
        given = self.sts.assume_role(RoleArn=self.outputs["RoleArn"], RoleSessionName=NAME)["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }


def for_ministack(template):
    """The template without the alarms that ministack does not know: of other alarms, and of expressions."""
    parts = re.split(r"(?=^  \w+:\n    Type: )", template, flags=re.MULTILINE)
    unknown = [part for part in parts if "::CompositeAlarm" in part or "::Alarm\n" in part and "      Metrics:" in part]
    assert len(unknown) == 5
    text = "".join(part for part in parts if part not in unknown)
    for part in unknown:
        text = re.sub(r'"\$\{%s.Arn\}",?' % part.split(":")[0].strip(), "", text)
    text = re.sub(r",\s+\]", "]", text)
    # It keeps parameters as texts, where AWS makes a number or a truth of them.
    for parameter, value in [("QueueConcurrency", "10"), ("DeletionProtection", "true")]:
        assert f": !Ref {parameter}" in text
        text = text.replace(f": !Ref {parameter}", f": {value}")
    # It is reached without TLS here, which queues and bucket refuse.
    text, queues = re.subn(r" +- Sid: OnlyByTls\n(?:[^\n]+\n){2} +Action: sqs:\*\n(?:[^\n]+\n){2}", "", text)
    text, buckets = re.subn('aws:SecureTransport: "false"', 'aws:SecureTransport: "true"', text)
    assert (queues, buckets) == (2, 1)
    return text


@pytest.fixture
def stage(tmp_path):
    notes = Notes()
    with contextlib.ExitStack() as stack:
        data = stack.enter_context(support.serve(tmp_path))["redshiftDataUrl"]
        url, noted_url, noted_data_url = stack.enter_context(ministack(tmp_path, data, notes))
        stage = Stage(tmp_path, url, data, notes)
        stage.noted_url, stage.noted_data_url = noted_url, noted_data_url
        # Without what only a debugger needs: it is unpacked for each function.
        shutil.copy(support.BINARIES / "bootstrap", tmp_path / "bootstrap")
        subprocess.run(["strip", tmp_path / "bootstrap"], check=False)
        code, _, said = stage.signalbox("policy", "compile", "standard", "--output", "standard.cwasm")
        assert code == 0, said
        stage.public_key = stage.keys()
        stage.has_set = False
        stack.enter_context(repeated(stage.send_ends))
        yield stage


def test_tasks_end_and_the_role_allows_what_is_called_and_no_more(stage):
    stage.deploy(PackageKey=stage.package())
    machine = stage.machine("load", stage.outputs["FunctionArn"])

    # Four tasks side by side: one succeeds, one fails, one is stopped, and the event of one is lost.
    stage.lost.add("select 'nobody hears of it'")
    running = {
        sql: stage.start(machine, sql)
        for sql in ["select 1 as one", "select nothing", "select f_slow('stopped', 600)", *stage.lost]
    }

    def started():
        return [found for found in stage.statement("select f_slow('stopped', 600)") if found["Status"] == "STARTED"] or None

    support.eventually(started, "the slow statement")
    stage.stepfunctions.stop_execution(executionArn=running["select f_slow('stopped', 600)"])

    good = stage.ended(running["select 1 as one"])
    assert good["status"] == "SUCCEEDED", good
    assert json.loads(good["output"])["detail"]["state"] == "FINISHED"
    bad = stage.ended(running["select nothing"])
    assert (bad["status"], bad.get("error")) == ("FAILED", "SqlFailure"), bad

    def cancelled():
        (statement,) = stage.statement("select f_slow('stopped', 600)")
        return True if statement["Status"] == "ABORTED" else None

    support.eventually(cancelled, "the SQL of the stopped execution is cancelled")
    # The schedule has the function sweep, which finds what was lost.
    found = stage.ended(running["select 'nobody hears of it'"], seconds=200)
    assert found["status"] == "SUCCEEDED", found
    # Each ran once.
    assert [len(stage.statement(sql)) for sql in running] == [1, 1, 1, 1]
    for queue in ["dead-letters", "undelivered"]:
        url = stage.sqs.get_queue_url(QueueName=f"{NAME}-{queue}")["QueueUrl"]
        (count,) = stage.sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )["Attributes"].values()
        assert count == "0", queue

    assert_documented(items_of_a_task(stage, machine))

    # The doctor finds what ministack drops, and nothing else; `ledger create` adds that.
    bad = {check: finding for check, finding in stage.doctor().items() if finding["state"] != "good"}
    assert set(bad) == {"expiry", "recovery"}, bad
    code, _, said = stage.signalbox("ledger", "create", **stage.settings())
    assert code == 0, said
    assert not [finding for finding in stage.doctor().values() if finding["state"] != "good"]

    # What else the function can be asked to do: a batch, and the rows of a result.
    function = stage.outputs["FunctionArn"]
    batch, error = stage.invoke(function, {"sqlStatements": ["select 1", "select 2"], "waitSeconds": 10})
    assert error is None and batch["Status"] == "FINISHED", (batch, error)
    one, error = stage.invoke(function, {"sqlStatement": "select 7 as seven", "waitSeconds": 10})
    assert error is None and one["Status"] == "FINISHED", (one, error)
    rows, error = stage.invoke(function, {"action": "getStatementResult", "statementId": one["Id"]})
    assert error is None and rows["Records"] == [[{"longValue": 7}]], (rows, error)

    # Under the function's role the doctor may do all that the function does.
    role = stage.as_the_role()
    found = stage.doctor(**role, AWS_ENDPOINT_URL=stage.noted_url, AWS_ENDPOINT_URL_REDSHIFT_DATA=stage.noted_data_url)
    for check in ["records", "target default"]:
        assert found[check]["state"] == "good", found[check]
    # The role may not ask for the account, without which no execution can be named.
    assert found["step functions"]["found"].startswith("states:DescribeExecution: the account is not known")

    # What it allows is what was called, and what Lambda itself does in its name.
    by_lambda = {
        "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "logs:CreateLogStream", "logs:PutLogEvents",
        "xray:PutTraceSegments", "xray:PutTelemetryRecords",
        # By the Data API, in the name of its caller.
        "redshift:GetClusterCredentials",
    }
    allowed = stage.allowed()
    called = {action for action in stage.notes.actions if not action.startswith(("sts:", "lambda:", "events:", "scheduler:"))}
    # The doctor's own looks at the table and queue, which are refused to the role.
    called -= {"dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:DescribeContinuousBackups"}
    assert allowed - by_lambda == called

    # And the role is refused what a function that was taken over would try.
    session = {
        "aws_access_key_id": role["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": role["AWS_SECRET_ACCESS_KEY"],
        "aws_session_token": role["AWS_SESSION_TOKEN"],
    }
    table, bucket = stage.outputs["TableName"], stage.outputs["PolicyBucketName"]
    for service, call in [
        ("dynamodb", lambda it: it.scan(TableName=table)),
        ("dynamodb", lambda it: it.delete_table(TableName=table)),
        ("dynamodb", lambda it: it.get_item(TableName="another", Key={"id": {"S": "x"}})),
        ("sqs", lambda it: it.send_message(QueueUrl=stage.outputs["CompletionsQueueUrl"], MessageBody="{}")),
        ("sqs", lambda it: it.receive_message(QueueUrl=stage.outputs["DeadLettersQueueUrl"])),
        ("s3", lambda it: it.put_object(Bucket=bucket, Key=SET, Body=b"")),
        ("s3", lambda it: it.get_object(Bucket="packages", Key=stage.parameters["PackageKey"])),
        ("stepfunctions", lambda it: it.start_execution(stateMachineArn=machine)),
        ("stepfunctions", lambda it: it.stop_execution(executionArn=running["select 1 as one"])),
        ("lambda", lambda it: it.invoke(FunctionName=NAME)),
        ("iam", lambda it: it.get_role(RoleName=stage.outputs["RoleArn"].rpartition("/")[2])),
        ("sts", lambda it: it.assume_role(RoleArn=stage.outputs["RoleArn"], RoleSessionName="again")),
    ]:
        with pytest.raises(ClientError) as refused:
            call(stage.client(service, **session))
        assert "Denied" in refused.value.response["Error"]["Code"], (service, refused.value)


def items_of_a_task(stage, machine):
    """The items of the table that a task by an event needs: the fewest of three, since a sweep may come in between."""
    counts = []
    for number in range(3):
        before = stage.notes.items.copy()
        execution = stage.start(machine, f"select {number} as counted")
        assert stage.ended(execution)["status"] == "SUCCEEDED"
        # The answer is marked after it was sent.
        time.sleep(2)
        counts.append(stage.notes.items - before)
    return {kind: min(count[kind] for count in counts) for kind in ["transacted", "written", "read"]}


def assert_documented(items):
    """docs/sizing.md counts as many."""
    page = (support.ROOT / "docs" / "sizing.md").read_text()
    rows = {"transacted": "written in transactions", "written": "written otherwise", "read": "read"}
    said = {kind: int(re.search(rf"\| DynamoDB: items {row} \| (\d+) \|", page).group(1)) for kind, row in rows.items()}
    assert items == said


def alarms_fire(stage):
    """Each alarm that ministack has goes on by a value above its threshold; the dashboard is JSON."""
    watch = stage.client("cloudwatch")
    alarms = [alarm for alarm in watch.describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"] if "MetricName" in alarm]
    assert len(alarms) == 7, alarms

    now = datetime.datetime.now(datetime.timezone.utc)
    for alarm in alarms:
        watch.put_metric_data(Namespace=alarm["Namespace"], MetricData=[
            {
                "MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"], "Value": alarm["Threshold"] + 1,
                "Timestamp": now - datetime.timedelta(minutes=minute),
            }
            for minute in range(6)
        ])

    def all_on():
        states = {it["AlarmName"]: it["StateValue"] for it in watch.describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"]}
        return True if set(states.values()) == {"ALARM"} else None

    support.eventually(all_on, "all alarms are on", 90)
    (board,) = watch.list_dashboards(DashboardNamePrefix=NAME)["DashboardEntries"]
    widgets = json.loads(watch.get_dashboard(DashboardName=board["DashboardName"])["DashboardBody"])["widgets"]
    assert [widget["type"] for widget in widgets].count("metric") == 6 and len(widgets) == 9


def test_every_parameter_takes_effect(stage):
    key = stage.client("kms").create_key()["KeyMetadata"]["Arn"]
    topics = [stage.client("sns").create_topic(Name=name)["TopicArn"] for name in ["page", "alarm"]]
    arn = f"arn:aws:%s:{support.REGION}:{ACCOUNT}:%s"
    lists = {
        "ClusterArns": arn % ("redshift", "cluster:two"),
        "DatabaseLoginArns": ",".join(arn % ("redshift", what) for what in ["dbuser:two/etl", "dbname:two/dev"]),
        "WorkgroupArns": arn % ("redshift-serverless", "workgroup/0f1e"),
        "SecretArns": arn % ("secretsmanager", "secret:etl-AbCdEf"),
        "TargetRoleArns": f"arn:aws:iam::{ACCOUNT}:role/redshift",
        "StateMachineArns": ",".join(arn % ("states", f"stateMachine:{name}") for name in ["load", "clean"]),
        "OtherKeyArns": key, "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1",
    }
    stage.has_set = True
    stage.deploy(
        PackageKey=stage.package(), PolicySetKey=SET, RecordsLocation="records/decisions", KmsKeyArn=key, RetentionDays=7,
        # ministack keeps neither a role's boundary, nor a function's network, concurrency and key.
        PermissionsBoundaryArn=f"arn:aws:iam::{ACCOUNT}:policy/boundary", ReservedConcurrency=20, PageTopicArn=topics[0], AlarmTopicArn=topics[1],
        LogRetentionDays=30, ErrorRatePercent=20, LogLevel="WARNING", **lists,
    )
    template = (DEPLOY / "template.yaml").read_text().split("      Policies:\n")[1].split("  # ---- ")[0]
    for sid in re.findall(r"Sid: (\w+)", template):
        assert stage.allowed(sid), sid
    assert stage.allowed("ConfirmStops") == {arn % ("states", f"execution:{name}:*") for name in ["load", "clean"]}
    assert stage.allowed("ReadThePolicySet") == {f"arn:aws:s3:::{stage.outputs['PolicyBucketName']}/live/*"}
    assert stage.allowed("WriteDecisionRecords") == {"arn:aws:s3:::records/decisions/*"}
    for sid, parameter in [
        ("RunOnClusters", "ClusterArns"), ("ConnectToClusters", "DatabaseLoginArns"), ("RunOnWorkgroups", "WorkgroupArns"),
        ("ReadSecretsOfTargets", "SecretArns"), ("BecomeTheRoleOfATarget", "TargetRoleArns"), ("UseOtherKeys", "OtherKeyArns"),
    ]:
        assert stage.allowed(sid) == set(lists[parameter].split(",")), sid
    assert stage.settings()["TTL"] == "7" and stage.settings()["SIGNALBOX_POLICY_SET"].endswith(f"/{SET}")
    for queue, encrypted in [("completions", True), ("dead-letters", True), ("undelivered", False)]:
        url = stage.sqs.get_queue_url(QueueName=f"{NAME}-{queue}")["QueueUrl"]
        attributes = stage.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert (attributes.get("KmsMasterKeyId") == key) == encrypted, attributes
    alarms = stage.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"]
    assert alarms and all(alarm["AlarmActions"] == [topics[1]] for alarm in alarms), alarms
    # A table of before: no other is made, and the function is allowed this one.
    table = stage.outputs["TableName"]
    stage.deploy(ExistingTableName=table, SettingsRevision=2)
    assert stage.outputs["TableName"] == table == stage.settings()["DDB_TABLE_NAME"]
    (record,) = stage.allowed("KeepTheRecord")
    assert record.endswith(f":table/{table}")


def test_what_does_not_fit_together_is_refused(stage):
    for wrong, said in [
        ({"ConfigFile": ""} | dict.fromkeys(["ClusterIdentifier", "Database", "DbUser"], ""), "Without ConfigFile"),
        ({"ConfigFile": "", "PolicySetKey": SET}, "has to be signed"),
        ({"PolicySetKey": "set.toml"}, "PolicySetKey"),
        ({"FunctionName": "a b"}, "FunctionName"),
        ({"PackageKey": "tasker"}, "PackageKey"),
    ]:
        given = {"PackageKey": "signalbox/x.zip"} | stage.parameters | wrong
        parameters = [{"ParameterKey": key, "ParameterValue": str(value)} for key, value in given.items()]
        with pytest.raises(ClientError, match=said):
            stage.cloudformation.create_stack(
                StackName="wrong", TemplateBody=stage.template, Parameters=parameters, Capabilities=["CAPABILITY_IAM"]
            )


# Commands that this version of the AWS CLI, or ministack, does not know.
NOT_HERE = ["aws lambda invoke", "aws logs start-query", "aws cloudformation detect-stack-drift", "aws sqs start-message-move-task"]


def test_the_commands_of_the_runbooks_run(stage):
    stage.deploy(PackageKey=stage.package())
    page = (support.ROOT / "docs" / "runbooks.md").read_text().split("\n## Restore the table\n")[0]
    first, *blocks = [part.split("```", 1)[0] for part in page.split("```sh\n")[1:]]
    first = first.replace("tasker", NAME)
    path = [support.BINARIES, pathlib.Path(os.environ["SIGNALBOX_COUNTERPARTS_PYTHON"]).parent, os.environ["PATH"]]
    settings = stage.settings() | {"SIGNALBOX_CONFIG": str(stage.folder / "signalbox.toml")}
    env = support.environment(**{
        **settings, "AWS_ENDPOINT_URL": stage.url, "AWS_ENDPOINT_URL_REDSHIFT_DATA": stage.data_url, "AWS_PAGER": "",
        "PATH": os.pathsep.join(map(str, path)), "SIGNALBOX_CACHE_DIR": stage.folder / "cache",
    })
    code, _, said = stage.signalbox("ledger", "create", **stage.settings())
    assert code == 0, said
    # What cannot be delivered is sent on as the page says.
    undelivered = stage.outputs["UndeliveredQueueUrl"]
    for number in range(3):
        stage.sqs.send_message(QueueUrl=undelivered, MessageBody=json.dumps({"source": "aws.none", "detail": {"n": f"{number} \\n"}}))
    faults, ran = [], 0
    for block in blocks:
        if any(words in block for words in NOT_HERE):
            block = block.split("aws lambda invoke")[0] if "aws lambda invoke" in block else ""
        # Of SQS this version of the AWS CLI believes an option and not the variable.
        script = f'set -eo pipefail\naws() {{ command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }}\n{first}\n{block}'
        done = subprocess.run(["bash", "-c", script], cwd=stage.folder, env=env, capture_output=True, text=True, timeout=300)
        ran += 1
        if done.returncode:
            faults.append((block, done.stdout, done.stderr))
    assert not faults, faults
    assert ran > 12
    left = stage.sqs.get_queue_attributes(QueueUrl=undelivered, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert left["ApproximateNumberOfMessages"] == "0", left


def manifest(revision, rules):
    """A policy set of this revision."""
    return (
        f'schema = 1\nrevision = {revision}\ndeployments = ["{NAME}"]\n\n[policies.standard]\nbuiltin = "standard"\n\n'
        '[policies.standard.grants]\ntargets = ["default"]\nactions = ["execute-statement", "describe-statement"]\n\n'
        f'[policies.standard.settings]\nunparsed = "deny"\nunqualified = {{ schema = "public" }}\n{rules}\n'
        '[[routes]]\nname = "all"\nfunction = "*"\npolicies = ["standard"]\n'
    )


NO_DROPS = '\n[[policies.standard.settings.rules]]\nname = "no drops"\nwhen = { kinds = ["drop-table"] }\nthen = { deny = "no" }\n'


def test_a_policy_set_is_pushed_and_swapped(stage):
    stage.has_set = True
    stage.deploy(PackageKey=stage.package(), PolicySetKey=SET)
    live, bucket = stage.outputs["FunctionArn"], stage.outputs["PolicyBucketName"]
    drop = {"sqlStatement": "drop table if exists sales", "waitSeconds": 10}
    # Nothing is let through before there is a set.
    assert stage.invoke(live, drop)[1] == "PolicyUnavailable"

    def publish(text, signed=True):
        path = stage.folder / "set.toml"
        path.write_text(text)
        if signed:
            code, _, said = stage.signalbox("policy", "sign", path, "--key", "key.pem")
            assert code == 0, said
        stage.s3.upload_file(str(path), bucket, SET)

    def comes(error):
        support.eventually(lambda: True if stage.invoke(live, drop)[1] == error else None, f"the answer is {error}", 60)

    publish(manifest(1, ""))
    comes(None)
    publish(manifest(2, NO_DROPS))
    comes("PolicyDenied")
    # It has both sets still, as versions of one object.
    versions = stage.s3.list_object_versions(Bucket=bucket, Prefix=SET)["Versions"]
    assert len(versions) == 2, versions
    # Who can write to the bucket alone cannot let anything through: neither by an unsigned set nor by an older one.
    publish(manifest(3, ""), signed=False)
    assert stage.invoke(live, drop)[1] in ("PolicyDenied", "PolicyUnavailable")
    publish(manifest(1, ""))
    assert stage.invoke(live, drop)[1] in ("PolicyDenied", "PolicyUnavailable")
    publish(manifest(3, ""))
    comes(None)
    alarms_fire(stage)
    # The role reads the folder of the set and no other.
    assert "s3:GetObject" in stage.allowed() and "s3:GetObject" in stage.notes.actions


def test_an_update_under_load_loses_no_task(stage):
    first = stage.package()
    # Of the executions of one state machine only.
    load = f"arn:aws:states:{support.REGION}:{ACCOUNT}:stateMachine:load"
    stage.deploy(PackageKey=first, StateMachineArns=load)
    assert stage.allowed("ConfirmStops") == {load.replace("stateMachine", "execution") + ":*"}
    pattern = json.loads(stage.events.describe_rule(Name=f"{NAME}-stopped")["EventPattern"])
    assert pattern["detail"]["stateMachineArn"] == [load]
    machine = stage.machine("load", stage.outputs["FunctionArn"])
    assert stage.ended(stage.start(machine, "create table loads (i int)"))["status"] == "SUCCEEDED"
    at_first = stage.alias("live")
    team = stage.stack(
        "loader-reports", (DEPLOY / "team.yaml").read_text(), FunctionName=NAME, FunctionVersion=at_first[0], Team="reports",
    )
    assert team["FunctionArn"].endswith(f":function:{NAME}:reports")

    # Without a new version the aliases keep their settings, as they keep their code.
    stage.deploy(MemorySize=640)
    assert stage.alias("live") == at_first
    stage.deploy(SettingsRevision=2)
    assert stage.alias("live")[0] != at_first[0] == stage.alias("reports")[0]

    executions, stop = [], threading.Event()

    def load():
        while not stop.wait(0.5):
            number = len(executions)
            slow = f"select f_slow('{number}', 10)"
            executions.append(stage.start(machine, slow if number % 4 == 0 else f"insert into loads values ({number})"))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        support.eventually(lambda: True if len(executions) > 5 else None, "some load")
        stage.deploy(PackageKey=stage.package())
        during = len(executions)
        support.eventually(lambda: True if len(executions) > during + 5 else None, "some load afterwards")
    finally:
        stop.set()
        thread.join()
    updated = stage.alias("live")
    assert updated[1] != at_first[1] and stage.alias("sweep") == updated
    ended = [stage.ended(execution, seconds=200)["status"] for execution in executions]
    assert ended == ["SUCCEEDED"] * len(executions), ended
    inserted = {number for number in range(len(executions)) if number % 4}
    stage.lost.add("select i from loads")
    rows = stage.data.execute_statement(
        Sql="select i from loads", ClusterIdentifier="analytics-1", Database="dev", DbUser="etl", WaitTimeSeconds=20
    )
    cells = stage.data.get_statement_result(Id=rows["Id"])["Records"]
    assert sorted(cell[0]["longValue"] for cell in cells) == sorted(inserted)

    # Back: the older package in a new version. The versions in between stay for those who use them.
    stage.deploy(PackageKey=first)
    back = stage.alias("live")
    assert back[1] == at_first[1] and int(back[0]) > int(updated[0])
    versions = {it["Version"] for it in stage.function.list_versions_by_function(FunctionName=NAME)["Versions"]}
    assert {at_first[0], updated[0], back[0]} <= versions
    assert stage.ended(stage.start(machine, "select 2"))["status"] == "SUCCEEDED"

    # Down: what holds records and policies stays, the rest goes.
    outputs = stage.outputs
    for name in ["loader-reports", NAME]:
        stage.cloudformation.delete_stack(StackName=name)
        support.eventually(
            lambda name=name: None if any(it["StackName"] == name for it in stage.cloudformation.describe_stacks()["Stacks"])
            else True,
            f"the stack {name} is gone",
        )
    for gone in [
        lambda: stage.function.get_function(FunctionName=NAME),
        lambda: stage.sqs.get_queue_url(QueueName=f"{NAME}-completions"),
        lambda: stage.events.describe_rule(Name=f"{NAME}-sweep"),
    ]:
        with pytest.raises(ClientError):
            gone()
    assert stage.client("dynamodb").describe_table(TableName=outputs["TableName"])["Table"]["DeletionProtectionEnabled"]
    stage.s3.head_bucket(Bucket=outputs["PolicyBucketName"])
