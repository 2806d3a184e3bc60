"""Monitor the project's import: which functions of the project run, and which code or source is looked at.

Runs in the snapshot, from before the first of the project's modules is imported until the last one is. All that this
module knows about a file is whether the file is the project's.

Theory of operation. ``sys.monitoring`` (Python 3.12) reports the start of each code object, in every thread, also of
functions that C code calls; each is reported once and costs nothing afterwards. If a function does not run, its code is
visible only through ``__code__``, a generator or its source. Reading any of these raises an audit event (PEP 578).
Readers in the standard library that look at signatures and flags alone are harmless: a swap does not change these. Any
other reader pins the function: no other code may take its place.

Files that the import opens outside of the project's folder are watched by nobody, so their states are noted: if one has
changed, an import would read something else.

If the project itself looks at the stack, line numbers are an input of the import too: a frame knows its line. Packages
look at the stack for the names of modules; some read lines for the project (``logging``), so these lines are noted. A
function that was registered with ``os.register_at_fork`` runs in each fork before a swap: if the project registers one,
all swaps end.

Code in an audit hook and in a tracer runs without being reported. So if the project adds one, the monitor has failed,
and its observations are not used. The same holds after an error in the monitor: ``failed`` has the reason, and nothing
is swapped.

An audit hook can't be removed. After ``end`` it costs one comparison for each event.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from types import AsyncGeneratorType, CodeType, CoroutineType, FunctionType, GeneratorType
from typing import TYPE_CHECKING, Any, Final

from ... import PACKAGE
from ...protocol.snapshot_messages import TOO_OLD
from .. import debugger
from ..files.git_questions import asks_git, revision_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from ...protocol.snapshot_messages import ImportAhead

_TOOLS: Final = (4, 3)  # numbers that no known tool takes: debuggers 0, coverage 1, profilers 2
_TOOL_NUMBERS: Final = 6  # that ``sys.monitoring`` has
_NAME: Final = "wsgi-appliance"
NEEDS_LOOP: Final = "it is an ASGI application, which needs an event loop"
_SOURCES: Final = (".py", ".pyw")
_NO_DATA: Final = ("/dev/", "/proc/", "/sys/")
_MOST_DATA: Final = 2000  # files; a look at one takes 2 µs at each save
# Readers of ``__code__`` that look only at arguments and flags, and keep nothing; and those of their functions that do
# more.
_HARMLESS: Final = frozenset(
    {
        "annotationlib",
        "asyncio.coroutines",
        "celery.utils.functional",
        "dataclasses",
        "inspect",
        "sqlalchemy.util.compat",
        "sqlalchemy.util.langhelpers",
        "typing",  # an overload's line is only a key; get_overloads returns the functions in their order
    }
)
_WARNINGS: Final = frozenset({"warnings", "_py_warnings"})
_SEARCHERS: Final = frozenset({"dash._pages"})  # they read a source to find a name that the body of its module has
# They find a frame whose line another module reads.
_FRAME_FINDERS: Final = frozenset({"structlog._frames"})
_DECORATORS: Final = "venusian"  # Pyramid's, which keep the line of what they decorate
_HARMFUL: Final = frozenset({"_getmembers", "getclosurevars", "findsource", "getsourcelines"})
# The attributes through which an object's code is read: the first of each is the code, a frame leads to it.
_CODE: Final[dict[type, tuple[str, ...]]] = {
    FunctionType: ("__code__",),
    GeneratorType: ("gi_code", "gi_frame"),
    CoroutineType: ("cr_code", "cr_frame"),
    AsyncGeneratorType: ("ag_code", "ag_frame"),
}
# The project or a package takes over what the monitor uses, or looks at every object.
_BLINDING: Final = {
    "sys.addaudithook": "an audit hook was added",
    "sys.settrace": "a tracer was set",
    "sys.setprofile": "a profiler was set",
    "sys.monitoring.register_callback": "a tool of sys.monitoring was set",
    "gc.get_objects": "all objects were looked through",
    "gc.get_referrers": "all objects were looked through",
}


class ImportMonitor:
    """The monitor of one import.

    Args:
        is_project_path: whether a file (absolute path) is the project's.

    Attributes:
        failed: why nothing that was seen can be relied on; "" if all can.
        started: the project's code objects that ran, by their ``id``.
        pinned: code objects that were looked at, by their ``id``, with the reason why each must stay as it is.
        sources: source files that were read, each with the module that read it.
        data: the state of each file of the project, or outside of it, before it was read.
        frames: which module of the project looked at the stack; "" if none did.
        lines: where the project's code was when a package read its line: offsets by the ``id`` of the code, which ran.
    """

    def __init__(self, is_project_path: Callable[[str], bool]) -> None:
        self._is_project_path = is_project_path
        self._known: dict[str, bool] = {}
        self._busy: set[int] = set()  # threads that are inside of the hook
        self._frozen = 0
        self._tool: int | None = None
        self.failed = "the project's import was not monitored"
        self.started: dict[int, CodeType] = {}
        self.pinned: dict[int, tuple[CodeType, str]] = {}
        self.sources: dict[str, str] = {}
        self.data: dict[str, tuple[int, ...]] = {}
        self.frames = ""
        self.lines: dict[int, set[int]] = {}
        self._register_at_fork = os.register_at_fork
        self._unhook: Callable[[], None] = _nothing

    def begin(self) -> None:
        """Observe from now on."""
        monitoring: Any = getattr(sys, "monitoring", None)
        if monitoring is None:
            self.failed = TOO_OLD
            return
        self._tool = next((each for each in _TOOLS if monitoring.get_tool(each) is None), None)
        if self._tool is None:
            self.failed = "other tools use all of sys.monitoring"
            return
        self.failed = ""
        self._frozen = gc.get_freeze_count()
        try:
            monitoring.use_tool_id(self._tool, _NAME)
            monitoring.register_callback(self._tool, monitoring.events.PY_START, self._begun)
            monitoring.set_events(self._tool, monitoring.events.PY_START)
            self._unhook = _add_hook(self._audited)
            os.register_at_fork = self._registered  # type: ignore[assignment]  # it takes the same names
        except Exception as error:  # noqa: BLE001  a hook of the project may refuse both with any exception
            self._fail(error)

    def end(self) -> None:
        """Stop. Collects garbage first: finalizers of the project run, and are seen."""
        if self._tool is None:
            return
        gc.collect()
        self._unhook()
        if os.register_at_fork == self._registered:
            os.register_at_fork = self._register_at_fork
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]  # since Python 3.12
        try:
            events = monitoring.get_events(self._tool)
            if monitoring.get_tool(self._tool) != _NAME or events != monitoring.events.PY_START:
                self._fail("another tool took its place in sys.monitoring")
                return
            monitoring.set_events(self._tool, 0)
            if monitoring.register_callback(self._tool, monitoring.events.PY_START, None) != self._begun:
                self._fail("another tool took its place in sys.monitoring")
            monitoring.free_tool_id(self._tool)
        except Exception as error:  # noqa: BLE001  as above
            self._fail(error)
        if gc.get_freeze_count() > self._frozen:
            self._fail("the project hid its functions with gc.freeze")

    def renew(self) -> None:
        """Observe as if no code had run yet, in a fork that only tries something."""
        self.started.clear()
        sys.monitoring.restart_events()  # type: ignore[attr-defined,unused-ignore]  # since Python 3.12

    def abandon(self) -> None:
        """Stop, in a fork that serves: its import may do anything."""
        self._unhook()
        if os.register_at_fork == self._registered:
            os.register_at_fork = self._register_at_fork
        monitoring: Any = getattr(sys, "monitoring", None)
        if self._tool is None or monitoring.get_tool(self._tool) != _NAME:
            return
        monitoring.set_events(self._tool, 0)
        monitoring.register_callback(self._tool, monitoring.events.PY_START, None)
        monitoring.free_tool_id(self._tool)

    def ran(self, code: CodeType) -> bool:
        """Whether a function with this code ran."""
        return id(code) in self.started

    def changed_data(self) -> str:
        """Return the first file that was read and has changed since; "" if there is none."""
        return next((name for name, state in self.data.items() if _state_of(name) != state), "")

    def _registered(self, **hooks: Callable[[], object]) -> None:
        """Register hooks of forks; in the place of ``os.register_at_fork``."""
        self._register_at_fork(**hooks)
        try:
            codes = [getattr(getattr(hook, "__func__", hook), "__code__", None) for hook in hooks.values()]
            codes.append(sys._getframe(1).f_code)  # noqa: SLF001  who registers: a package has its own reasons
            if any(type(code) is CodeType and self._is_projects(code.co_filename) for code in codes):
                self._fail("the project registered a hook of forks")
        except Exception as error:  # noqa: BLE001  it would be raised by the project's import
            self._fail(error)

    def _begun(self, code: CodeType, _offset: int) -> Any:
        """Note code that starts for the first time."""
        try:
            if self._is_projects(code.co_filename):
                self.started[id(code)] = code
        except Exception as error:  # noqa: BLE001  it would be raised by the project's function
            self._fail(error)
        return sys.monitoring.DISABLE  # type: ignore[attr-defined,unused-ignore]  # of this code, for this tool

    def _audited(self, event: str, arguments: tuple[Any, ...]) -> None:
        thread = threading.get_ident()
        if thread in self._busy:
            return
        self._busy.add(thread)
        try:
            reader = sys._getframe(2)  # noqa: SLF001  the only way to know who reads: below are the hook and this
            if event == "object.__getattr__":
                self._read_attribute(arguments[0], arguments[1], reader)
            elif event == "open":
                self._opened(arguments[0], arguments[2], reader)
            elif event == "subprocess.Popen" and asks_git(arguments[1]):
                self._note_data(revision_log(arguments[2]))
            elif event in {"sys._getframe", "sys._current_frames"}:
                self._looked_at_stack(reader)
            elif event == "gc.get_referents":
                self._read_functions(arguments[0], reader)
            elif event in _BLINDING and not _is_ours(reader):
                self._fail(f"{_BLINDING[event]} by {_named(reader)}")
        except Exception as error:  # noqa: BLE001  it would be raised by the project's ``open``
            self._fail(error)
        finally:
            self._busy.discard(thread)

    def _read_attribute(self, holder: Any, attribute: str, reader: FrameType) -> None:
        if attribute == "tb_frame":
            self._looked_at_stack(reader, is_at_top=False)
            return
        attributes = _CODE.get(type(holder), ())
        if attribute not in attributes or _is_ours(reader):
            return
        code = getattr(holder, attributes[0])
        module, name = reader.f_globals.get("__name__", ""), reader.f_code.co_name
        if module not in _HARMLESS or name in _HARMFUL:
            self._pin(code, reader)

    def _read_functions(self, objects: tuple[object, ...], reader: FrameType) -> None:
        if not _is_ours(reader):
            for each in objects:
                if isinstance(each, FunctionType):
                    self._pin(each.__code__, reader)

    def _pin(self, code: CodeType, reader: FrameType) -> None:
        if self._is_projects(code.co_filename):
            self.pinned.setdefault(id(code), (code, f"its code was read by {_named(reader)}"))

    def _opened(self, path: Any, flags: Any, reader: FrameType) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        name = os.path.abspath(os.fsdecode(path))
        if not self._is_projects(name) or _is_ours(reader) or _loads(reader) or _reads_a_call(reader):
            return
        if name.endswith(_SOURCES):
            self.sources.setdefault(name, f"its source was read by {_named(reader)}")
        if isinstance(flags, int) and flags & os.O_ACCMODE == os.O_RDONLY and not name.startswith(_NO_DATA):
            self._note_data(name)

    def _note_data(self, name: str) -> None:
        if name and len(self.data) < _MOST_DATA and name not in self.data:
            self.data[name] = _state_of(name)

    def _looked_at_stack(self, reader: FrameType, *, is_at_top: bool = True) -> None:
        while reader.f_globals.get("__name__") == "inspect" and reader.f_back is not None:
            reader = reader.f_back
        if _is_ours(reader):
            return
        if self._is_projects(reader.f_code.co_filename):
            self.frames = self.frames or _named(reader)
        elif is_at_top:
            self._note_lines(reader)

    def _note_lines(self, frame: FrameType | None) -> None:
        """Note the lines of the project's code that a package reads: those of its callers, or of the whole stack."""
        package, wanted = _package_of(frame), 0
        while frame is not None and _package_of(frame) == package and not self._is_projects(frame.f_code.co_filename):
            if package == "traceback":
                wanted = sys.maxsize
            elif package == _DECORATORS:
                wanted = max(wanted, frame.f_locals.get("depth", 0) + 1)
            elif "f_lineno" in frame.f_code.co_names or frame.f_globals.get("__name__") in _FRAME_FINDERS:
                level = frame.f_locals.get("stacklevel")  # of logging
                wanted = max(wanted, level if type(level) is int else 1)
            frame = frame.f_back
        while frame is not None and wanted > 0:
            if self._is_projects(frame.f_code.co_filename):
                self.lines.setdefault(id(frame.f_code), set()).add(frame.f_lasti)
            frame, wanted = frame.f_back, wanted - 1

    def _is_projects(self, path: str) -> bool:
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = self._is_project_path(path)
        return known

    def _fail(self, reason: object) -> None:
        self.failed = self.failed or (
            f"the monitor failed: {reason!r}" if isinstance(reason, Exception) else str(reason)
        )


