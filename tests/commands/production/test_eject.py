"""`appliance eject`: what it writes, what it leaves alone, what it refuses and what it says it can't know."""

import pytest
import yaml

APP = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']\n"


def test_eject_shows_and_writes_every_file_with_its_versions(eject, shop):
    """Every file is shown as a diff and written, with the installed versions and the server's."""
    shop.write("requirements.txt", "kettle==1.0\n")
    shop.write("requirements-dev.txt", "-r requirements.txt\nprobe\n")
    shop.write("app.py", f"import os\nKEY = os.environ['SHOP_KEY']\n{APP}")
    shop.write(".env", "SHOP_KEY=secret-of-the-shop\nSHOP_MODE=fast\n")
    done = eject("--server", "waitress")
    assert done.returncode == 0, done.stderr
    lock = (shop.root / "requirements.production.txt").read_text()
    assert [line.split(" ")[0] for line in lock.splitlines() if "==" in line] == [
        "kettle==1.0",
        "toaster==1.0",
        "waitress==3.0",
    ]
    assert "hashes: the index gave none" in done.stdout
    service = yaml.safe_load((shop.root / "compose.production.yml").read_text())["services"]["app"]
    assert service["read_only"]
    assert service["env_file"] == [{"path": ".env.production", "required": True}]
    assert "SHOP_KEY=\n" in (shop.root / ".env.production.example").read_text()
    written = [file for file in shop.root.rglob("*") if file.is_file() and file.name != ".env"]
    assert not any("secret-of-the-shop" in file.read_text() for file in written)
    assert "secret-of-the-shop" not in done.stdout
    for name in ("Dockerfile", ".dockerignore", "kubernetes/production/deployment.yaml"):
        assert f"--- /dev/null\n+++ {name}\n" in done.stdout
    assert "  secrets: the values of SHOP_KEY, without which the project does not start" in done.stdout


def test_existing_files_are_kept(eject, shop):
    """No file of the project is changed: its own Dockerfile leads to another name, and other files are named."""
    shop.write("app.py", APP)
    shop.write("Dockerfile", "FROM scratch\n")
    shop.write("compose.production.yml", "services: {}\n")
    done = eject("--server=waitress")
    assert done.returncode == 0, done.stderr
    assert (shop.root / "Dockerfile").read_text() == "FROM scratch\n"
    assert (shop.root / "compose.production.yml").read_text() == "services: {}\n"
    assert "Not changed: compose.production.yml exists." in done.stdout
    assert (shop.root / "Dockerfile.production").is_file()
    assert (shop.root / "Dockerfile.production.dockerignore").is_file()
    (shop.root / "compose.production.yml").unlink()
    eject("--server=waitress")
    assert "dockerfile: Dockerfile.production\n" in (shop.root / "compose.production.yml").read_text()
    assert "Nothing to do: every file exists" in eject("--server=waitress").stdout


@pytest.mark.parametrize(
    ("text", "found", "code"),
    [
        (f"{APP}raise LookupError('no\\nkettle')\n", "can't be imported: LookupError: no kettle (app.py:4)", 6),
        ("app = print\nimport os\nos._exit(3)\n", "can't be imported: its process ended with code 3", 6),
        (f"{APP}import sys\nsys.exit('enough')\n", "can't be imported: SystemExit: enough (app.py:5)", 6),
        ("import fastapi\napp = fastapi.FastAPI()\n", "app is an ASGI application", 6),
        ("", "No WSGI application found", 6),
    ],
    ids=["raises", "ends", "exits", "asgi", "none"],
)
def test_eject_refuses_a_project_that_cannot_be_imported(eject, shop, text, found, code):
    """A project that no production server could import is refused with what was found, and nothing is written."""
    shop.write("app.py", text)
    done = eject("--server=waitress")
    assert (done.returncode, done.stdout) == (code, "")
    assert found in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(file.name for file in shop.root.iterdir()) == ["app.py"]


def test_a_server_that_does_not_fit_is_refused(eject, shop):
    """A server that is unknown, or that the index does not have for these pins, is refused with what to do instead."""
    shop.write("app.py", APP)
    done = eject("--server=apache")
    assert (done.returncode, "one of gunicorn, granian, waitress, uwsgi" in done.stderr) == (2, True)
    done = eject("--server=granian")
    assert done.returncode == 5
    assert "granian>=2 can't be locked" in done.stderr
    assert "--server waitress" in done.stderr


def test_eject_without_the_folder_ends_with_the_code_of_that(eject, shop):
    """Without the project's folder the command ends with the code of that, as others do."""
    shop.root.rmdir()
    assert eject().returncode == 3
