"""Real modules, copied from the standard library beside this one (some of these), and what they do."""

import importlib
import importlib.util

LIBRARIES = [
    f"lib_{name}"
    for name in (
        "argparse", "bisect", "calendar", "colorsys", "configparser", "csv", "dataclasses", "difflib", "fractions",
        "functools", "heapq", "ipaddress", "optparse", "pprint", "reprlib", "shlex", "statistics", "string", "textwrap",
    )
]
LIBRARIES = [name for name in LIBRARIES if importlib.util.find_spec(name)]
for _name in LIBRARIES:
    globals()[_name] = importlib.import_module(_name)


def calls():
    """Something of each that is there."""
    found = {
        "argparse": lambda: vars(parsed()),
        "bisect": lambda: lib_bisect.bisect([1, 2, 3], 2),
        "calendar": lambda: lib_calendar.month(2026, 11),
        "colorsys": lambda: lib_colorsys.rgb_to_hsv(0.2, 0.4, 0.6),
        "configparser": configured,
        "difflib": lambda: list(lib_difflib.unified_diff(["a", "b"], ["a", "c"])),
        "fractions": lambda: lib_fractions.Fraction(1, 3) + lib_fractions.Fraction(3, 4),
        "heapq": lambda: lib_heapq.nlargest(2, [3, 1, 2]),
        "ipaddress": lambda: list(lib_ipaddress.ip_network("10.0.0.0/30").hosts()),
        "pprint": lambda: lib_pprint.pformat({"a": list(range(40))}),
        "reprlib": lambda: lib_reprlib.repr(list(range(100))),
        "shlex": lambda: lib_shlex.split("a 'b c' d"),
        "statistics": lambda: (lib_statistics.mean([1, 2, 4]), lib_statistics.median([3, 1, 2])),
        "string": lambda: lib_string.Template("$a and $b").safe_substitute(a=1),
        "textwrap": lambda: lib_textwrap.wrap("a text of some words " * 5, 30),
    }
    return {name: call for name, call in found.items() if f"lib_{name}" in LIBRARIES}


def parsed():
    """Some arguments."""
    parser = lib_argparse.ArgumentParser(prog="program")
    parser.add_argument("--name", default="none")
    parser.add_argument("count", type=int)
    return parser.parse_args(["--name", "x", "3"])


def configured():
    """Some configuration."""
    parser = lib_configparser.ConfigParser()
    parser.read_string("[a]\nb = 1\n")
    return parser["a"].getint("b")
