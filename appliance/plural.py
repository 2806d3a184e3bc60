"""Write a number with its noun: ``1 file``, ``2 files``. Both sides use it."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return the number and the noun in its right form; ``plural``: if it is not the noun with an s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
