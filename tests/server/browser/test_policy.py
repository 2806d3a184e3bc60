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


def test_each_policy_of_a_list_must_admit_the_script():
    """Each of several policies must admit the script."""
    assert admitting("img-src x, default-src 'none'", "abc").count(N) == 1
