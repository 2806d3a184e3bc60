"""What is told."""

from rest_framework import serializers

from members.models import Member


class MemberSerializer(serializers.ModelSerializer):
    """All of it."""

    class Meta:
        """Of the model."""

        model = Member
        fields = ("id", "name", "joined", "active")
