"""The stack that ``appliance deploy --for swarm`` writes, on the engine's own Swarm mode: update, rollback, secrets.

Django with PostgreSQL, two replicas. The kernel of a test machine may have no IPVS, which published ports and virtual
addresses need. So the clients are a service of the stack, and look the replicas up by DNS for each request.
"""

import hashlib
import json
import re
import time
import uuid

import pytest
import yaml

from tests.image import postgres_image
from tests.image.conftest import command, docker, following
from tests.thorough import THOROUGH, long_form

SECRETS = {"DB_PASSWORD": "correct-horse-battery-staple", "API_TOKEN": "tr0ub4dor-and-three"}
DIGEST = hashlib.sha256("".join(SECRETS.values()).encode()).hexdigest()
SETTINGS = """
import os
DEBUG = True
SECRET_KEY = "development"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "HOST": os.environ["DB_HOST"], "NAME": "shop",
    "USER": "shop", "PASSWORD": os.environ["DB_PASSWORD"], "CONN_MAX_AGE": None}}
print("the password is", os.environ["DB_PASSWORD"], "and the token", os.environ["API_TOKEN"])
"""
URLS = """
import hashlib, os
from django.db import connection
from django.http import HttpResponse
from django.urls import path

DIGEST = hashlib.sha256((os.environ["DB_PASSWORD"] + os.environ["API_TOKEN"]).encode()).hexdigest()

def visit(request):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO visits DEFAULT VALUES")
    return HttpResponse("@release@ " + DIGEST)

urlpatterns = [path("", visit)]
"""
PROJECT = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')\n",
    "settings.py": SETTINGS,
    "urls.py": URLS,
    "requirements.txt": "django==5.2.*\npsycopg[binary]\n",
    ".env.example": "DB_HOST=db\nDB_PASSWORD=\nAPI_TOKEN=\n",
}
# Each thread writes a line for each answer that differs from its last one, and counts the answers with status 200.
CLIENT = """
import http.client, itertools, sys, threading, time

def ask():
    connection = http.client.HTTPConnection("app", 8000, timeout=20)
    try:
        connection.request("GET", "/", headers={"Host": "localhost"})
        answer = connection.getresponse()
        body = answer.read().decode()
        return body if answer.status == 200 else f"failed {answer.status} {body[:400]!r}"
    except OSError as error:
        return f"failed {error!r}"
    finally:
        connection.close()

def run(name):
    seen, good = "", 0
    for number in itertools.count():
        text = ask()
        good += not text.startswith("failed")
        if text != seen or number % 50 == 0:
            print(name, good, text, flush=True)
        seen = text
        time.sleep(0.02)

for name in range(THREADS):
    threading.Thread(target=run, args=(name,)).start()
"""
THREADS = 8 if THOROUGH else 2


@pytest.fixture
def swarm(engine):
    """This engine as a swarm of one node, which it leaves afterwards."""
    if docker("info", "--format", "{{.Swarm.LocalNodeState}}").stdout.strip() != "inactive":
        pytest.skip("this engine is in a swarm of somebody else")
    # The history: the containers of earlier releases stay, so that their logs can be read.
    docker("swarm", "init", "--advertise-addr", "127.0.0.1", "--task-history-limit", "50")
    yield
    docker("swarm", "leave", "--force")


@pytest.fixture
def stack(swarm, image, project, tmp_path_factory):
    """The written stack of a project: ``stack.release("word")`` builds an image and deploys it."""
    database = postgres_image.build(tmp_path_factory.mktemp("postgres"))
    stack = Stack(f"t{uuid.uuid4().hex[:8]}", project(PROJECT), image, database)
    yield stack
    stack.remove()


