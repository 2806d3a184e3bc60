"""Secrets as files, of a running appliance: served, masked, and read again when they change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.live.live_appliance import HELLO, Appliance

Start = Callable[..., Appliance]
SHOWS = "import os\nprint('imported', os.environ.get('STRIPE'))\n" + HELLO.replace(
    'b"{word}"', 'repr(os.environ.get("STRIPE")).encode()'
)


def test_secrets_are_served_masked_and_read_again(start: Start, project: Path, tmp_path: Path):
    """A secret's text reaches the project and no output, and an update as Kubernetes makes it starts a new worker."""
    folder = tmp_path / "secrets"
    for version in ("first", "second"):
        (folder / f"..{version}").mkdir(parents=True)
        (folder / f"..{version}" / "STRIPE").write_text(f"correct-horse-{version}\n", "utf-8")
    (folder / "..data").symlink_to("..first")
    (folder / "STRIPE").symlink_to("..data/STRIPE")
    (project / "app.py").write_text(SHOWS, encoding="utf-8")
    (project / ".env").write_text("STRIPE=from-the-file\n", encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_SECRETS=str(folder))
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"'correct-horse-first'"
    (folder / "..new").symlink_to("..second")
    (folder / "..new").replace(folder / "..data")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"'correct-horse-second'"
    for command in ("config", "check", "status"):
        shown = appliance.command(command)
        assert "correct-horse" not in shown.stdout + shown.stderr
    assert "STRIPE  '********'" in appliance.command("config").stdout
    assert appliance.stop() == 0
    assert "correct-horse" not in str(appliance.events)
    (hidden,) = [event for event in appliance.events if event["event"] == "environment.hidden"]
    assert hidden["action"] == "To use the file's value, remove the secret STRIPE."
