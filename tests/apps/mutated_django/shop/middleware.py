"""A middleware of the project."""


class Steps:
    """Notes what happens to a request."""

    header = "X-Steps"

    def __init__(self, get_response):
        self.get_response = get_response
        self.requests = 0

    def __call__(self, request):
        self.requests += 1
        request.steps = [f"request {self.requests > 0}"]
        response = self.get_response(request)
        response[self.header] = ", ".join(request.steps)
        return response

    def process_view(self, request, view, given, named):
        """Before each view."""
        request.steps.append(getattr(view, "__name__", "unnamed"))

    def process_template_response(self, request, response):
        """Before a template is rendered."""
        response.context_data["steps"] = len(request.steps)
        return response
