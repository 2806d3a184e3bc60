"""Pieces among raw bytes: every one is found, and nothing else is, however the bytes arrive."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from appliance.protocol.output_frames import RECORD, ROOM, TEXT, Piece, Reader, new_mark, pack

MARK = b"\x1e" + bytes(range(15))
PIECES = st.builds(
    Piece,
    st.sampled_from([TEXT, RECORD]),
    st.floats(0, 2e9),
    st.integers(0, 2**31),
    st.integers(0, 2**63),
    st.text("abc-1", max_size=20),
    st.binary(max_size=60) | st.just(MARK),
)
RAW = st.binary(min_size=1, max_size=30) | st.sampled_from([MARK[:5], b"\x1e", MARK[:15] + b"\n"])


def read(chunks):
    """Return a reader's result for these chunks: the pieces, and all raw bytes in a row between them."""
    reader = Reader(MARK)
    found: list[Piece | bytes] = []
    for item in (*(each for chunk in chunks for each in reader.feed(chunk)), reader.rest()):
        if isinstance(item, bytes) and found and isinstance(found[-1], bytes):
            found[-1] += item
        elif item:
            found.append(item)
    return found


@given(st.lists(PIECES | RAW, max_size=8), st.lists(st.integers(1, 50), max_size=20))
def test_pieces_and_raw_bytes_come_out_in_order(items, cuts):
    """Pieces and raw bytes of any kind come out as they went in, wherever the stream is cut."""
    stream = b"".join(pack(MARK, item) if isinstance(item, Piece) else item for item in items)
    expected: list[Piece | bytes] = []
    for item in items:
        if isinstance(item, bytes) and expected and isinstance(expected[-1], bytes):
            expected[-1] += item
        else:
            expected.append(item)
    chunks = []
    for cut in cuts:
        chunks.append(stream[:cut])
        stream = stream[cut:]
    assert read([*chunks, stream]) == expected


def test_raw_bytes_do_not_wait():
    """Bytes that can't be the start of a piece are not kept back."""
    reader = Reader(MARK)
    assert list(reader.feed(b"a prompt: ")) == [b"a prompt: "]
    assert list(reader.feed(b"\x1e")) == []
    assert list(reader.feed(b"x")) == [b"\x1ex"]


def test_a_full_piece_is_one_atomic_write():
    """A piece with the longest id and all the data that it has room for is no longer than PIPE_BUF."""
    assert len(pack(new_mark(), Piece(TEXT, 0.0, 1, 2, "i" * 500, b"x" * ROOM))) <= os.pathconf("/", "PC_PIPE_BUF")


def test_without_a_mark_all_is_raw():
    """A child that has no mark can say what it likes."""
    data = pack(MARK, Piece(TEXT, 0.0, 1, 2, "id", b"text"))
    assert list(Reader(b"").feed(data)) == [data]
