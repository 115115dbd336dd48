# One image for web, worker, beat and the management commands; docs/ and deploy/compose.yaml say how.
FROM python:3.13.13-slim-trixie AS builder

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements.txt /build/requirements.txt
COPY wheels /build/wheels
# Nothing is built from source: every pin is a wheel with its hash. pip compiles what it installs.
RUN /opt/venv/bin/pip install --require-hashes --only-binary :all: --requirement /build/requirements.txt


FROM python:3.13.13-slim-trixie

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=sartiq.settings.production
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/sartiq sartiq
WORKDIR /app
COPY --from=builder /opt/venv /opt/venv
COPY . .
# Processes write no bytecode (the root file system is read-only), so it is compiled here.
# The values satisfy the settings for this one command and are not kept.
RUN python -m compileall -q --invalidation-mode unchecked-hash . && \
    SECRET_KEY=only-to-collect-static-files-at-build-time ALLOWED_HOSTS=build.invalid \
    ENVIRONMENT_NAME=build DATABASE_URL=postgres:///none BROKER_URL=redis://none PUBLIC_BASE_URL=http://build.invalid \
    STORAGE=local python manage.py collectstatic --no-input

USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "deploy/healthcheck.py"]
# A process for each core; threads for requests that wait: docs/design/web-server.md.
ENV GRANIAN_WORKERS=2
CMD ["python", "-m", "sartiq.server", "--host", "0.0.0.0", "--port", "8000", "--stop-seconds", "20"]
