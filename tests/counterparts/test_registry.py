"""Policy sets in Debian's docker-registry: pushed by `signalbox policy push` and by another tool, taken by the function of
`signalbox serve` and by `signalbox invoke`. It asks for a login, keeps its content in files, and trusts those.
"""

import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import platform
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.request

import oras.client
import pytest
import trustme

import support

# A component that refuses every payload and says what it was told by its settings. And what of it, by its SHA-256.
COMPONENT = support.ROOT / "tests" / "guests" / "kept" / "contract-0.1.0.wasm"
SAYS = "wants nothing"
USER, PASSWORD = "puller", "not-for-everybody"
# As `htpasswd -B` makes it of the two.
HTPASSWD = "puller:$2b$05$SvWW0bu2EfrClquJ8S9m7O/nZdEvNzLPnHvjYIPG48A5QNCPEX0MC"

CONFIG = """
[ledger]
table = "signalbox"

[targets.default]
cluster_identifier = "analytics-1"
database = "dev"
db_user = "etl"

[policy_set]
source = "{source}"
max_age_seconds = 0
within_ms = 30000
trusted_keys = ["{key}"]
status_for = ["*"]
"""

SERVER = """
version: 0.1
storage: {{filesystem: {{rootdirectory: "{folder}/store"}}}}
http: {{addr: "{address}:{port}"{tls}}}
auth: {{htpasswd: {{realm: here, path: "{folder}/htpasswd"}}}}
"""


class Registry:
    def __init__(self, folder, address, port):
        self.folder, self.address, self.port = folder, address, port

    def name(self, tag):
        return f"{self.address}:{self.port}/team/policies:{tag}"

    def stored(self, digest):
        """The file that holds the content of a digest."""
        digest = digest.removeprefix("sha256:")
        return self.folder / "store/docker/registry/v2/blobs/sha256" / digest[:2] / digest / "data"


@contextlib.contextmanager
def server(folder, address, tls=""):
    port = support.free_port()
    (folder / "htpasswd").write_text(HTPASSWD + "\n")
    (folder / "server.yml").write_text(SERVER.format(folder=folder, address=address, port=port, tls=tls))
    log = folder / "docker-registry.log"
    with support.program([os.environ["SIGNALBOX_COUNTERPARTS_REGISTRY"], "serve", folder / "server.yml"], log) as process:
        support.listens(port, process, log, address)
        yield Registry(folder, address, port)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with server(tmp_path_factory.mktemp("registry"), "127.0.0.1") as registry:
        yield registry


class Workshop:
    """A folder in which sets are made, and the command line there."""

    def __init__(self, folder, registry):
        self.folder, self.registry = folder, registry
        shutil.copy(COMPONENT, folder / "team.wasm")
        self.sha256 = hashlib.sha256(COMPONENT.read_bytes()).hexdigest()
        self.key = self.good("policy", "keygen", "-o", "key.pem")["publicKey"]

    def run(self, *arguments, password=PASSWORD, **more):
        environment = support.environment(
            SIGNALBOX_CACHE_DIR=self.folder / "cache", SIGNALBOX_REGISTRY_USERNAME=USER,
            SIGNALBOX_REGISTRY_PASSWORD=password, **more,
        )
        return subprocess.run(
            [support.BINARIES / "signalbox", "--json", *map(str, arguments)], cwd=self.folder, env=environment, text=True,
            capture_output=True, stdin=subprocess.DEVNULL, timeout=600,
        )

    def good(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def write(self, revision, policies=("team",)):
        """A set of the component under these names, of which the first serves."""
        text = f'schema = 1\nrevision = {revision}\ndeployments = ["*"]\n'
        for name in policies:
            text += f'[policies.{name}]\ncomponent = "team.wasm"\nsha256 = "{self.sha256}"\n'
            text += 'grants = { targets = ["default"], actions = ["execute-statement"] }\n'
        text += f'[[routes]]\nname = "all"\nfunction = "*"\npolicies = {json.dumps(policies)}\n'
        (self.folder / "set.toml").write_text(text)

    def sign(self):
        self.good("policy", "sign", "set.toml", "--key", "key.pem")

    def push(self, revision, tag, **more):
        self.write(revision, **more)
        self.sign()
        return self.good("policy", "push", "set.toml", f"oci://{self.registry.name(tag)}")

    def config(self, source):
        path = self.folder / "signalbox.toml"
        path.write_text(CONFIG.format(source=source, key=self.key))
        return path

    def invoke(self, source, **more):
        """What the function says of a payload, with the set from there."""
        (self.folder / "event.json").write_text('{"sqlStatement": "select 1"}')
        done = self.run("invoke", "event.json", "--config", self.config(source), **more)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)["raised"]["errorMessage"] if done.returncode < 2 else done.stderr


