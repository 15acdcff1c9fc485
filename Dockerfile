# Build:  docker build -t bidsml .        Run: docker run --rm -v BIDS_DIR:/data:ro -v OUTPUT_DIR:/out bidsml /data /out participant
# Everything else, Podman, macOS, Windows and pinning by digest too: containers/README.md
ARG BASE=python:3.11-slim

# What bidsml runs with, from the lock file. Its layer changes only when the lock does.
FROM ${BASE} AS packages
WORKDIR /src
COPY containers/install.sh containers/requirements.lock containers/
RUN containers/install.sh packages

# bidsml's own wheel, a small layer of its own; the build tools stay behind in this stage.
FROM packages AS app
ARG BASE
COPY containers containers
COPY pyproject.toml README.md LICENSE CITATION.cff ./
COPY bidsml bidsml
COPY workflows workflows
RUN containers/install.sh app "${BASE}"

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=
ARG CREATED=
# auto: the default template where the network gives it; required: fail without; none: leave it out
ARG TEMPLATES=auto
COPY --from=packages /opt/bidsml /opt/bidsml
COPY --from=app /stage/opt/bidsml /opt/bidsml
# Nothing needs a home folder: what libraries like to cache goes to /tmp. Python writes no bytecode: it is all there.
ENV PATH=/opt/bidsml/bin:$PATH \
    PYTHONNOUSERSITE=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8 \
    MPLCONFIGDIR=/tmp/matplotlib TEMPLATEFLOW_HOME=/opt/templateflow \
    NIPYPE_NO_ET=1 NO_ET=1 \
    BIDSML_CONTAINER_TYPE=docker BIDSML_CONTAINER_TAG=bidsml:${VERSION}
COPY containers/install.sh containers/*.py /tmp/build/containers/
RUN cd /tmp/build && containers/install.sh templates "${TEMPLATES}" && containers/install.sh check "${VERSION}" && rm -rf /tmp/build
# A volume that is mounted here takes these rights over, so that whoever runs the image can write to it.
RUN groupadd --gid 10001 bidsml && useradd --no-create-home --home-dir /tmp --uid 10001 --gid 10001 bidsml \
 && mkdir -m 1777 /out /work
USER 10001:10001
WORKDIR /tmp
LABEL org.opencontainers.image.title="bidsml" \
      org.opencontainers.image.description="A BIDS-App for honest brain biomarkers: features, cross-validation, permutation tests, reports" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The bidsml developers" \
      bids.app.name="bidsml" \
      bids.app.version="${VERSION}" \
      bids.app.bids-version="1.11.1" \
      bids.app.analysis-levels="participant,group" \
      bids.app.templates="${TEMPLATES}"
ENTRYPOINT ["bidsml"]
