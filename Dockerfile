# One image for all components: `docker run IMAGE gateway`, enrich, worker, sink, topics apply.

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/tajo
COPY requirements-run.lock ./
RUN /opt/tajo/bin/pip install --no-cache-dir --require-hashes -r requirements-run.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY projections projections
COPY connectors connectors
COPY streams streams
COPY gateway gateway
COPY emulators emulators
COPY tajo tajo
RUN /opt/tajo/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/tajo tajo \
    && install -d -o tajo /etc/tajo
COPY --from=build /opt/tajo /opt/tajo
ENV PATH=/opt/tajo/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TAJO_DATA_DIR=/var/lib/tajo \
    TAJO_GATEWAY__HOST=0.0.0.0
USER tajo
# A tajo.yml mounted here is found without -c.
WORKDIR /etc/tajo
VOLUME /var/lib/tajo
EXPOSE 8080
ENTRYPOINT ["tajo"]
CMD ["--help"]
