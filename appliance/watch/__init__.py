"""What happens to the files of a project: which of them matter, how their changes are noticed, when a burst is over.

Runs in the supervisor, in a thread of its own, and knows nothing of processes. ``watcher`` is the way in; ``kinds``
and ``ignores`` say what matters, ``tree`` what there is, ``sources``, ``inotify`` and ``elsewhere`` who brings the
news, ``mounts`` where none can be had, ``burst`` and ``contents`` when it is news at all.
"""
