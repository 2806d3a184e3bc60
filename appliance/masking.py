"""Mask secrets in all output: those of URLs by their place, the values of secret variables by their text.

Both sides import it: pages are made in the worker, log lines in the supervisor. Decides which variables are secret, and
which of their values are searched for. Uses only the standard library.

Theory of operation. In a long text, one pattern for all values is faster than a search for each; in a short one it is
slower. The most frequent question is whether a batch of rendered lines contains any secret at all. So ``may_hold``
searches for one value after the other (``in`` skips ahead), and only lines that may contain one are taken apart and
searched with one pattern. Values that are not searched for follow a documented rule (docs/logging.md): masking a common
word would hide what the log is for.

Decision 27 says why.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit

from .conventions import OWN_PAGES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

_ESCAPED = re.compile(r"[\"\\]|[^ -~]")  # characters that JSON, or a sanitised text, may write in another form
MASKED = "********"
MIN_LENGTH = 8  # characters of the shortest value that is searched for
MAX_VALUES = 200  # the longest ones, that are searched for
_MAX_LENGTH = 4096  # characters of one value
_MAX_DEPTH = 500  # groups of exceptions are nested so deep

SECRET = re.compile(
    r"SECRET|PASSWORD|PASSWD|PASSPHRASE|(?:^|_)PASS$|_PWD$|TOKEN|API_?KEY|ACCESS_?KEY|ENCRYPTION_KEY|SIGNING_KEY|PRIVATE"
    r"|CREDENTIAL|DSN|_URL$|_URI$",
    re.IGNORECASE,
)
_NAMES_A_FILE = re.compile(r"_(?:FILE|PATH|DIR)$", re.IGNORECASE)
# A repetition that may pass another beginning is bounded, so that a text of many beginnings takes linear time. Beyond
# that bound a password is a token, which has neither a colon nor a slash: one of AWS CodeArtifact has 1,000 characters.
_PASSWORD = re.compile(
    r"(://[^\s/?#:@\"'<>]{0,256}:)(?!\d{0,5}(?:[/?#\s]|$))(?:[^\s\"'<>]{1,256}|[\w.~%+=-]{257,8192})@"
)
_PORT_LIKE = re.compile(r"(://[^\s/?#:@\"'<>]{0,256}:)[^\s/?#\"'<>]{1,256}@")
_TOKEN = re.compile(r"(://)[^\s/?#:@\"'<>]{20,8192}@")  # no user's name: indexes and forges accept a token there

# A parameter of a URL's query, in a text, or of its fragment (RFC 6749, 4.2.2). A format's braces and percent signs are
# not a value: a traceback shows code.
_PARAMETER = re.compile(r"(?:[?&](?:amp;)?|(?<=\S)#)([\w.~%\[\]-]{1,64})=((?!%[s(])[^\s&#'\"<>(){}|\\^`,;]+)")
_PARAMETER_BYTES = re.compile(rb"(?:[?&](?:amp;)?|(?<=\S)#)[\w.~%\[\]-]{1,64}=")
_SIGNATURES = frozenset({"awsaccesskeyid", "signature", "sig", "x-amz-signature", "x-goog-signature"})  # of stores
# OAuth's, those of stores that sign URLs, and what many APIs call their key.
_SECRET_PARAMETERS = _SIGNATURES | {
    "pass", "pwd", "jwt", "assertion", "id_token_hint", "code_verifier", "x-amz-credential", "x-goog-credential",
    "hapikey",
}  # fmt: skip
_SECRET_FIELDS = frozenset({"pwd", "jwt", "assertion", "code_verifier"})  # the others contain a secret's name
_SIGNED_PARAMETERS = _SIGNATURES | {"key"}  # never shown of an outgoing call's URL: ``key`` is usually an API's
_MAYBE_PARAMETERS = frozenset({"key", "code", "auth", "session", "sessionid", "sid"})  # secret if the value is long
_LONG_VALUE = 16
# The value of these names is not a secret itself: how many, of which kind, until when, where to.
_ABOUT_A_SECRET = re.compile(r"_(?:type|count|name|expires|expires_in|length|limit|at|tokens)$|_ur[il]$", re.IGNORECASE)
# A link to this machine, or to a page of the appliance, is printed to be followed.
_THIS_MACHINE = re.compile(
    r"://(?:(?:[\w.-]{1,200}\.)?localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]|0\.0\.0\.0)(?::\d{1,5})?(?:/|$)"
)
_URL_MAX = 2048

_MIN_FILE_LENGTH = 5
_PLAIN = re.compile(
    r"true|false|\d{1,5}|none|null|localhost|127\.0\.0\.1|0\.0\.0\.0|(?:dev|test|prod|stag)[a-z]*|debug|info|warn(?:ing)?|error"
    r"|critical|local|default|sqlite|postgres(?:ql)?|mysql|redis|utf-?8|https?",
    re.IGNORECASE,
)
# Names of settings that frameworks and the appliance document, and whose values pages themselves show.
_PUBLIC_NAME = re.compile(r"APPLIANCE_|FLASK_(?:APP|ENV|DEBUG|RUN_)|DJANGO_SETTINGS_MODULE$|PYTHON|TZ$|LANG$|LC_|PATH$")


class Mask:
    """The secrets in these variables.

    Args:
        variables: the environment.
        before: the previous mask, whose values are still masked: an older process may print them.
        more: further secret texts.
        names: parameters of URLs that are secret, in addition to the usual ones.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        before: Mask | None = None,
        more: Iterable[str] = (),
        names: Iterable[str] = (),
    ) -> None:
        known: tuple[str, ...] = () if before is None else before.values
        own = frozenset(name.lower() for name in names) - _MAYBE_PARAMETERS
        self.names: frozenset[str] = own if before is None else own | before.names
        values = dict.fromkeys([*secret_values(variables), *more, *known])
        self.values: tuple[str, ...] = tuple(sorted(values, key=len, reverse=True)[:MAX_VALUES])
        forms = dict.fromkeys(form for value in self.values for form in _forms(value))
        self._pattern = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None
        self._rendered = tuple(set(map(_rendered, forms)))

    def may_hold(self, rendered: bytes) -> bool:
        """Whether lines of JSON may contain a secret; quick, and rarely wrong."""
        for value in self._rendered:
            if value in rendered:
                return True
        if (b"?" in rendered or b"#" in rendered) and _PARAMETER_BYTES.search(rendered) is not None:
            return True
        return b"://" in rendered and b"@" in rendered

    def masked(self, text: str) -> str:
        """Return the text with a mask in the place of each secret."""
        has_parameters = "?" in text or "#" in text
        return self.masked_except_links(masked_parameters(text, self.names) if has_parameters else text)

    def masked_except_links(self, text: str) -> str:
        """Return the text with a mask in the place of each secret, but with whole links: they are followed."""
        if "://" in text and "@" in text:
            text = _TOKEN.sub(rf"\1{MASKED}@", _PORT_LIKE.sub(rf"\1{MASKED}@", _PASSWORD.sub(rf"\1{MASKED}@", text)))
        return text if self._pattern is None else self._pattern.sub(MASKED, text)

    def of(self, value: Any) -> Any:
        """Mask every text in a value of JSON's types, including keys; what is nested too deep is masked as a whole."""
        root = [value]
        waiting: list[tuple[Any, int]] = [(root, 0)]  # copies whose members are the original's; no recursion
        while waiting:
            copy, depth = waiting.pop()
            for key, member in list(copy.items() if isinstance(copy, dict) else enumerate(copy)):
                if isinstance(member, str):
                    copy[key] = self.masked(member)
                elif isinstance(member, (dict, list, tuple)):
                    copy[key] = inner = self._copy(member) if depth < _MAX_DEPTH else MASKED
                    if inner is not MASKED:
                        waiting.append((inner, depth + 1))
        return root[0]

    def _copy(self, value: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> dict[Any, Any] | list[Any]:
        if not isinstance(value, dict):
            return list(value)
        return {self.masked(key) if isinstance(key, str) else key: member for key, member in value.items()}


def is_secret(name: str) -> bool:
    """Whether a variable of this name holds a secret, and not the path of one."""
    return bool(SECRET.search(name)) and not _NAMES_A_FILE.search(name)


def is_secret_parameter(name: str, value: str, names: Collection[str] = ()) -> bool:
    """Whether a parameter of a URL's query is secret.

    Args:
        name: the parameter's, decoded.
        value: as it stands there.
        names: further secret names, in lower case.
    """
    low = name.lower()
    if low in names or low in _SECRET_PARAMETERS:
        return True
    if low in _MAYBE_PARAMETERS:
        return len(value) >= _LONG_VALUE
    return is_secret_field(low)


def is_secret_field(name: str, names: Collection[str] = ()) -> bool:
    """Whether a field of a message or a form, or a member of a JSON object, holds a secret by its name.

    A field that holds a URL does not: the password in it is known by its place. ``names``: further ones, in lower case.
    """
    plain, low = name.replace("-", "_"), name.lower()
    if low in names or low in _SECRET_FIELDS:
        return True
    return SECRET.search(plain) is not None and _ABOUT_A_SECRET.search(plain) is None


def masked_parameters(text: str, names: Collection[str] = ()) -> str:
    """Return the text with a mask in the place of each secret parameter of a URL in it.

    Links to this machine stay whole, and those to the appliance's own pages.
    """

    def masked(found: re.Match[str]) -> str:
        if not is_secret_parameter(unquote_plus(found[1]), found[2], names) or _is_followed(text, found.start()):
            return found[0]
        return f"{found[0][: found.start(2) - found.start()]}{MASKED}"

    return _PARAMETER.sub(masked, text)


def masked_call(url: str, names: Collection[str] = ()) -> str:
    """Return the URL of an outgoing call with a mask in the place of each secret parameter: signatures of stores too.

    ``names``: further secret parameters, in lower case.
    """

    def masked(part: str) -> str:
        name, equals, _ = part.partition("=")
        key = unquote_plus(name)
        secret = key.lower() in _SIGNED_PARAMETERS or is_secret_field(key, names)
        return f"{name}={MASKED}" if equals and secret else part

    before, mark, rest = url.partition("?")
    query, hash_mark, fragment = rest.partition("#")
    query, fragment = ("&".join(map(masked, part.split("&"))) for part in (query, fragment))
    return f"{before}{mark}{query}{hash_mark}{fragment}"


def _is_followed(text: str, at: int) -> bool:
    """Whether the URL with a parameter at this place is one to follow."""
    before = text[max(0, at - _URL_MAX) : at].rsplit(None, 1)
    url = before[-1] if before else ""
    host = url.find("://")
    return f"{OWN_PAGES}/" in url or (host >= 0 and _THIS_MACHINE.match(url, host) is not None)


def secret_values(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the secret texts: values of variables with a secret's name, unless another variable has the same value."""
    named = {name: value for name, value in variables.items() if SECRET.search(name)}
    secret = {name: value for name, value in named.items() if not _NAMES_A_FILE.search(name)}
    ordinary = {value for name, value in variables.items() if name not in secret}
    yield from (part for part in secret_parts(secret.values()) if part not in ordinary)


def secret_parts(values: Iterable[str]) -> Iterator[str]:
    """Yield the texts to search for, in values that are secret."""
    for value in values:
        yield from (part for part in _parts(value) if MIN_LENGTH <= len(part) <= _MAX_LENGTH)


def _parts(value: str) -> Iterable[str]:
    """Return the secret parts of a value: a URL's password (not its host), each line of a key, or the whole."""
    if "://" in value:
        return _url_secrets(value)
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        return [line for line in lines if len(line) >= 2 * MIN_LENGTH and not line.startswith("-----")]
    return [value.strip()]


def _url_secrets(url: str) -> Iterable[str]:
    try:
        parts = urlsplit(url)
        password = parts.password or ("" if parts.password is not None else parts.username or "")
    except ValueError:
        return []
    if parts.password is None and len(password) < 20:  # a user's name, not a token
        return []
    return [password, unquote(password)]


def _forms(value: str) -> Iterator[str]:
    yield value
    try:
        data = value.encode("utf-8", "surrogateescape")  # a variable may hold any bytes (PEP 383)
    except UnicodeEncodeError:
        return
    yield quote(data, safe="")
    yield quote_plus(data)


def _rendered(value: str) -> bytes:
    """Return the longest part of a value that JSON always writes unchanged, as an indication of the value."""
    return max(_ESCAPED.split(value), key=len).encode()


def page_mask(environment: Mapping[str, str], file_names: Iterable[str], root: str) -> Mask:
    """Return the mask of a page.

    Args:
        environment: the project's environment.
        file_names: the names of the variables that came from the project's ``.env`` files.
        root: the project's folder.
    """
    return Mask(environment, more=_file_values(environment, file_names, root))


def _file_values(environment: Mapping[str, str], names: Iterable[str], root: str) -> Iterator[str]:
    for name in names:
        value = environment.get(name, "")
        if _PUBLIC_NAME.match(name):
            continue
        for line in {value.strip(), *map(str.strip, value.splitlines())}:
            if (
                _MIN_FILE_LENGTH <= len(line) <= _MAX_LENGTH
                and not _PLAIN.fullmatch(line)
                and not _is_named(line, root)
            ):
                yield line


def _is_named(text: str, root: str) -> bool:
    """Whether a text is the name of a file, a folder or a module of the project."""
    if "\0" in text or text in root:
        return True
    places = (text, f"{text.partition(':')[0].replace('.', os.sep)}.py", text.replace(".", os.sep))
    return any(os.path.lexists(os.path.join(root, place)) for place in places)  # noqa: PTH118  pathlib costs 5 ms at import
