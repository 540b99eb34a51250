"""The checker of histories, which the fault tests use, is right itself."""
