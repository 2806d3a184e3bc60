"""Receivers of signals."""

from django.core.signals import request_started
from django.db.models.signals import post_init
from django.dispatch import Signal, receiver
from shop.models import Item, Shelf

sold = Signal()
SEEN = []


@receiver(post_init, sender=Item)
def initialised(sender, instance, **more):
    """Each new item."""
    instance.note = f"{instance.name}?"


@receiver(sold)
@receiver(sold, sender=Shelf, dispatch_uid="shelf")
def noticed(sender, amount=1, **more):
    """Something was sold."""
    SEEN.append((sender.__name__, amount))
    return len(SEEN)


def begun(sender, **more):
    """A request has begun."""
    SEEN.append("begun")
    del SEEN[:-4]


request_started.connect(begun, weak=False)
