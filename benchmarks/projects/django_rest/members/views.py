"""What is answered."""

from rest_framework import viewsets

from members.models import Member
from members.serializers import MemberSerializer


class MemberViewSet(viewsets.ModelViewSet):
    """All that one does with them."""

    queryset = Member.objects.all()
    serializer_class = MemberSerializer
