"""How gunicorn serves the application: no client, however slow, keeps another one waiting."""
