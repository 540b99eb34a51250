"""The commands that developers type: make run, flask."""