class Stack:
    """A stack of the test's own, with a database and clients that count what fails."""

    def __init__(self, name, folder, image, database):
        self.name, self.folder, self.image = name, folder, image
        self.tags = []
        mount = ["--volume", f"{folder}:/workspace"]
        docker("run", "--rm", *mount, image, "deploy", "--for", "swarm", "--name", name)
        written = yaml.safe_load((folder / "deploy" / "swarm.yml").read_text())
        app = written["services"]["app"]
        assert app["deploy"]["replicas"] == 2
        assert set(written["secrets"]) == set(SECRETS)
        del app["ports"]  # a published port needs IPVS
        app["deploy"]["endpoint_mode"] = "dnsrr"
        app["deploy"]["update_config"]["monitor"] = "2s"
        app["deploy"]["rollback_config"]["monitor"] = "2s"
        app["healthcheck"]["interval"] = "1s"
        text = CLIENT.replace("THREADS", str(THREADS)).replace("$", "$$")
        client = {"image": image, "entrypoint": ["/opt/appliance/bin/python", "-c", text]}
        written["services"]["client"] = {**client, "stop_grace_period": "1s", "healthcheck": {"disable": True}}
        written["services"]["db"] = {
            "image": database,
            "environment": {"POSTGRES_USER": "shop", "POSTGRES_PASSWORD_FILE": "/run/secrets/DB_PASSWORD"},
            "secrets": ["DB_PASSWORD"],
            "deploy": {"endpoint_mode": "dnsrr"},
        }
        self.file = folder / "stack.json"
        self.file.write_text(json.dumps(written))
        for secret, value in SECRETS.items():
            command("docker", "secret", "create", f"{name}_{secret}", "-", input=value)

    def release(self, word, **files):
        """Build an image of the project with these files, deploy it, and return the state of the update."""
        for name, text in {"urls": URLS, "settings": SETTINGS, **files}.items():
            (self.folder / f"{name}.{'txt' if name == 'requirements' else 'py'}").write_text(
                text.replace("@release@", word)
            )
        tag = f"{self.name}-preview:{word}"
        docker("build", "--quiet", "--file", str(self.folder / "deploy" / "Dockerfile"), "--tag", tag, str(self.folder))
        self.tags.append(tag)
        since = str(time.time())
        argv = ["--resolve-image", "never", "--compose-file", str(self.file)]
        command("env", f"IMAGE={tag}", "docker", "stack", "deploy", "--detach", *argv, self.name)
        if len(self.tags) > 1:
            return self.updated(since)
        with following(["docker", "service", "logs", "--raw", "--follow", f"{self.name}_client"], 120) as lines:
            assert any("ProgrammingError" in line for line in lines) or self.failed()
            self.sql("CREATE TABLE visits (id serial)")
            assert any(DIGEST in line for line in lines) or self.failed()
        return "created"

    def updated(self, since):
        """The state in which an update ends; Swarm waits for a replica until it is healthy, or was not."""
        argv = ["docker", "events", "--since", since, "--filter", f"service={self.name}_app", "--format", "{{json .}}"]
        with following(argv, 120) as lines:
            for line in lines:
                state = json.loads(line)["Actor"]["Attributes"].get("updatestate.new", "")
                if state in {"completed", "rollback_completed", "paused", "rollback_paused"}:
                    return state
        return self.failed()

    def failed(self):
        """Fail with the messages of the tasks."""
        tasks = docker("stack", "ps", "--no-trunc", self.name).stdout
        containers = docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.stack.namespace={self.name}")
        tasks += docker("inspect", "--format", "{{json .State}}", *containers.stdout.split(), check=False).stdout
        pytest.fail(f"{tasks}\n{self.logs('app')[-4000:]}\n{self.logs('client')[-500:]}\n{self.logs('db')[-500:]}")

    def sql(self, statement):
        """Return the answer of the database."""
        (container,) = docker("ps", "--quiet", "--filter", f"label={LABEL}.service.name={self.name}_db").stdout.split()
        argv = ["psql", "--host=/tmp", "--username=shop", "--tuples-only", "--no-align", "--command", statement]
        return docker("exec", container, *argv).stdout.strip()

    def logs(self, service):
        """Return the output of a service's containers, also of those that have ended."""
        shown = docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}.service.name={self.name}_{service}").stdout
        done = [docker("logs", container) for container in shown.split()]
        return "".join(each.stdout + each.stderr for each in done)

    def inspected(self):
        """Return the engine's facts about the services, the tasks and every container."""
        names = [f"{self.name}_{service}" for service in ("app", "client", "db")]
        containers = docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.stack.namespace={self.name}")
        tasks = docker("stack", "ps", "--quiet", self.name).stdout.split()
        assert len(containers.stdout.split()) >= 4
        everything = [docker("service", "inspect", *names), docker("inspect", *containers.stdout.split(), *tasks)]
        return "".join(done.stdout for done in everything)

    def remove(self):
        """Remove the stack, and wait until its containers are gone."""
        docker("stack", "rm", self.name, check=False)
        for secret in SECRETS:
            docker("secret", "rm", f"{self.name}_{secret}", check=False)
        docker("volume", "rm", "--force", f"{self.name}_cache", check=False, timeout=20)
        for tag in self.tags:
            docker("rmi", "--force", tag, check=False)


LABEL = "com.docker.swarm"


def answers(stack):
    """Return the answers of each thread of the client after its first good one, and the number of good answers."""
    threads: dict[str, list[tuple[int, str]]] = {}
    for line in stack.logs("client").splitlines():
        thread, good, text = line.split(" ", 2)
        threads.setdefault(thread, []).append((int(good), text))
    served = [text for each in threads.values() for good, text in each if good]
    return served, sum(each[-1][0] for each in threads.values())


@pytest.mark.waits
@long_form("an image and a cluster, for a minute")
def test_updates_fail_no_request_and_broken_releases_are_rolled_back(stack):
    """Two replicas serve through updates and rollbacks; the secrets are in no inspect and in no log."""
    assert stack.release("first") == "created"
    words = ["second", "third", "fourth", "fifth"] if THOROUGH else ["second"]
    for word in words:
        assert stack.release(word) == "completed" or stack.failed()
    broken = {"settings": f"{SETTINGS}\nraise RuntimeError('broken')\n"}
    assert stack.release("broken", **broken) == "rollback_completed"
    if THOROUGH:
        assert stack.release("uninstallable", requirements="./missing.whl\n") == "rollback_completed"
        assert stack.release("unfinished", urls="urlpatterns = [\n") == "rollback_completed"
    served, good = answers(stack)
    assert set(served) == {f"{word} {DIGEST}" for word in ["first", *words]}
    assert served[-1] == f"{words[-1]} {DIGEST}"
    assert int(stack.sql("SELECT count(*) FROM visits")) >= good > 100
    logged = stack.logs("app") + stack.logs("db") + stack.logs("client")
    shown = stack.inspected()
    for secret in SECRETS.values():
        assert secret not in shown
        assert secret not in logged
    assert re.search(r"the password is \*+ and the token \*+", logged)