@pytest.fixture
def workshop(tmp_path, registry):
    return Workshop(tmp_path, registry)


@contextlib.contextmanager
def function(workshop, source):
    """A function that runs: calls it with a payload."""
    environment = support.environment(
        SIGNALBOX_CACHE_DIR=workshop.folder / "cache", SIGNALBOX_REGISTRY_USERNAME=USER,
        SIGNALBOX_REGISTRY_PASSWORD=PASSWORD,
    )
    with support.serve(workshop.folder, "--config", workshop.config(source), env=environment) as served:

        def call(**payload):
            url = f"{served['lambdaUrl']}/2015-03-31/functions/tasker/invocations"
            request = urllib.request.Request(url, json.dumps(payload).encode(), {"content-type": "application/json"})
            with urllib.request.urlopen(request, timeout=support.PATIENCE_SECONDS) as reply:
                return json.load(reply)

        yield call


def test_a_set_that_was_pushed_is_in_force(workshop):
    pushed = workshop.push(1, "pushed")
    assert SAYS in workshop.invoke(f"oci://{workshop.registry.name('pushed')}")
    assert SAYS in workshop.invoke(pushed["pinned"])


def test_no_proxy_comes_between_this_machine_and_its_own_registry(workshop):
    # Whoever listens there would be told the login in the clear.
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        address = "http://127.0.0.1:%d" % proxy.getsockname()[1]
        proxies = {"HTTP_PROXY": address, "http_proxy": address, "NO_PROXY": "", "no_proxy": ""}
        target = f"oci://{workshop.registry.name('proxied')}"
        workshop.write(1)
        workshop.sign()
        pushed = workshop.run("policy", "push", "set.toml", target, **proxies)
        assert pushed.returncode == 0, pushed.stderr
        assert SAYS in workshop.invoke(target, **proxies)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_a_running_function_follows_the_tag_and_never_a_pinned_digest(workshop):
    first = workshop.push(1, "moves")
    with function(workshop, f"oci://{workshop.registry.name('moves')}") as call:
        before = call(action="status")["policySet"]["inForce"]
        assert (before["revision"], before["signedBy"]) == (1, workshop.key)
        assert SAYS in call(sqlStatement="select 1")["errorMessage"]
        second = workshop.push(2, "moves", policies=("other", "team"))
        assert second["digest"] != first["digest"]
        call(sqlStatement="select 1")
        assert call(action="status")["policySet"]["inForce"]["revision"] == 2

        # One more, of which the registry's disk has lost the half.
        third = workshop.push(3, "moves")
        manifest = json.loads(workshop.registry.stored(third["digest"]).read_bytes())
        layer = workshop.registry.stored(manifest["layers"][0]["digest"])
        layer.write_bytes(layer.read_bytes()[:-40])
        call(sqlStatement="select 1")
        status = call(action="status")["policySet"]
        assert status["inForce"]["revision"] == 2, status
        assert status["problem"]["reason"], status
    with function(workshop, first["pinned"]) as call:
        assert call(action="status")["policySet"]["inForce"]["revision"] == 1


def test_a_component_that_another_took_the_place_of_is_not_run(workshop):
    workshop.push(1, "lies")
    source = f"oci://{workshop.registry.name('lies')}"
    stored = workshop.registry.stored(workshop.sha256)
    good = stored.read_bytes()
    try:
        # As long as it was: the registry does not notice.
        stored.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        told = workshop.invoke(source)
        assert "Nothing of it was used" in told and "team.wasm" in told, told
    finally:
        stored.write_bytes(good)
    assert SAYS in workshop.invoke(source)


