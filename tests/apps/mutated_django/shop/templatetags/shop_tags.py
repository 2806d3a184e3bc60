"""Filters and tags of templates."""

from django import template

register = template.Library()


@register.filter
def shouted(value, mark="!"):
    """In capitals."""
    return f"{str(value).upper()}{mark}"


@register.simple_tag(takes_context=True)
def total(context, first=1):
    """The sum of the prices."""
    return first + sum(item.price for item in context["items"])


@register.inclusion_tag("shop/item.txt")
def shown(item, places=2):
    """One item."""
    return {"item": item, "price": round(item.price, places)}
