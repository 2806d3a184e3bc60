"""The WSGI server: HTTP/1.1 and PEP 3333 on the standard library alone, strictly.

The path of a request, package by package:

    pool    accept a connection; decide which thread serves it, and when
    io      its bytes, both ways, with time-outs that depend on progress
    http    bytes to a request head and a body (RFC 9112); a response's head and framing
    wsgi    head to environ, run the application, frame and write its answer, record the request
    browser the script of live reload, in the documents of an application
    pages   the page of a failure, and what to do about it

It knows nothing of processes, settings or logging, and is imported under whatever package name its process gave it, so
every import within is relative. Runs in the worker, in the stand-in, and in any program that uses it as a library.
"""
