"""Tests of the checker of histories, on which the fault tests rely."""
