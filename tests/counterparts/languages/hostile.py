"""The example in Python, and what it must not be able to do."""

import json
import os
import socket
import sys
import time

import no_drops


def loop():
    while True:
        pass


def bomb():
    kept = []
    while True:
        kept.append(bytearray(b"x" * (1 << 20)))


def reach():
    """What can be reached from here, by what was tried: an error, or what it found."""

    def of(attempt):
        try:
            return repr(attempt())
        except Exception as error:
            return f"refused: {type(error).__name__}"

    return {
        "tcp": of(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)),
        "name": of(lambda: socket.getaddrinfo(b"localhost", 80)),
        "udp": of(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
        "read": of(lambda: open("/etc/passwd").read()),
        "write": of(lambda: open("/tmp/mine", "w")),
        "environment": of(lambda: sorted(os.environ)),
        "input": of(sys.stdin.read),
    }


def tell():
    print("hello from standard output")
    print("hello from standard error", file=sys.stderr)
    begun = time.monotonic()
    time.sleep(3600)
    return {"slept": time.monotonic() - begun, "year": time.gmtime().tm_year, "bytes": len(os.urandom(1000))}


def die():
    sys.stdout.flush()
    os._exit(3)


DEEDS = {"loop": loop, "bomb": bomb, "reach": reach, "tell": tell, "die": die}


class Handler(no_drops.Handler):
    def invoke(self, settings, invocation, task):
        deed = json.loads(invocation.payload).get("do")
        if deed is None:
            return super().invoke(settings, invocation, task)
        return json.dumps(DEEDS[deed]())
