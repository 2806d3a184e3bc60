"""Let a page's Content-Security-Policy admit one script of ours (CSP Level 3), and nothing else that it forbade.

The script gets a nonce, if the policy does not admit it already. If the policy admits every inline script, a nonce
would forbid those, and the page's own origin is admitted instead. The worker and the event stream that the script opens
have the page's own origin.
"""

from __future__ import annotations

from typing import NamedTuple

NAMES = frozenset({"content-security-policy", "content-security-policy-report-only"})
_FALLBACKS = {
    "script-src-elem": ("script-src", "default-src"),
    "worker-src": ("child-src", "script-src", "default-src"),
    "connect-src": ("default-src",),
}
_SELF = "'self'"
# With a source that begins like this, 'unsafe-inline' is ignored.
_NO_INLINE = ("'nonce-", "'sha256-", "'sha384-", "'sha512-", "'strict-dynamic'")


class _Directive(NamedTuple):
    name: str
    values: tuple[str, ...]

    def text(self) -> str:
        return " ".join((self.name, *self.values))


def admitting(policy: str, nonce: str) -> str:
    """Return the value of the field that also admits our script, its worker and its event stream."""
    return ",".join(_admitting(each, nonce) for each in policy.split(","))


def _admitting(policy: str, nonce: str) -> str:
    directives = [_parsed(text) for text in policy.split(";") if text.strip()]
    wanted = {"script-src-elem": f"'nonce-{nonce}'", "worker-src": _SELF, "connect-src": _SELF}
    for name, source in wanted.items():
        _admit(directives, name, source)
    return "; ".join(directive.text() for directive in directives)


def _admit(directives: list[_Directive], name: str, source: str) -> None:
    """Add the source to the directive that counts; if that is a fallback, make the directive from it."""
    known: dict[str, int] = {}
    for index, directive in enumerate(directives):
        known.setdefault(directive.name.lower(), index)  # the first directive of a name counts (CSP 3, 2.2.1)
    for candidate in (name, *_FALLBACKS[name]):
        if candidate not in known:
            continue
        index = known[candidate]
        values = directives[index].values
        if _admits(values, source):
            return
        if source != _SELF and _allows_inline(values):
            source = _SELF
        kept = tuple(value for value in values if value.lower() != "'none'")
        made = _Directive(name, (*kept, source))
        if candidate == name:
            directives[index] = made
        else:
            directives.append(made)
        return


def _admits(values: tuple[str, ...], source: str) -> bool:
    """Whether these sources admit ours already: by ``'self'`` or ``*``, unless ``'strict-dynamic'`` disables both."""
    lowered = {value.lower() for value in values}
    if source == _SELF:
        return not lowered.isdisjoint({_SELF, "*"})
    return not lowered.isdisjoint({_SELF, "*"}) and "'strict-dynamic'" not in lowered


def _allows_inline(values: tuple[str, ...]) -> bool:
    """Whether the page's own inline scripts run: a nonce would forbid them (CSP Level 3, 6.7.3.2)."""
    lowered = {value.lower() for value in values}
    return "'unsafe-inline'" in lowered and not any(value.startswith(_NO_INLINE) for value in lowered)


def _parsed(text: str) -> _Directive:
    name, *values = text.split()
    return _Directive(name, tuple(values))
