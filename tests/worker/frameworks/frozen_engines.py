"""Whether engines that an import has made are found after ``gc.freeze``: in a process that has few other objects.

Run as a program: ``python -m tests.worker.frameworks.frozen_engines FOLDER known``, or ``unknown``. The process of the
tests has millions of objects, which each search would visit.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from pathlib import Path

import jinja2
from django.template import Context, Engine, TemplateDoesNotExist

from appliance.worker.frameworks import live_objects, rereading


def main(folder: Path, *, known: bool) -> None:
    """Make engines, hide them as a snapshot does, and save templates that they have looked for."""
    page, new = folder / "page.html", folder / "new.html"
    page.write_text("one", encoding="utf-8")
    loader = ("django.template.loaders.cached.Loader", ["django.template.loaders.filesystem.Loader"])
    django = Engine(dirs=[str(folder)], loaders=[loader], debug=True)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder))
    references = rereading.references() if known else None
    gc.freeze()
    with contextlib.suppress(TemplateDoesNotExist):
        raise AssertionError(django.get_template("new.html"))
    assert environment.get_template("page.html").render() == "one"
    for file in (new, page):
        file.write_text("two", encoding="utf-8")
        os.utime(file, ns=(0, 0))  # another time than before
    for file, readers in ((new, set[str]()), (page, {"Jinja"})):
        assert _objection(file, readers, references) == ""
    assert django.get_template("new.html").render(Context()) == "two"
    assert environment.get_template("page.html").render() == "two"
    assert gc.get_freeze_count() > 0


def _objection(file: Path, readers: set[str], references: live_objects.References | None) -> str:
    return rereading.objection([str(file)], lambda _: readers, None, lambda _: False, frozen=references)


if __name__ == "__main__":
    main(Path(sys.argv[1]), known=sys.argv[2] == "known")
