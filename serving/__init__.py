"""The gunicorn worker: slow clients don't block others."""
