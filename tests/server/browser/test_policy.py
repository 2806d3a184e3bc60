"""A page's Content-Security-Policy admits our script, and nothing more than that."""

import pytest

from appliance.server.browser.policy import admitting

N = "'nonce-abc'"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("default-src 'self'", "default-src 'self'"),
        ("img-src *", "img-src *"),
        (
            "default-src 'none'",
            f"default-src 'none'; script-src-elem {N}; worker-src 'self'; connect-src 'self'",
        ),
        (
            "script-src 'nonce-x' 'strict-dynamic'",
            (
                f"script-src 'nonce-x' 'strict-dynamic'; script-src-elem 'nonce-x' 'strict-dynamic' {N}; "
                "worker-src 'nonce-x' 'strict-dynamic' 'self'"
            ),
        ),
        ("script-src 'self'; connect-src https://api.test", "script-src 'self'; connect-src https://api.test 'self'"),
        ("script-src-elem 'none'", f"script-src-elem {N}"),
        ("SCRIPT-SRC 'SELF'", "SCRIPT-SRC 'SELF'"),
        (
            "script-src 'unsafe-inline' 'nonce-x'",
            (
                f"script-src 'unsafe-inline' 'nonce-x'; script-src-elem 'unsafe-inline' 'nonce-x' {N}; "
                "worker-src 'unsafe-inline' 'nonce-x' 'self'"
            ),
        ),
        ("script-src https://cdn.test; script-src *", None),
        ("", ""),
    ],
)
def test_the_script_is_admitted(policy: str, expected: str | None):
    """If a directive forbids the script, the effective directive is written, from the one that was effective before."""
    if expected is None:
        expected = (
            "script-src https://cdn.test; script-src *; script-src-elem https://cdn.test 'nonce-abc'; "
            "worker-src https://cdn.test 'self'"
        )
    assert admitting(policy, "abc") == expected


@pytest.mark.parametrize("directive", ["script-src", "default-src", "script-src-elem"])
def test_the_inline_scripts_of_a_page_go_on_running(directive: str):
    """A policy that admits all inline scripts gets no nonce, which would forbid them: it admits the page's origin."""
    admitted = admitting(f"{directive} 'unsafe-inline' https://cdn.test", "abc")
    assert "'nonce-" not in admitted
    effective = "script-src-elem 'unsafe-inline' https://cdn.test 'self'"
    assert effective in admitted.split("; ")


def test_each_policy_of_a_list_must_admit_the_script():
    """Each of several policies must admit the script."""
    assert admitting("img-src x, default-src 'none'", "abc").count(N) == 1
