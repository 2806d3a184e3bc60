"""The stack that ``appliance deploy --for swarm`` writes, on the engine's own Swarm mode: update, rollback, secrets."""

import hashlib
import json
import uuid

import pytest
import yaml

from tests.image.conftest import command, docker

SECRET = "correct-horse-battery-staple"
APP = """
import hashlib, os
print("the token is", os.environ["API_TOKEN"])

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"WORD " + hashlib.sha256(os.environ["API_TOKEN"].encode()).hexdigest().encode()]
"""
# Looks the service up for each request: the kernel of a test machine may have no IPVS, which a virtual address needs.
CLIENT = """
import http.client, sys, time
seen = ""
for number in range(10**9):
    try:
        connection = http.client.HTTPConnection("app", 8000, timeout=20)
        connection.request("GET", "/", headers={"Host": "localhost"})
        answer = connection.getresponse()
        body = answer.read().decode()
        text = body if answer.status == 200 else f"failed {answer.status} {body[:200]}"
        connection.close()
    except OSError as error:
        text = f"failed {error!r}"
    if text != seen or number % 50 == 0:
        print(number, text, flush=True)
    seen = text
    time.sleep(0.02)
"""


@pytest.fixture
def swarm(engine):
    """This engine as a swarm of one node, which it leaves afterwards."""
    if docker("info", "--format", "{{.Swarm.LocalNodeState}}").stdout.strip() != "inactive":
        pytest.skip("this engine is in a swarm of somebody else")
    docker("swarm", "init", "--advertise-addr", "127.0.0.1")
    yield
    docker("swarm", "leave", "--force")


@pytest.fixture
def stack(swarm, image, project):
    """The written stack of a project: ``stack.release("word", wsgi)`` builds an image and deploys it."""
    stack = Stack(f"t{uuid.uuid4().hex[:8]}", project({"wsgi.py": APP, ".env.example": "API_TOKEN=\n"}), image)
    yield stack
    stack.remove()


class Stack:
    """A stack of the test's own name; its client counts what fails."""

    def __init__(self, name, folder, image):
        self.name, self.folder, self.image = name, folder, image
        self.tags = []
        mount = ["--volume", f"{folder}:/workspace"]
        docker("run", "--rm", *mount, image, "deploy", "--for", "swarm", "--name", name)
        written = yaml.safe_load((folder / "deploy" / "swarm.yml").read_text())
        app = written["services"]["app"]
        assert app["deploy"]["replicas"] == 2
        del app["ports"]  # a published port needs IPVS
        app["deploy"]["endpoint_mode"] = "dnsrr"
        app["deploy"]["update_config"]["monitor"] = "2s"
        app["deploy"]["rollback_config"]["monitor"] = "2s"
        app["healthcheck"]["interval"] = "1s"
        client = {"image": image, "entrypoint": ["/opt/appliance/bin/python", "-c", CLIENT.replace("$", "$$")]}
        written["services"]["client"] = {**client, "stop_grace_period": "1s", "healthcheck": {"disable": True}}
        self.file = folder / "stack.json"
        self.file.write_text(json.dumps(written))
        command("docker", "secret", "create", f"{name}_API_TOKEN", "-", input=SECRET)

    def release(self, word, text=APP):
        """Build an image of this text, deploy it, and return the state of the update."""
        (self.folder / "wsgi.py").write_text(text.replace("WORD", word))
        tag = f"{self.name}-preview:{word}"
        docker("build", "--quiet", "--file", str(self.folder / "deploy" / "Dockerfile"), "--tag", tag, str(self.folder))
        self.tags.append(tag)
        argv = ["--detach=false", "--resolve-image", "never", "--compose-file", str(self.file)]
        command("env", f"IMAGE={tag}", "docker", "stack", "deploy", *argv, self.name, check=False)
        service = json.loads(docker("service", "inspect", f"{self.name}_app").stdout)[0]
        return service.get("UpdateStatus", {}).get("State", "created")

    def containers(self, label):
        """The containers with this label of Swarm's, also those that have ended."""
        return docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.{label}").stdout.split()

    def logs(self, service):
        """What the containers of a service wrote."""
        labelled = self.containers(f"swarm.service.name={self.name}_{service}")
        done = [docker("logs", container) for container in labelled]
        return "".join(each.stdout + each.stderr for each in done)

    def inspected(self):
        """What the engine shows of the services and of every container."""
        services = docker("service", "inspect", f"{self.name}_app", f"{self.name}_client").stdout
        containers = self.containers(f"stack.namespace={self.name}")
        assert len(containers) >= 3
        return services + docker("inspect", *containers).stdout

    def remove(self):
        """Remove it, and wait until its containers are gone."""
        docker("stack", "rm", self.name, check=False)
        docker("secret", "rm", f"{self.name}_API_TOKEN", check=False)
        docker("volume", "rm", "--force", f"{self.name}_cache", check=False, timeout=20)
        for tag in self.tags:
            docker("rmi", "--force", tag, check=False)


def test_an_update_fails_no_request_and_a_broken_release_is_rolled_back(stack):
    """Two replicas serve through an update and a rollback; the secret is in no inspect and no log."""
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    assert stack.release("first") == "created"
    assert stack.release("second") == "completed"
    assert stack.release("third", "raise RuntimeError('broken')\n") == "rollback_completed"
    lines = [line.split(" ", 1)[1] for line in stack.logs("client").splitlines()]
    served = lines[lines.index(f"first {digest}") :]  # before the first replica is ready there is none to ask
    assert set(served) == {f"first {digest}", f"second {digest}"}
    assert served[-1] == f"second {digest}"
    shown = stack.inspected()
    assert SECRET not in shown
    assert SECRET not in stack.logs("app")
    assert "the token is ********" in stack.logs("app")