def _nothing() -> None:
    """Do nothing: no hook was added."""


def _add_hook(handle: Callable[[str, tuple[Any, ...]], None]) -> Callable[[], None]:
    """Add an audit hook; return what switches it off. It stays forever, in each process that is forked."""
    on = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if on:
            handle(event, arguments)

    def switch_off() -> None:
        nonlocal on
        on = False

    sys.addaudithook(hook)
    return switch_off


def _state_of(name: str) -> tuple[int, ...]:
    """Return the facts that differ when a file has changed; an empty tuple if it is missing."""
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ctime_ns  # a share may give a file another number each time


def _loads(frame: FrameType) -> bool:
    """Whether a loader reads a module's source to run it: ``get_data`` for ``get_code``."""
    caller = frame.f_back
    return (
        frame.f_code.co_filename.startswith("<frozen importlib")
        and caller is not None
        and caller.f_code.co_name == "get_code"
        and (caller.f_code.co_filename.startswith("<frozen importlib") or _is_ours(caller))
    )


def _reads_a_call(frame: FrameType | None) -> bool:
    """Whether a source is read to print the line of a warning, to keep that of a call on the stack, or to find a name.

    Such a line belongs to code that runs, so a swap leaves it as it is; ``lines`` has its number.
    """
    if frame is not None and frame.f_globals.get("__name__") in _SEARCHERS:
        return True
    while frame is not None and _package_of(frame) in {"tokenize", "linecache"}:
        frame = frame.f_back
    module, functions = _package_of(frame), set()
    while frame is not None and _package_of(frame) == module:
        functions.add(frame.f_code.co_name)
        frame = frame.f_back
    if module == "inspect":
        return "getframeinfo" in functions and _package_of(frame) == _DECORATORS
    return module in _WARNINGS or (module == "traceback" and "extract_stack" in functions)


def _is_ours(frame: FrameType) -> bool:
    return _package_of(frame) == PACKAGE


def _package_of(frame: FrameType | None) -> str:
    return "" if frame is None else str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _named(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__") or frame.f_code.co_filename
    return f"{name}.{frame.f_code.co_name}" if frame.f_code.co_name != "<module>" else str(name)


def obstacle(request: ImportAhead) -> str:
    """Return why this process can't become a snapshot of the project; "" if it can."""
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None:
        return TOO_OLD
    options = request.options
    tool = next(filter(None, map(monitoring.get_tool, range(_TOOL_NUMBERS))), None)
    first = options["debugger"] is not None and debugger.starts_first(options["debugger"])
    asgi = options["adapter"] is not None and request.target["interface"] == "asgi"
    obstacles = (
        (sys.gettrace() is not None or sys.getprofile() is not None, "a tracer or a profiler is active"),
        (tool is not None, f"{tool} uses sys.monitoring"),
        (threading.active_count() > 1, "the preloader has another thread"),
        (first, "the debugger starts before the project's import"),
        (asgi, NEEDS_LOOP),
    )
    return next((why for is_so, why in obstacles if is_so), "")
