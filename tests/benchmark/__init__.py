"""``make bench`` and ``make instructions``: what requests cost."""
