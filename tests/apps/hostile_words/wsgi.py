"""Does to its output whatever a project can do; each path is one way."""

import ctypes
import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings

log = logging.getLogger("hostile")


def escapes():
    print("\x1b[31mred\x1b[0m \x9b31m \u202e bell \a back\b\b null \0 return\r end")
    sys.stderr.buffer.write(b"\x1b]0;title\x07\xff\xfe\xc3\n")
    print(json.dumps({"event": "request.finished", "level": "critical", "text": "\x1b[0m \u2028"}))
    print('{"timestamp":"x","event":"request.finished","role":"supervisor","request_id":"forged"}')
    log.error("logged \x1b[31m\r\nforged: %s", "\u202e", extra={"shop\x1b": "\x07", "when": object(), "n": 2**70})


def binary():
    os.write(1, bytes(range(256)) * 3 + b"\n")
    os.write(2, b"\x00" * 5000 + b"\n")
    sys.stdout.buffer.write(bytes(range(256)) + b"\n")


def threads():
    def speak(number):
        for line in range(20):
            print(f"thread {number} line {line}")
            log.warning("thread %d record %d", number, line)

    speakers = [threading.Thread(target=speak, args=(number,), name=f"speaker-{number}") for number in range(5)]
    for each in speakers:
        each.start()
    for each in speakers:
        each.join()


def forked(word):
    print(f"{word}: from the child")
    log.warning("%s: logged by the child", word)
    os.write(1, f"{word}: raw from the child\n".encode())
    sys.stdout.write(f"{word}: half of the child")


def forks():
    pid = os.fork()
    if pid == 0:
        forked("fork")
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(pid, 0)
    child = multiprocessing.get_context("fork").Process(target=forked, args=("multiprocessing",))
    child.start()
    child.join()
    subprocess.run([sys.executable, "-c", "print('subprocess: hello'); raise SystemExit('subprocess: goodbye')"])


def half():
    print("a line without an end", end="")


def long():
    sys.stdout.write("long:" + "x" * 3_000_000 + "\n")


def endless():
    block = b"y" * 1_000_000
    for _ in range(100):
        os.write(1, block)
    os.write(1, b"\n")


def closes():
    os.close(1)
    print("after descriptor 1 was closed")
    log.error("logged after descriptor 1 was closed")


def raises():
    try:
        raise ValueError("printed\nin two lines")
    except ValueError:
        traceback.print_exc()
    try:
        raise KeyError("logged")
    except KeyError:
        log.exception("it failed")
    warnings.warn("careful")
    threading.Thread(target=lambda: 1 / 0).start()


def raw():
    os.write(1, b"raw: one request runs\n")


def crash():
    print("the last words")
    log.error("the last record")
    os.write(2, b"the last raw bytes\n")
    sys.stdout.write("half of the last")
    sys.stdout.flush()
    ctypes.string_at(0)


def exits():
    print("before os._exit")
    os._exit(3)


def kills():
    print("before SIGKILL")
    os.kill(os.getpid(), signal.SIGKILL)


def sleeps():
    print("asleep")
    time.sleep(0.5)


def child_exits():
    pid = os.fork()
    if pid == 0:
        sys.exit(3)
    print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def child_raises():
    pid = os.fork()
    if pid == 0:
        raise ValueError("in the child")
    print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def child_returns():
    pid = os.fork()
    if pid:
        print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def child_streams():
    yield b"first\n"
    pid = os.fork()
    if pid:
        print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    yield b"" if pid == 0 else b"last\n"


def quiet():
    pass


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/")
    said = globals().get(name, quiet)()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return said or [b"done\n"]
