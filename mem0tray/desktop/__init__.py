"""The desktop: what people see of the worker, and how it starts with their session."""
