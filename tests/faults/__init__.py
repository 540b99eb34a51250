"""What may go wrong. ``make test`` tries each fault a few times, ``make faults`` many times."""
