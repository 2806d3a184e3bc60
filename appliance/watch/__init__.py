"""Watch a project's files: decide which files matter, notice changes, and report a burst of changes when it is over.

Runs in the supervisor, in a thread of its own, and in ``appliance run --watch``; ``mounts`` and ``inotify`` run in
``appliance doctor`` too. This package knows nothing of processes. ``watcher`` is the entry point.
``kinds`` and ``ignores`` decide which files matter, and ``tree`` finds them. ``event_sources``, ``inotify`` and
``watchfiles_source`` deliver file events; ``mounts`` finds the mounts that have none. ``watch_set`` combines all of
them, and ``scan_schedule`` decides when to scan. ``burst`` and ``file_contents`` decide whether and when a change is
reported.
"""
