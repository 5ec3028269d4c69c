"""What is served: routes, the API, and the pages."""
