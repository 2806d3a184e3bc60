"""What an import keeps that has lines: records of the log, copies of a class's names, classes without a module."""

import inspect
import logging
import types

RECORDS = []
KINDS = {}


class Kept(logging.Handler):
    """Keeps what was logged, with its line."""

    def emit(self, record):
        inside = record.pathname == __file__  # what calls the project's import is another program in a cold start
        place = f"{record.funcName}:{record.lineno}" if inside else "elsewhere"
        RECORDS.append(f"{place} {record.getMessage()}")


logger = logging.Logger("noted")
logger.addHandler(Kept())


def before(value):
    """Logs nothing."""
    return value * 2


logger.info("imported %s", before.__name__)


def announce(message):
    """Log for the caller."""
    logger.warning(message, stacklevel=2)


class Registry(type):
    """Keeps the plain values of each class."""

    def __new__(mcs, name, bases, names):
        KINDS[name] = {key: value for key, value in names.items() if not callable(value)}
        return super().__new__(mcs, name, bases, names)


class Record(metaclass=Registry):
    """A registered class."""

    size = 3

    def grown(self):
        """Assigns an attribute."""
        self.size = self.size + 1
        return self.size


class Status:
    """Numbers with names."""

    OPEN = 1000
    CLOSED = 2000

    def text(self):
        """One of them."""
        return NAMES[self.OPEN]


NAMES = {value: name for name, value in vars(Status).items() if isinstance(value, int)}


class Foreign:
    """Names another module."""

    __module__ = "elsewhere"

    def doubled(self, value=2):
        """Twice the value."""
        return value * 2


def ordered(values):
    """Sorted by a function of its own, with a local class."""

    class Item:
        weight = 2

        def weighed(self, value):
            return value * self.weight

    item = Item()
    return sorted(values, key=lambda each: -item.weighed(each))


class Logged:
    """Logs in its body."""

    def quiet(self):
        """Logs nothing."""
        return "quiet"

    logger.info("in a class")


announce("almost imported")


def after(value=1):
    """Logs when it is called."""
    logger.info("called with %s", value)
    return RECORDS[-1]


def calls():
    """All of them."""
    return {
        "records": lambda: [each for each in RECORDS if not each.startswith("after")],
        "kinds": lambda: KINDS,
        "names": lambda: NAMES,
        "grown": lambda: Record().grown(),
        "text": lambda: Status().text(),
        "foreign": lambda: (Foreign().doubled(), inspect.getsource(Foreign)),
        "ordered": lambda: ordered([1, 3, 2]),
        "quiet": lambda: Logged().quiet(),
        "before": lambda: before(4),
        "after": lambda: after(2),
        "lines": lambda: {
            name: (value.__code__.co_firstlineno, value.__qualname__, value.__doc__)
            for name, value in globals().items()
            if isinstance(value, types.FunctionType)
        },
    }
