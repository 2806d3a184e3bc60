"""What is told."""

from rest_framework import serializers

from orders.models import Order


class OrderSerializer(serializers.ModelSerializer):
    """All of it."""

    class Meta:
        """Of the model."""

        model = Order
        fields = ("id", "placed", "paid", "note")
