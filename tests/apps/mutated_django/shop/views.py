"""Views of all kinds."""

import asyncio
import functools
from decimal import Decimal

from django import conf
from django.http import Http404, JsonResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.views import View
from django.views.decorators.http import require_GET
from django.views.generic import TemplateView
from shop.forms import ItemForm
from shop.models import Item, Shelf
from shop.receivers import SEEN, sold


def items(count=3):
    """Items that are not saved."""
    names = ("apple", "brick", "melon", "stone")
    return [Item(name=name, code=f"c{number}", price=Decimal(number + 1)) for number, name in enumerate(names[:count])]


def counted(function):
    """Count the calls of a view."""
    calls = []

    @functools.wraps(function)
    def counting(request, *given, **named):
        calls.append(request.path)
        return function(request, *given, **named)

    counting.calls = calls
    return counting


@functools.lru_cache(maxsize=8)
def rate(index):
    """A rate of tax."""
    return conf.settings.SHOP["rates"][index]


@require_GET
@counted
def item(request, code):
    """One item."""
    found = [each for each in items() if each.code == code]
    if not found:
        raise Http404(f"no {code}")
    one = found[0]
    return JsonResponse({"url": one.get_absolute_url(), "gross": one.gross, "note": one.note, "text": str(one)})


def listed(request):
    """A template."""
    return TemplateResponse(request, "shop/list.txt", {"items": items()}, content_type="text/plain")


def queries(request, limit=7):
    """What the database would be asked."""
    found = Item.objects.cheap(limit).named("a").order_by("-price")
    return JsonResponse({"sql": str(found.query), "shelf": str(Shelf.of("a b").initials), "seen": len(SEEN) > 0})


def form(request):
    """A form, filled in."""
    given = {"name": "apple 1", "code": "c", "price": "20", "kind": "stone", "amount": "3"}
    forms = [ItemForm(given), ItemForm({**given, "name": "apple", "price": "-1"})]
    return JsonResponse({"errors": [each.errors for each in forms], "fields": list(forms[0].fields)})


async def later(request, number=3):
    """An async view."""
    found = await asyncio.gather(*(doubled(each) for each in range(number)))
    return JsonResponse({"found": found, "rate": rate(1)})


async def doubled(number):
    """Waits."""
    await asyncio.gather()
    return number * 2


def streamed(request):
    """Parts, one after the other."""

    def parts(limit=3):
        for number in range(limit):
            yield f"{number + 1};"

    return StreamingHttpResponse(parts(), content_type="text/plain")


def fails(request, depth):
    """A view that fails."""
    if depth:
        return fails(request, depth - 1)
    raise LookupError(f"failed at {request.path}")


class Selling(View):
    """A view that is a class."""

    amount = 1

    def get(self, request, **named):
        """Sell."""
        results = sold.send(Shelf, amount=self.amount + named.get("more", 0))
        return JsonResponse({"receivers": len(results), "last": str(SEEN[-1])})


class About(TemplateView):
    """A generic view."""

    template_name = "shop/item.txt"
    content_type = "text/plain"

    def get_context_data(self, **named):
        return super().get_context_data(item=items(1)[0], price=rate(0), **named)
