"""The hashes of numbers: those that may be addresses on the heap of C count alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.worker.snapshot.fingerprints.value_digests import ValueDigests


def test_addresses_on_a_low_heap_are_left_out(tmp_path: Path) -> None:
    """If the heap has small addresses, numbers that may be identities of objects there count alike."""
    maps = tmp_path / "maps"
    maps.write_text("00400000-00b00000 r-xp 0 08:01 7 /usr/bin/python\n01a2b000-02c00000 rw-p 0 00:00 0   [heap]\n")
    digests = ValueDigests(str(maps))
    assert digests.integer(0x1A2B010) == digests.integer(0x2BFFFF0) == digests.integer(1 << 41)
    assert len({digests.integer(number) for number in (5, 0xB00000, 0x1A2B011, 0x1A2B018, 0x1A2B010)}) == 5


@pytest.mark.parametrize("maps", ["55d0e3a2b000-55d0e4c00000 rw-p 0 00:00 0   [heap]\n", "", None])
def test_no_number_is_left_out_without_a_low_heap(maps: str | None, tmp_path: Path) -> None:
    """If the heap has large addresses, or its place is not known, small numbers count."""
    if maps is not None:
        (tmp_path / "maps").write_text(maps)
    digests = ValueDigests(str(tmp_path / "maps"))
    assert digests.integer(0x1A2B010) != digests.integer(0x1A2B020)


def test_numbers_of_classes_in_texts_are_left_out() -> None:
    """Pydantic names a class in its schemas by its module, its name and its address, as a decimal number."""
    digests = ValueDigests()
    for name in ("shop.models.Item", "a.B"):
        assert digests.text(f"{name}:94155343686016") == digests.text(f"{name}:35651584")
    assert digests.text("a.B:35651584") != digests.text("a.C:35651584")
    assert digests.text("localhost:8000") != digests.text("localhost:8001")


def test_numbers_of_applications_in_texts_are_left_out() -> None:
    """CherryPy names the loggers of an application by its address; the decimals of a number stay."""
    digests = ValueDigests()
    assert digests.text("cherrypy.access.139795333836016") == digests.text("cherrypy.access.35651584")
    assert digests.text("cherrypy.access.139795333836016") != digests.text("cherrypy.error.35651584")
    assert digests.text("it is 3.14159265358") != digests.text("it is 3.14159265359")
