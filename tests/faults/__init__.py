"""What may go wrong: ``make test-all`` tries each fault a few times, ``make faults`` many times."""
