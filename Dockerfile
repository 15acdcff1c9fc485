# Build:  docker build -t bidsml .
# Run:    docker run --rm -v BIDS_DIR:/data:ro -v OUTPUT_DIR:/out bidsml /data /out participant ...
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
WORKDIR /src
COPY containers/requirements.lock containers/requirements-build.lock containers/
RUN python3 -m venv /opt/bidsml \
 && /opt/bidsml/bin/pip install --no-cache-dir --require-hashes -r containers/requirements.lock
COPY pyproject.toml README.md LICENSE CITATION.cff ./
COPY bidsml bidsml
COPY workflows workflows
# The build tools stay in this stage.
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r containers/requirements-build.lock \
 && /opt/build/bin/python -m hatchling build -t wheel -d /dist \
 && /opt/bidsml/bin/pip install --no-cache-dir --no-deps /dist/*.whl

FROM ${BASE}
COPY --from=build /opt/bidsml /opt/bidsml
ENV PATH=/opt/bidsml/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    TEMPLATEFLOW_HOME=/opt/templateflow \
    NIPYPE_NO_ET=1 NO_ET=1 \
    BIDSML_CONTAINER_TYPE=docker BIDSML_CONTAINER_TAG=bidsml
RUN bidsml --version && useradd --create-home --uid 10001 bidsml
USER bidsml
WORKDIR /tmp
LABEL org.opencontainers.image.title="bidsml" \
      org.opencontainers.image.description="A BIDS-App for honest brain biomarkers" \
      org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["bidsml"]
