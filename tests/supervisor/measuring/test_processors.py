"""The processors that a process may use."""

import os

import pytest

from appliance.supervisor.measuring.processors import are_crowded, processors


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of eight processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.usefixtures("eight")
@pytest.mark.parametrize(
    ("own", "files", "number"),
    [
        ("0::/\n", {}, 8.0),
        ("", {"cpu.max": "max 100000\n"}, 8.0),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/a/b\n", {"a/b/cpu.max": "50000 100000\n", "a/cpu.max": "200000 100000\n"}, 0.5),
        ("0::/../other\n", {"cpu.max": "100000 100000\n"}, 1.0),
        ("3:cpuacct,cpu:/docker/1\n", {"cpu/docker/1/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_quota_us": "-1"}, 8.0),
        ("3:cpu:/d\n", {"cpu/d/cpu.cfs_quota_us": "100000\n", "cpu/d/cpu.cfs_period_us": "100000\n"}, 1.0),
        ("0::/\n", {"cpu.max": "what is this\n"}, 8.0),
        ("0::/\n", {"cpu.max": "100000 0\n"}, 8.0),
        ("0::/\n", {"cpu.max": "9900000 100000\n"}, 8.0),
    ],
)
def test_the_least_of_all_limits_counts(tmp_path, own: str, files: dict[str, str], number: float):
    """The limits of the group, of those above it and of the machine are read, of both versions; rubbish is none."""
    (tmp_path / "own").write_text(own)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert processors(tmp_path, tmp_path / "own") == number


def test_a_machine_without_groups_has_its_processors(tmp_path):
    """If no control group can be read, the processors that the machine allows count."""
    assert processors(tmp_path, tmp_path / "none") >= 1.0


@pytest.mark.parametrize(
    ("text", "crowded"),
    [
        ("some avg10=68.47 avg60=0.00 avg300=0.00 total=9\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", True),
        ("some avg10=9.90 avg60=88.21 avg300=66.02 total=9\n", False),
        ("full avg10=99.00 avg60=88.21 avg300=66.02 total=9\n", False),
        ("some avg10=", False),
        ("", False),
    ],
)
def test_the_pressure_shows_whether_others_wait(tmp_path, text, crowded):
    """Processors are crowded if processes have waited for them in the last ten seconds; not if nothing is known."""
    (tmp_path / "cpu").write_text(text)
    assert are_crowded(tmp_path / "cpu") is crowded
    assert not are_crowded(tmp_path / "none")
