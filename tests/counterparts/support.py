"""Starts and ends the programs of a test run.

Everything listens on 127.0.0.1, writes what it says to a file of its own, and ends with the block that started it, on
failure and Ctrl-C too. What runs is in a session of its own, so that Ctrl-C reaches the tests and not the programs
below them, which are then ended in order.
"""

import contextlib
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
BINARIES = pathlib.Path(os.environ.get("SIGNALBOX_TEST_BINARIES", ROOT / "target" / "debug"))
# How long a program may take to come up, or a machine to end, on a busy computer.
PATIENCE_SECONDS = 120
REGION = "us-east-1"
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}

FAKE_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    # A file that is not there: nobody's real profile is read.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

# The files that running programs write to.
_logs = []


def environment(**more):
    """The process's environment without anything that would lead to a real account, and with `more`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "SIGNALBOX_"))}
    return {**kept, **FAKE_CREDENTIALS, **{key: str(value) for key, value in more.items()}}


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(ask, what, seconds=PATIENCE_SECONDS):
    """The first answer of `ask` that is not None; fails if there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer is not None:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds} s")


def tail(log, characters=3000):
    """The end of what a program has said."""
    try:
        text = pathlib.Path(log).read_text(errors="replace")
    except OSError as error:
        return str(error)
    return text[-characters:] or "(nothing)"


def tails():
    """What the programs that run have said last, each with its name."""
    return [(log.stem, tail(log)) for log in _logs]


@contextlib.contextmanager
def program(arguments, log, env=None, **options):
    """A process that is asked to end, then made to, when the block is left. What it says goes to the file `log`."""
    log = pathlib.Path(log)
    with open(log, "ab") as out:
        options.setdefault("stdout", out)
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL, stderr=out, env=env or environment(), start_new_session=True, **options,
        )
    _logs.append(log)
    try:
        yield process
    finally:
        end(process)
        _logs.remove(log)


def end(process):
    """Ends a process and what it started."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        # Its session has its own id, and lives for as long as one of its processes.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)


def ran(arguments, log, **options):
    """Runs a program to its end, which has to be a good one."""
    with program(arguments, log, **options) as process:
        code = process.wait(PATIENCE_SECONDS)
    assert code == 0, f"{arguments[0]} ended with {code}: {tail(log)}"


def listens(port, process, log, address="127.0.0.1"):
    """Waits until a program takes connections."""

    def ask():
        assert process.poll() is None, f"it ended with {process.returncode}: {tail(log)}"
        try:
            socket.create_connection((address, port), timeout=5).close()
        except OSError:
            return None
        return True

    eventually(ask, f"{pathlib.Path(log).stem} listens")


@contextlib.contextmanager
def serve(directory, *arguments, env=None):
    """`signalbox serve`: the addresses that it prints."""
    log = directory / "serve.log"
    command = [BINARIES / "signalbox", "serve", "--json", *arguments]
    with program(command, log, env=env, stdout=subprocess.PIPE) as process:
        said, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
        line = process.stdout.readline() if said else b""
        assert line, f"serve did not start: {tail(log)}"
        yield json.loads(line)


@contextlib.contextmanager
def moto(directory, lambda_port):
    """moto, whose Step Functions run machines and call other services at `lambda_port`: its address."""
    port, log = free_port(), directory / "moto.log"
    url = f"http://127.0.0.1:{port}"
    python = os.environ["SIGNALBOX_COUNTERPARTS_PYTHON"]
    # Two ports that differ are what makes moto call Lambda somewhere else than at itself.
    with program([python, HERE / "moto_server.py", port], log, env=environment(MOTO_PORT=lambda_port)) as process:
        listens(port, process, log)
        status, reply = post(f"{url}/moto-api/config", {"stepfunctions": {"execute_state_machine": True}})
        assert status < 300, reply
        yield url


def post(url, body, headers=None):
    """Posts JSON: the status and the reply, parsed where it is JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
            status, text = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text
