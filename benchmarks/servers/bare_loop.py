"""What is possible in Python at all: no parsing, no application, no log: ``bare_loop.py PORT``.

A thread a connection, each in a blocking receive-and-send loop with a response made beforehand. It knows no more of
HTTP than where a request without a body ends.
"""

import socket
import sys
import threading

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!"


def answer(connection):
    """Answer until the client has gone."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        while received := connection.recv(65_536):
            if received.endswith(b"\r\n\r\n"):
                connection.sendall(RESPONSE)


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024) as listener:
        while True:
            threading.Thread(target=answer, args=listener.accept()[:1], daemon=True).start()
