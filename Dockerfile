# The server as a container; docs/hosting.md says how to run it.
FROM python:3.11-slim

ENV HOST=0.0.0.0 PORT=8000 PYTHONUNBUFFERED=1
WORKDIR /app

# These come first: they are installed again only when their list changes.
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

COPY . .
RUN python -m compileall -q . \
    && useradd --uid 1000 --no-create-home server \
    && mkdir instance \
    && chown server: instance

# The server can write nothing but what it keeps.
USER server
VOLUME ["/app/instance"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-c", "from os import environ; from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open(f'http://127.0.0.1:{environ[\"PORT\"]}{environ.get(\"SCRIPT_NAME\", \"\")}/__admin/health', timeout=2)"]
CMD ["gunicorn"]
