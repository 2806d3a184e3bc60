"""python, pip and flask in the image: the project's, as its owner, wherever there is a project."""

import pytest

OWNER = 1234
WORDS = "import os, sys; print(os.getuid(), os.getcwd(), sys.prefix.startswith('/cache/'))"
FILES = {"wsgi.py": "def application(environ, start_response):\n    start_response('200 OK', [])\n    return []\n"}


@pytest.fixture
def container(start, project):
    """A container that serves a user's project."""
    container = start(project(FILES, owner=OWNER))
    container.wait_for("worker.ready")
    return container


def test_python_is_the_projects(container):
    """``docker compose exec app python`` acts as the owner, in the project's environment and folder."""
    assert container.execute("python", "-c", WORDS).stdout.split() == [str(OWNER), "/workspace", "True"]
    missing = container.execute("flask", "routes", check=False)
    assert missing.returncode == 127
    assert "no program 'flask'" in missing.stderr


def test_pip_says_where_dependencies_belong(container):
    """Pip shows packages and a version; if no file declares dependencies, it names the file instead of installing."""
    assert container.execute("pip", "list").returncode == 0
    assert container.execute("python", "-m", "pip", "--version").stdout.startswith("uv ")
    refused = container.execute("pip", "install", "tea", check=False)
    assert refused.returncode == 2
    assert "tea into requirements.txt" in refused.stderr


def test_a_command_given_to_docker_run_needs_no_appliance_run(start, project):
    """``docker run IMAGE python ..`` needs no ``appliance run`` before it."""
    container = start(project(FILES, owner=OWNER), argv=("python", "-c", WORDS))
    assert container.wait() == 0
    assert f"{OWNER} /workspace True" in container.lines()


def test_without_a_project_they_are_the_bases(image, docker):
    """A RUN line of an image made FROM this one installs with the base's own pip, as anywhere."""
    shown = docker("run", "--rm", "--entrypoint", "pip", image, "--version").stdout
    assert "/usr/local/lib/python3" in shown


def has(docker, *images):
    """Whether the engine has these images already."""
    return docker("image", "inspect", *images, check=False).returncode == 0


def test_a_build_argument_adds_a_python(engine, docker, project, request):
    """A build argument adds a Python, and a project that asks for it gets it; the base's own serves the others."""
    bases = ("python:3.14-slim", "python:3.15-slim")
    if not has(docker, *bases):
        pytest.skip(f"not run: the engine has no {' and '.join(bases)}")
    tag = "wsgi-appliance-further"
    arguments = ("--build-arg", f"PYTHON={bases[0]}", "--build-arg", f"EXTRA_PYTHON={bases[1]}")

    def once(folder, *argv):
        options = ("--rm", "--network", "none", "--volume", f"{folder}:/workspace")
        return docker("run", *options, tag, *argv, check=False)

    docker("build", "--quiet", "--tag", tag, *arguments, ".", cwd=request.config.rootpath)
    try:
        for asked in ("3.14", "3.15"):
            folder = project(FILES | {".python-version": asked})
            mount = ("--volume", f"{folder}:/workspace")
            shown = docker(
                "run", "--rm", "--network", "none", *mount, tag, "python", "-c", "import sys; print(sys.version)"
            )
            assert shown.stdout.startswith(asked)
            folder.rename(folder.with_name(asked))
        range_of_it = '[project]\nname = "x"\nversion = "1"\nrequires-python = "==3.12.*"\n'
        folder = project(FILES | {"pyproject.toml": range_of_it})
        shown = docker(
            "run", "--rm", "--network", "none", "--volume", f"{folder}:/workspace", tag, "install", check=False
        )
        assert shown.returncode == 5
        assert "installed are 3.14, 3.15" in shown.stderr
    finally:
        docker("image", "rm", "--force", tag, check=False)


def test_time_zones_exist_under_their_old_names(image, docker):
    """US/Eastern and the like, which Django looks for as files, are there."""
    command = ("--entrypoint", "test", image, "-e", "/usr/share/zoneinfo/US/Eastern")
    assert docker("run", "--rm", *command, check=False).returncode == 0
