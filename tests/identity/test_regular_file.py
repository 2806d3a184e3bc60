"""Files of a project that are not regular files, or are too large."""

import os
import socket

import pytest

from appliance.identity.regular_file import MAX_BYTES, is_in_place, read_regular, read_text_of


@pytest.fixture
def path(tmp_path):
    """The place of a file of a project."""
    return tmp_path / "requirements.txt"


def test_a_regular_file_is_read_whole(path):
    """The bytes are the file's; the text has the line ends of Unix, and a mark for each invalid byte."""
    path.write_bytes(b"flask\r\njinja2 \xff\rx\n")
    assert read_regular(path) == b"flask\r\njinja2 \xff\rx\n"
    assert read_text_of(path) == "flask\njinja2 \ufffd\nx\n"
    assert is_in_place(path)


def test_a_fifo_is_refused_at_once(path):
    """A FIFO that nothing writes into is not waited for: the error says what it is."""
    os.mkfifo(path)
    with pytest.raises(OSError, match="it is a FIFO, not a regular file"):
        read_regular(path)
    assert is_in_place(path)


def test_a_socket_a_device_and_a_folder_are_refused(path):
    """Other kinds of files are refused by their names, also through a link; a folder is not in the place of a file."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        with pytest.raises(OSError, match="it is a socket"):
            read_regular(path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="it is a device"):
        read_regular(path)
    with pytest.raises(OSError, match="it is a folder"):
        read_regular(path.parent)
    assert not is_in_place(path.parent)


def test_the_null_device_is_an_empty_file(path):
    """The null device, which people mount over a file to hide it, is empty, and counts as no file."""
    path.symlink_to(os.devnull)
    assert read_regular(path) == b""
    assert not is_in_place(path)


def test_a_file_that_is_too_large_is_refused(path):
    """A file of more than 16 MB is not read: its analysis would take half a minute."""
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(OSError, match="it has more than 16 MB"):
        read_regular(path)


def test_a_missing_file_is_not_in_place(path):
    """A name without a file is not in place, and the error of reading it is the usual one."""
    assert not is_in_place(path)
    with pytest.raises(FileNotFoundError):
        read_regular(path)
