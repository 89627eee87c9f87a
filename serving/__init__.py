"""The gunicorn worker: slow clients don't block others, and requests time out after 10 s."""
