"""Policies in Python and in JavaScript, built by their languages' own tools and run by the built `signalbox` under the
host's limits: the examples, and the same with deeds that have to be stopped.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

import support

HOSTILE = pathlib.Path(__file__).resolve().parent / "languages"
SUFFIX = {"python": ".py", "javascript": ".js"}
# Compiling one is half a minute's work for a debug build on two shared cores.
PATIENCE_SECONDS = 900

# Without limits of its own: the default ones are enough.
CONFIG = """
[ledger]
table = "signalbox"

[targets.default]
cluster_identifier = "analytics-1"
database = "dev"
db_user = "etl"

[policies.team]
component = "{component}"
"""


def run(arguments, folder, **more):
    """A run of a program, with its output."""
    environment = support.environment(SIGNALBOX_CACHE_DIR=folder / "cache", **more)
    return subprocess.run(
        [str(argument) for argument in arguments], cwd=folder, env=environment, text=True, capture_output=True,
        stdin=subprocess.DEVNULL, timeout=PATIENCE_SECONDS,
    )


class Policy:
    """A component that was built, and a folder to run it in."""

    def __init__(self, folder, component):
        self.folder = folder
        self.config = component.with_suffix(".toml")
        self.config.write_text(CONFIG.format(component=component))

    def invoke(self, **payload):
        """What `signalbox invoke` says of a payload."""
        (self.folder / "event.json").write_text(json.dumps(payload))
        done = run(
            [support.BINARIES / "signalbox", "invoke", "event.json", "--config", self.config, "--json"], self.folder,
        )
        assert done.stdout, done.stderr
        return Told(done.returncode, json.loads(done.stdout), done.stderr)


class Told:
    def __init__(self, code, document, log):
        self.code, self.document, self.log = code, document, log
        self.evaluations = [
            happening["evaluation"] for happening in document["happenings"] if "evaluation" in happening
        ]

    def raised(self):
        raised = self.document["raised"]
        return raised["errorType"], raised["errorMessage"]


class Language:
    """An example, in a copy beside the contract as it stands in the repository. Its README says how it is built."""

    def __init__(self, name, config):
        self.name, self.config = name, config
        home = pathlib.Path(os.environ["SIGNALBOX_COUNTERPARTS_LANGUAGES"])
        self.folder = home / "guest" / "examples" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (home / "wit").is_symlink():
            (home / "wit").symlink_to(support.ROOT / "wit")
        for source in (support.ROOT / "guest" / "examples" / name).iterdir():
            if source.is_file():
                shutil.copy(source, self.folder)
        self.said = ""
        for line in self.commands():
            self.said = self.sh(line)
        (example,) = self.folder.glob("no?drops.wasm")
        shutil.copy(HOSTILE / ("hostile" + SUFFIX[name]), self.folder)
        builds = [line for line in self.commands() if example.name in line and "signalbox" not in line]
        for line in builds or ["node build.mjs ../../../wit no-drops.js no-drops.wasm"]:
            self.sh(re.sub(r"\bno[-_]drops\b", "hostile", line))
        self.good, self.hostile = (Policy(self.folder, file) for file in (example, self.folder / "hostile.wasm"))
        self.tell(f"{example.stat().st_size / 1e6:.1f} MB")

    def commands(self):
        """The commands of the README."""
        blocks = (self.folder / "README.md").read_text().split("```sh\n")[1:]
        return [line for block in blocks for line in block.split("```", 1)[0].splitlines()]

    def sh(self, line):
        began = time.monotonic()
        done = run(["sh", "-c", line], self.folder, PATH=f"{support.BINARIES}:{os.environ['PATH']}")
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        self.tell(f"`{line}` took {time.monotonic() - began:.1f} s")
        return done.stdout

    def tell(self, figure):
        """Shows a figure of the run, whatever is captured."""
        with self.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\nlanguages: {self.name}: {figure}", flush=True)


@pytest.fixture(scope="module", params=SUFFIX)
def language(request):
    return Language(request.param, request.config)


def used(evaluation):
    usage = evaluation["usage"]
    return f"{usage['guestTimeUs'] / 1000:.1f} ms of guest time, {usage['memory'] / 2**20:.1f} MiB"


TASK = {"taskToken": "mine", "executionArn": "arn:aws:states:eu-west-1:000000000000:execution:m:e"}


def test_the_commands_of_the_readme_make_a_policy(language):
    assert language.said.startswith("good: no") and "it needs WASI" in language.said, language.said


def test_a_new_project_builds_and_passes_its_own_tests(language, tmp_path):
    environment = {"PATH": f"{support.BINARIES}:{os.environ['PATH']}"}
    made = run([support.BINARIES / "signalbox", "policy", "new", "team", "--lang", language.name], tmp_path)
    assert made.returncode == 0, made.stderr
    project = tmp_path / "team"
    # What its build would fetch was fetched for the example.
    for fetched in ("venv", "node_modules"):
        if (language.folder / fetched).is_dir():
            (project / fetched).symlink_to(language.folder / fetched)
    built = run(["sh", "build"], project, **environment)
    assert built.returncode == 0, built.stdout + built.stderr
    for command, said in (("test", "3 passed; 0 failed"), ("check set.toml", "good: set.toml revision 1")):
        done = run([support.BINARIES / "signalbox", "policy", *command.split()], project)
        assert done.returncode == 0 and said in done.stdout, done.stdout + done.stderr


def test_what_it_allows_runs_and_the_task_is_told(language):
    told = language.good.invoke(sqlStatement="select 1 as one", **TASK)
    assert told.code == 0, told.document
    assert [evaluation["export"] for evaluation in told.evaluations] == ["invoke", "settle"]
    assert told.document["tasks"][0]["output"]["Status"] == "FINISHED"
    for evaluation in told.evaluations:
        language.tell(f"{evaluation['export']} took {used(evaluation)}")
    failed = language.good.invoke(sqlStatement="select nothing", **TASK)
    assert failed.code == 1 and "FAILED" in json.dumps(failed.document["tasks"][0]), failed.document


def test_what_it_does_not_allow_is_refused(language):
    for payload, error, says in [
        ({"sqlStatement": "DROP table sales.old"}, "PolicyDenied", "Tables are dropped by the platform team."),
        ({"action": "cancelStatement", "statementId": "x"}, "InvalidRequest", "one statement"),
        ({"sqlStatement": "select 1", "waitSeconds": "5"}, "InvalidRequest", "`waitSeconds`"),
    ]:
        told = language.good.invoke(**payload)
        assert told.code == 1
        assert told.raised()[0] == error and says in told.raised()[1], told.document


@pytest.mark.parametrize("deed, error, says", [
    ("loop", "PolicyTimeout", "the 1000 ms of guest time"),
    ("bomb", "PolicyFault", "bytes of memory and may have"),
])
def test_what_does_not_end_is_ended(language, deed, error, says):
    told = language.hostile.invoke(action="executeStatement", do=deed, **TASK)
    assert told.code == 1
    assert told.raised()[0] == error and says in told.raised()[1], told.document
    # The same host, as far as files go: its cache and its limits.
    assert language.hostile.invoke(sqlStatement="select 1 as one", **TASK).code == 0


def test_nothing_is_within_reach(language):
    told = language.hostile.invoke(action="executeStatement", do="reach")
    assert told.code == 0, told.document
    reached = told.evaluations[0]["decision"]["invoked"]["reply"]
    if language.name == "python":
        assert reached["environment"] == "[]" and reached["input"] == "''", reached
        assert reached["tcp"] == reached["udp"] == "refused: PermissionError", reached
        assert reached["read"] == reached["write"] == "refused: FileNotFoundError", reached
        assert reached["name"].startswith("refused: "), reached
    else:
        assert set(reached.values()) == {"undefined"}, reached


def test_time_and_output_are_the_events(language):
    told = language.hostile.invoke(action="executeStatement", do="tell")
    assert told.code == 0, told.document
    reply = told.evaluations[0]["decision"]["invoked"]["reply"]
    assert reply["year"] >= time.gmtime().tm_year, reply
    if language.name == "python":
        assert 3600 <= reply["slept"] < 3601 and reply["bytes"] == 1000, reply


def test_a_policy_that_ends_itself_is_a_fault(language):
    if language.name != "python":
        pytest.skip("JavaScript has no way to")
    told = language.hostile.invoke(action="executeStatement", do="die")
    assert told.code == 1 and told.raised()[0] == "PolicyFault" and "ended itself" in told.raised()[1], told.document