def test_what_another_tool_pushed_is_taken(workshop):
    workshop.write(1)
    workshop.sign()
    client = oras.client.OrasClient(insecure=True, auth_backend="basic")
    client.auth.set_basic_auth(USER, PASSWORD)
    with contextlib.chdir(workshop.folder):
        client.push(
            target=workshop.registry.name("by-oras"), disable_path_validation=True,
            files=["set.toml:application/vnd.signalbox.policy-set.v1+toml", "team.wasm:application/wasm"],
        )
    assert SAYS in workshop.invoke(f"oci://{workshop.registry.name('by-oras')}")


def test_another_tool_takes_what_was_pushed(workshop, tmp_path_factory):
    workshop.push(1, "for-oras")
    client = oras.client.OrasClient(insecure=True, auth_backend="basic")
    client.auth.set_basic_auth(USER, PASSWORD)
    folder = tmp_path_factory.mktemp("pulled")
    files = client.pull(target=workshop.registry.name("for-oras"), outdir=str(folder))
    assert {pathlib.Path(file).name for file in files} == {"set.toml", "team.wasm"}
    assert (folder / "set.toml").read_bytes() == (workshop.folder / "set.toml").read_bytes()
    assert (folder / "team.wasm").read_bytes() == COMPONENT.read_bytes()


def test_a_push_that_functions_will_refuse_is_told(workshop):
    workshop.push(2, "back")
    target = f"oci://{workshop.registry.name('back')}"
    for revision, policies, is_told in ((2, ("team",), False), (2, ("other", "team"), True), (1, ("team",), True), (3, ("team",), False)):
        workshop.write(revision, policies)
        workshop.sign()
        # As a team has it in its pipeline.
        done = workshop.run("policy", "push", "set.toml", target, SIGNALBOX_CONFIG=workshop.config(target))
        assert done.returncode == 0, done.stderr
        assert "no --config" not in done.stderr, done.stderr
        assert ("had revision 2: functions" in done.stderr) == is_told, (revision, done.stderr)
        workshop.push(2 if revision < 3 else 3, "back")


def test_a_set_of_artifacts_alone_is_pushed_too(workshop):
    made = workshop.good("policy", "compile", "team.wasm", "-o", "team.cwasm")
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    workshop.write(1)
    text = (workshop.folder / "set.toml").read_text()
    pinned = f'component = "team.wasm"\nsha256 = "{workshop.sha256}"\n'
    assert pinned in text
    artifact = f'artifacts.{machine} = {{ file = "team.cwasm", sha256 = "{made["sha256"]}" }}\n'
    (workshop.folder / "set.toml").write_text(text.replace(pinned, artifact))
    workshop.sign()
    target = f"oci://{workshop.registry.name('artifacts')}"
    workshop.good("policy", "push", "set.toml", target)
    assert SAYS in workshop.invoke(target)


def test_whoever_is_not_let_in_is_told_what_to_set(workshop):
    workshop.push(1, "closed")
    source = f"oci://{workshop.registry.name('closed')}"
    told = workshop.invoke(source, password="wrong")
    assert "HTTP 401" in told and "SIGNALBOX_REGISTRY_PASSWORD" in told and "wrong" not in told, told
    done = workshop.run("policy", "push", "set.toml", source, password="wrong")
    assert done.returncode == 1 and "HTTP 401" in done.stderr, done.stderr
    nowhere = workshop.invoke(f"oci://{workshop.registry.name('nowhere')}")
    assert "HTTP 404" in nowhere and "no such repository, tag or digest" in nowhere, nowhere


def certified(address, folder):
    """A certificate for an address, in files there: what serves with it, and the file of who vouches for it."""
    authority = trustme.CA()
    certificate = authority.issue_cert(address)
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for index, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(folder / "chain.pem", append=index > 0)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    return context, folder / "authority.pem"


def test_a_registry_elsewhere_is_spoken_to_with_tls_and_has_to_be_the_one_that_it_says(tmp_path):
    # This machine too, and not the address at which TLS is left out.
    address = "127.0.0.2"
    certified(address, tmp_path)
    tls = f', tls: {{certificate: "{tmp_path}/chain.pem", key: "{tmp_path}/key.pem"}}'
    workshop_folder = tmp_path / "workshop"
    workshop_folder.mkdir()
    with server(tmp_path, address, tls) as registry:
        workshop = Workshop(workshop_folder, registry)
        workshop.write(1)
        workshop.sign()
        target = f"oci://{registry.name('tls')}"
        push = ("policy", "push", "set.toml", target)
        pushed = workshop.run(*push, SSL_CERT_FILE=tmp_path / "authority.pem")
        assert pushed.returncode == 0, pushed.stderr
        assert SAYS in workshop.invoke(target, SSL_CERT_FILE=tmp_path / "authority.pem")

        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(other)
        for done in (workshop.run(*push, SSL_CERT_FILE=other).stderr, workshop.invoke(target, SSL_CERT_FILE=other)):
            assert "certificate" in done and "did not answer" in done, done


