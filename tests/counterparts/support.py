"""Starts and ends the programs of a test run. Everything listens on 127.0.0.1 and ends with the test that started it."""

import contextlib
import json
import os
import pathlib
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

FAKE_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


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


@contextlib.contextmanager
def program(arguments, log, env=None, **options):
    """A process that is asked to end, then made to, when the block is left. What it says goes to the file `log`."""
    with open(log, "ab") as out:
        options.setdefault("stdout", out)
        process = subprocess.Popen([str(a) for a in arguments], stderr=out, env=env or environment(), **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answers(url, process, log):
    """Waits until something answers at `url`, whatever it says."""

    def ask():
        if process.poll() is not None:
            raise AssertionError(f"it ended with {process.returncode}: {pathlib.Path(log).read_text()[-2000:]}")
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            pass
        except OSError:
            return None
        return True

    eventually(ask, f"an answer at {url}")


@contextlib.contextmanager
def serve(directory, *arguments, env=None):
    """`signalbox serve`: the addresses that it prints."""
    log = directory / "serve.log"
    with program(
        [BINARIES / "signalbox", "serve", "--json", *arguments], log, env=env or environment(), stdout=subprocess.PIPE
    ) as process:
        line = process.stdout.readline()
        assert line, f"serve did not start: {log.read_text()[-2000:]}"
        yield json.loads(line)


@contextlib.contextmanager
def moto(directory, lambda_port):
    """moto, whose Step Functions run machines and call Lambda at `lambda_port`: its address."""
    port, log = free_port(), directory / "moto.log"
    url = f"http://127.0.0.1:{port}"
    python = os.environ["SIGNALBOX_COUNTERPARTS_PYTHON"]
    # Two ports that differ are what makes moto call Lambda somewhere else than at itself.
    with program(
        [python, HERE / "moto_server.py", port], log, env=environment(MOTO_PORT=lambda_port)
    ) as process:
        answers(f"{url}/moto-api/", process, log)
        post(f"{url}/moto-api/config", {"stepfunctions": {"execute_state_machine": True}})
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
