"""What the supervisor tells: the children's log records, the status socket, the stand-in's pages, stacks."""