class Sly(http.server.BaseHTTPRequestHandler):
    """A registry that leads to where there is no TLS: with its challenge, or on the way to the content."""

    elsewhere, challenges, logins = "", True, []

    def do_GET(self):
        self.logins.append(self.headers.get("authorization"))
        if self.challenges:
            self.answer(401, "www-authenticate", f'Bearer realm="{self.elsewhere}/token?key=SECRET",service="s"')
        elif self.command == "HEAD" or self.path == "/v2/":
            self.answer(200, "docker-content-digest", "sha256:" + "0" * 64)
        else:
            self.answer(307, "location", f"{self.elsewhere}/content?X-Amz-Signature=SECRET")

    do_HEAD = do_GET

    def answer(self, status, name, value):
        self.send_response(status)
        self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("challenges", [True, False])
def test_a_registry_cannot_have_a_login_or_content_sent_without_tls(tmp_path, challenges):
    certificate, authority = certified("127.0.0.2", tmp_path)
    with socket.create_server(("127.0.0.3", 0)) as elsewhere:
        elsewhere.setblocking(False)
        handler = type(
            "Here", (Sly,), {
                "elsewhere": "http://127.0.0.3:%d" % elsewhere.getsockname()[1], "challenges": challenges, "logins": [],
            },
        )
        with http.server.ThreadingHTTPServer(("127.0.0.2", 0), handler) as sly:
            sly.socket = certificate.wrap_socket(sly.socket, server_side=True)
            threading.Thread(target=sly.serve_forever, daemon=True).start()
            workshop_folder = tmp_path / "workshop"
            workshop_folder.mkdir()
            workshop = Workshop(workshop_folder, Registry(tmp_path, "127.0.0.2", sly.server_address[1]))
            target = f"oci://{workshop.registry.name('live')}"
            workshop.write(1)
            workshop.sign()
            told = [workshop.invoke(target, SSL_CERT_FILE=authority)]
            if challenges:
                told.append(workshop.run("policy", "push", "set.toml", target, SSL_CERT_FILE=authority).stderr)
            sly.shutdown()
        for said in told:
            assert "SECRET" not in said, said
            assert ("would not be safe" if challenges else "did not answer") in said, said
        assert not challenges or set(handler.logins) == {None}, "who asks for a token gets no login"
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


def test_what_no_function_would_take_is_not_pushed(workshop):
    target = f"oci://{workshop.registry.name('never')}"
    workshop.write(1)
    done = workshop.run("policy", "push", "set.toml", target)
    assert done.returncode == 1 and "is not signed" in done.stderr and "--allow-unsigned" in done.stderr, done.stderr
    workshop.sign()
    text = (workshop.folder / "set.toml").read_text()
    (workshop.folder / "set.toml").write_text(text.replace("revision = 1", "revision = 2"))
    done = workshop.run("policy", "push", "set.toml", target)
    assert done.returncode == 1 and "was changed after it was signed" in done.stderr, done.stderr
    (workshop.folder / "set.toml").write_text(text.replace(workshop.sha256, "0" * 64))
    done = workshop.run("policy", "push", "set.toml", target, "--allow-unsigned")
    assert done.returncode == 1 and "set.toml, line 4, policies.team" in done.stderr, done.stderr
    (workshop.folder / "set.toml").write_text(text)
    stranger = workshop.config(target).read_text().replace(workshop.key, "ed25519:" + "0" * 64)
    workshop.config(target).write_text(stranger)
    done = workshop.run("policy", "push", "set.toml", target, "--config", "signalbox.toml", "--allow-unsigned")
    assert done.returncode == 1 and "none of the `trusted_keys`" in done.stderr, done.stderr
    done = workshop.run("policy", "push", "set.toml", target.replace("oci", "s3"))
    assert done.returncode == 2 and "oci://REGISTRY/REPOSITORY:TAG" in done.stderr, done.stderr
    assert "HTTP 404" in workshop.invoke(target)
