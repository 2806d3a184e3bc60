"""The page of routes: plots, and the change of a save."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.standin.desk_pages.routes_page import change, plot
from tests.desk.log_lines import START


def test_a_plot_shows_each_duration():
    """Each duration is one bar, those after the save in another colour; none and one are plots too."""
    assert plot([], 0.0).count("<rect") == 0
    assert plot([[START, 0.0]], 0.0).count('class="after"') == 1
    both = plot([[START, 0.1], [START + 2, 0.2]], START + 1)
    assert (both.count('class="before"'), both.count('class="after"')) == (1, 1)
    assert (
        'aria-label="1 request before the save: 100 ms to 100 ms; 1 request after the save: 200 ms to 200 ms"' in both
    )


def test_one_slow_request_does_not_flatten_the_others():
    """A duration far beyond all others is cut, and marked; the others keep a height that can be read."""
    shown = plot([*([START + number, 0.01] for number in range(99)), [START + 99, 60.0]], 0.0)
    assert shown.count("after cut") == 1
    assert shown.count('height="14.7"') == 99


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((9, 0.010), (9, 0.0101), "steady"),
        ((9, 0.010), (9, 0.004), "60% faster"),
        ((9, 0.010), (9, 0.015), "50% slower"),
        ((9, 0.010), (9, 0.500), "50.0 times"),
        ((4, 0.010), (9, 0.500), ""),
        ((9, 0.010), None, ""),
        (None, (9, 0.010), ""),
        ((9, 0.0), (9, 0.010), ""),
    ],
)
def test_a_change_is_shown_where_there_are_enough_requests(
    before: tuple[int, float] | None, after: tuple[int, float] | None, expected: str
):
    """Some requests on each side make a comparison; a small difference is none."""

    def side(numbers: tuple[int, float] | None) -> dict[str, Any]:
        return {} if numbers is None else {"count": numbers[0], "p50_s": numbers[1]}

    assert f">{expected}</td>" in change(side(before), side(after))
