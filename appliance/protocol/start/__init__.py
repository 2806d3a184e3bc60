"""The start of a child: the first message to it, with its options, and the threads that it needs.

Runs in every process of both sides, as the messages that follow.
"""
