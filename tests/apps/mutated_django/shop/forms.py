"""Forms."""

from django import forms
from shop.models import Item


class ItemForm(forms.ModelForm):
    """Edits an item."""

    amount = forms.IntegerField(min_value=1, max_value=9, initial=2)

    class Meta:
        model = Item
        fields = ["name", "code", "price", "kind"]

    def clean_name(self):
        """A name has no digits."""
        name = self.cleaned_data["name"]
        if any(letter.isdigit() for letter in name):
            raise forms.ValidationError("no digits")
        return name.strip()

    def clean(self):
        """All fields."""
        data = super().clean()
        if data.get("amount", 0) * data.get("price", 0) > 50:
            self.add_error("amount", "too many")
        return data
