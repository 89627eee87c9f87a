# The server as a container; see docs/hosting.md.
FROM python:3.11-slim

ENV HOST=0.0.0.0 PORT=8000 PYTHONUNBUFFERED=1
WORKDIR /app

# Install dependencies first, so that this layer is cached until the lock file changes.
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

COPY . .
RUN python -m compileall -q . \
    && useradd --uid 1000 --no-create-home server \
    && mkdir instance \
    && chown server: instance

# The server can write only to instance/.
USER server
VOLUME ["/app/instance"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-c", "from os import environ; from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open(f'http://127.0.0.1:{environ[\"PORT\"]}{environ.get(\"SCRIPT_NAME\", \"\")}/__admin/health', timeout=2)"]
CMD ["gunicorn"]
