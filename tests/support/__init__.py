"""Helpers that several test modules share."""

from pkgutil import iter_modules

import pytest

# Without it, an assert that fails here would not show its values.
pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in iter_modules(__path__)))
