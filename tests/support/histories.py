"""Histories of calls, written by hand."""

from tests.support.cart_model import Answer

UNKNOWN = None
NOTHING, NO_ORDER, CHANGED = Answer(200), Answer(404), Answer(412)


def order(*lines, number=7, version=1, is_open=True):
    """Return an answer that shows an order: its lines as pairs of a product and its quantity."""
    return Answer(200, (number, is_open, [*lines]), f'"{number}-{version}"')


def not_modified(etag):
    return Answer(304, etag=f'"{etag}"')


def if_match(etag, *request):
    return "if_match", [f'"{etag}"'], *request


def if_none_match(etag, *request):
    return "if_none_match", [f'"{etag}"'], *request
