"""A blueprint: views of all kinds, what runs around them, and signals."""

import functools

import catalogue
from flask import Blueprint, abort, current_app, g, jsonify, render_template_string, request, request_finished, url_for
from flask.views import MethodView

pages = Blueprint("pages", __name__, url_prefix="/pages")
FINISHED = []
TEMPLATE = "{% for item in items %}{{ item.label|shouted }};{% endfor %}{{ total }}"


def noted(step, default="none"):
    """Let a view note what it has done."""

    def decorate(view):
        @functools.wraps(view)
        def noting(*given, **named):
            g.steps.append(step or default)
            return view(*given, **named)

        return noting

    return decorate


@pages.before_request
def begin():
    """Runs before each view."""
    g.steps = [request.endpoint.rpartition(".")[2]]


@pages.after_request
def mark(response):
    """Runs after each view."""
    response.headers["X-Steps"] = "-".join(g.steps)
    return response


@pages.context_processor
def named():
    """What each template may use."""
    return {"site": "a shop", "prices": current_app.config["PRICES"]}


@pages.errorhandler(LookupError)
def missing(error):
    """Something is not there."""
    return jsonify(missing=str(error), steps=g.steps), 404


def finished(sender, response, **more):
    """Keep what was answered."""
    FINISHED.append((sender.name, response.status_code))
    del FINISHED[:-3]


request_finished.connect(finished)


def shouted(value, mark="!"):
    """A filter of templates."""
    return f"{value.upper()}{mark}"


@pages.route("/item/<name>")
@noted("item")
def item(name):
    """One item."""
    found = catalogue.BY_NAME[name]
    return jsonify(label=found.label, heavy=found.heavy, other=url_for(".coded", code=("AB", 7)))


@pages.route("/code/<code:code>")
def coded(code, scale=2):
    """An URL with a converter of the project."""
    letters, number = code
    return jsonify(letters=letters, number=number * scale)


@pages.route("/list")
@noted("")
def listed():
    """A template."""
    total = catalogue.totals("apple", "brick", discount=catalogue.discounts(5))
    text = render_template_string(TEMPLATE, items=catalogue.ITEMS, total=total)
    return text, 200, {"Content-Type": "text/plain"}


@pages.route("/later")
async def later():
    """An async view."""
    found = [name async for name in names("fruit")]
    return jsonify(found=found, finished=len(FINISHED))


async def names(tag):
    """Some names."""
    for name in catalogue.tagged(tag):
        yield name.title()


@pages.route("/stream")
def streamed():
    """Parts, one after the other."""

    def parts(limit=4):
        for number in range(limit):
            yield f"{number * number}\n"

    return current_app.response_class(parts(), mimetype="text/plain")


@pages.route("/fails/<int:depth>")
def fails(depth):
    """A view that fails."""
    if depth == 2:
        abort(418)
    return {}["nothing"] if depth else 1 / depth


class Counter(MethodView):
    """A view that is a class."""

    decorators = [noted("counter")]
    init_every_request = False

    def __init__(self, start=5):
        self.count = start

    def get(self, step):
        """Count."""
        self.count += step
        return jsonify(count=self.count, steps=g.steps)

    def put(self, step):
        """Set."""
        self.count = step
        return jsonify(count=self.count)


pages.add_url_rule("/counter/<int:step>", view_func=Counter.as_view("counter", 7))
