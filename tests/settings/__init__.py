"""The settings, and what stops a start."""
