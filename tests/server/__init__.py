"""gunicorn as configured here: processes, logs, probes, metrics, path prefixes."""
