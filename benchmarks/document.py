"""``docs/benchmarks.md`` and its charts, made of the last results: ``python -m benchmarks.document``.

Owns the marked parts of the page, and ``docs/benchmarks/*.svg``; what stands between the parts is written by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import log, pages, pins, queries, reload, request, throughput
from benchmarks.charts import Bar, bars
from benchmarks.results import last

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
CHARTS = PAGE.with_suffix("")


def main() -> None:
    """Write what there are results for."""
    for name, make in SECTIONS.items():
        if (result := last(name)) is not None:
            replace(name, make(result))


def replace(name: str, text: str) -> None:
    """Put the text between the marks of that name on the page.

    Raises:
        ValueError: the page has no such marks.
    """
    page = PAGE.read_text()
    start, end = f"<!-- {name}: made by benchmarks/document.py -->\n", f"<!-- end of {name} -->"
    if start not in page or end not in page:
        raise ValueError(f"{PAGE.name} has no marks for {name}")
    before, _, rest = page.partition(start)
    PAGE.write_text(f"{before}{start}\n{text}\n{end}{rest.partition(end)[2]}")


def chart(name: str, svg: str, alternative: str) -> str:
    """Keep a chart beside the page; the Markdown that shows it."""
    CHARTS.mkdir(exist_ok=True)
    (CHARTS / f"{name}.svg").write_text(svg)
    return f"![{alternative}](benchmarks/{name}.svg)\n"


def _throughput(result: dict[str, Any]) -> str:
    machine = f"Python {result['python']}, {result['cpus']} CPUs"
    how = f"the medians of {result['rounds']} rounds of {result['seconds']} s"
    parts = [f"Measured on {result['measured']}: {machine}, {how}.\n"]
    for key, scenario in result["scenarios"].items():
        rows = sorted(scenario["figures"].items(), key=lambda item: -item[1]["rate"])
        drawn = [
            Bar(result["servers"][name]["title"], seen["rate"], ours=name.startswith("appliance"))
            for name, seen in rows
        ]
        svg = bars(scenario["title"], drawn, "requests a second; more is better")
        parts.append(chart(f"throughput-{key}", svg, scenario["title"]))
    return "\n".join(parts) + "\n" + throughput.table(result)


def _reload(result: dict[str, Any]) -> str:
    machine = f"Python {result['python']}, {result['cpus']} CPUs"
    how = f"{result['saves']} saves of each. The medians, in milliseconds:\n"
    parts = [f"Measured on {result['measured']}: {machine}, {how}", reload.medians(result)]
    for key, project in result["projects"].items():
        ordered = sorted(
            (seen["median_s"], name) for name, seen in project["figures"].items() if seen["median_s"] is not None
        )
        drawn = [
            Bar(result["servers"][name], median, f"{median * 1000:,.0f} ms", ours=name == "appliance")
            for median, name in ordered
        ]
        title = f"{project['title']}: from a save to its first answer"
        svg = bars(title, drawn, "the median; less is better")
        parts += [f"### {project['title']}\n", chart(f"reload-{key}", svg, title), reload.rows(result, key)]
    return "\n".join(parts)


def _pages(result: dict[str, Any]) -> str:
    machine = f"Python {result['python']}, {result['cpus']} CPUs"
    return f"Measured on {result['measured']}: {machine}, {result['rounds']} rounds of each.\n\n{pages.table(result)}"


SECTIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "throughput": _throughput,
    "reload": _reload,
    "pages": _pages,
    "request": request.table,
    "log": log.table,
    "queries": queries.table,
    "pins": pins.table,
}


if __name__ == "__main__":
    main()
