"""What every HTTP service has. Nothing here knows of orders."""
