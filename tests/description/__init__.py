"""The API's description, what other tools make of it, and the page /docs."""
