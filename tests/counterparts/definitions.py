"""asl-validator on every state machine in the repository: the files, and what the documentation shows."""

import json
import re
import subprocess
import sys

import support

BLOCK = re.compile(r"^```json[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A machine that no validator may take: where it goes next is not there.
BROKEN = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}


def tracked(pattern):
    """The repository's files of a pattern, as paths below its root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", pattern], cwd=support.ROOT, check=True, capture_output=True, text=True
    )
    return [name for name in listed.stdout.split("\0") if name]


def machine(value):
    """The state machine that a piece of JSON is, or one around the single state that it is; else None."""
    if not isinstance(value, dict):
        return None
    if "StartAt" in value:
        return value
    if value.get("Type") != "Task":
        return None
    followers = {value.get("Next"), *(catcher["Next"] for catcher in value.get("Catch", []))} - {None}
    return {"StartAt": "It", "States": {"It": value, **{name: {"Type": "Succeed"} for name in followers}}}


def shown(page):
    """The state machines that a page shows, each with the place where it begins."""
    text = (support.ROOT / page).read_text()
    for block in BLOCK.finditer(text):
        place = f"{page}:{text.count(chr(10), 0, block.start()) + 2}"
        try:
            found = machine(json.loads(block.group(1)))
        except ValueError as error:
            sys.exit(f"counterparts: {place} is marked as JSON and is none: {error}")
        if found:
            yield place, found


def check(validator, folder):
    """Ends the run if a definition is refused, or if nothing can be."""
    files = [(name, support.ROOT / name) for name in tracked("*.asl.json")]
    written = folder / "shown"
    written.mkdir(exist_ok=True)

    def write(name, value):
        path = written / f"{name.replace('/', '_')}.json"
        path.write_text(json.dumps(value))
        return name, path

    pages = [write(place, value) for page in tracked("*.md") for place, value in shown(page)]
    if not files or not pages:
        sys.exit("counterparts: the repository has state machines, and its pages show some; none were found")
    for name, path in files + pages:
        code, said = validate(validator, path)
        if code:
            sys.exit(f"counterparts: {name}: {said}")
    if validate(validator, write("broken", BROKEN)[1])[0] == 0:
        sys.exit("counterparts: asl-validator takes a machine that goes on to a state that is not there")
    print(f"{len(files)} files and {len(pages)} definitions of pages are valid")


def validate(validator, path):
    done = subprocess.run([validator, "--json-path", path], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr
