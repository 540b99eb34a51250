"""Models, transactions, engines, and a database that fails."""
