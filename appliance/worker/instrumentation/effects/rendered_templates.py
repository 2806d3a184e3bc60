"""Note which templates a request renders with Django and Jinja, how often, and how long that takes.

Django renders included and extended templates by the same method as the first template, so each template is noted.
Jinja compiles them into one another, so only the templates that the project itself renders are noted. Runs in the
threads of the requests.
"""

from __future__ import annotations

import functools
from time import monotonic
from typing import TYPE_CHECKING, Any

from .present_effects import present_effects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...hooks import Hooks
    from ..library_hooks import LibraryHooks

HOOK = "rendered templates"


class RenderedTemplates:
    """Hooks into both libraries.

    Args:
        hooks: guards our code in the project's process.
    """

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    def add_to(self, libraries: LibraryHooks) -> None:
        """Wait for the libraries."""
        libraries.add("django.template.base", HOOK, self._hook_django)
        libraries.add("jinja2.environment", HOOK, self._hook_jinja)

    def _hook_django(self, module: Any) -> None:
        kind = module.Template
        kind._render = self._timed("Django", kind._render)  # noqa: SLF001  Django's own tests replace it, too

    def _hook_jinja(self, module: Any) -> None:
        kind = module.Template
        render, generate = self._timed("Jinja", kind.render), self._generated(kind.generate)
        kind.render, kind.generate = render, generate

    def _timed(self, engine: str, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def render(template: Any, *given: Any, **named: Any) -> Any:
            effects = present_effects()
            if effects is None:
                return original(template, *given, **named)
            began = monotonic()
            try:
                return original(template, *given, **named)
            finally:
                self._hooks.call(HOOK, effects.add_template, engine, template.name, monotonic() - began, otherwise=None)

        return render

    def _generated(self, original: Callable[..., Iterator[str]]) -> Callable[..., Iterator[str]]:
        @functools.wraps(original)
        def generate(template: Any, *given: Any, **named: Any) -> Iterator[str]:
            effects = present_effects()
            if effects is not None:
                # The template is rendered while the response is sent: the time between its parts does not count.
                self._hooks.call(HOOK, effects.add_template, "Jinja", template.name, 0.0, otherwise=None)
            return original(template, *given, **named)

        return generate
