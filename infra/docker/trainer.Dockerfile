# Training, export and evaluation on a GPU: no JVM, no Feast, no Airflow. The CUDA libraries come with torch; the host brings the driver.
# Build from the root of the repository: docker build -f infra/docker/trainer.Dockerfile -t goeswith-trainer:0.1.0 .
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /opt/goeswith
COPY pyproject.toml uv.lock LICENSE README.md ./
COPY serving/client/pyproject.toml serving/client/
RUN uv export --frozen --no-dev --no-emit-local --extra mlflow --output-file /tmp/locked.txt \
      --prune apache-airflow --prune pyspark --prune delta-spark --prune great-expectations --prune feast > /dev/null \
 && uv venv /opt/venv \
 && uv pip install --no-cache --require-hashes --compile-bytecode --python /opt/venv/bin/python -r /tmp/locked.txt

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --create-home goeswith \
 && install -d -o goeswith -g goeswith /var/lib/goeswith
COPY --from=build /opt/venv /opt/venv
COPY --chmod=755 infra/docker/goeswith /usr/local/bin/goeswith
WORKDIR /opt/goeswith
COPY goeswith goeswith
COPY training training
COPY model_repository model_repository
COPY infra/profiles infra/profiles
COPY pyproject.toml ./
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/goeswith PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib HF_HOME=/tmp/huggingface TRITON_CACHE_DIR=/tmp/triton TORCHINDUCTOR_CACHE_DIR=/tmp/inductor \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility GOESWITH_HOME=/var/lib/goeswith
USER 10001:10001
HEALTHCHECK NONE
ENTRYPOINT ["goeswith"]
CMD ["doctor"]
