"""A function's process behind Lambda's Runtime API, and what it has used."""

import contextlib
import http.server
import json
import pathlib
import queue
import subprocess
import threading
import time
import uuid

# How long a start or an answer may take, in seconds, on a busy computer.
PATIENCE = 120
ARN = "arn:aws:lambda:us-east-1:123456789012:function:tasker"


class Function:
    """A process that is given events one after another. What it uses is read from the system's own accounting."""

    def __init__(self, command, environment, log):
        self._events = queue.Queue()
        self._answers = queue.Queue()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{self._server.server_port}"
        with open(log, "ab") as out:
            self._process = subprocess.Popen(
                command, env={**environment, "AWS_LAMBDA_RUNTIME_API": address},
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )

    def invoke(self, event):
        """Gives it an event: its answer, and the processor time of the process by then, in milliseconds."""
        self._events.put(event)
        kind, answer, cpu, memory = self._answers.get(timeout=PATIENCE)
        if kind != "response":
            raise RuntimeError(f"it answered {kind}: {answer}")
        self.memory = memory
        return answer, cpu

    def cpu(self):
        """The processor time that it has used, in milliseconds."""
        # The clock of another process: see clock_getcpuclockid(3).
        return time.clock_gettime((~self._process.pid << 3) | 2) * 1000

    def resident(self):
        """Its resident memory in megabytes."""
        status = pathlib.Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def close(self):
        """Ends it."""
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()

    def _handler(function):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                event = json.dumps(function._events.get()).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4()))
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 29_000))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", ARN)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                # The process may have been ended.
                with contextlib.suppress(OSError):
                    self.wfile.write(event)

            def do_POST(self):
                cpu, memory = function.cpu(), function.resident()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                function._answers.put((self.path.rsplit("/", 1)[1], body.decode(), cpu, memory))

        return Handler
