"""What is answered."""

from rest_framework import viewsets

from orders.models import Order
from orders.serializers import OrderSerializer


class OrderViewSet(viewsets.ModelViewSet):
    """All that one does with them."""

    queryset = Order.objects.all()
    serializer_class = OrderSerializer
