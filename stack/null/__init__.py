"""A target that does nothing, so that what the load generator itself can do is measured."""
