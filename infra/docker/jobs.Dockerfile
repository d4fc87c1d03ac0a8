# Every job, on processors: Spark (driver, master, worker), Feast, training, export, publishing with a Triton of its own.
# Build from the root of the repository: docker build -f infra/docker/jobs.Dockerfile -t goeswith-jobs:0.1.0 .
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS java
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends openjdk-17-jre-headless procps \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --create-home goeswith \
 && install -d -o goeswith -g goeswith /var/lib/goeswith /var/lib/goeswith/model_repository /scratch

FROM java AS build
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_PROJECT_ENVIRONMENT=/opt/venv UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 HOME=/home/goeswith
WORKDIR /opt/goeswith
COPY pyproject.toml uv.lock LICENSE README.md ./
COPY serving/client/pyproject.toml serving/client/
RUN uv sync --frozen --no-dev --no-install-workspace --extra mlflow --extra telemetry --extra kubernetes --extra redis --extra postgres
COPY goeswith goeswith
COPY spark_jobs spark_jobs
COPY serving serving
COPY infra infra
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/goeswith:/opt/goeswith/serving/client/src
# What is else fetched by the first job: the jars of Delta, Kafka and S3, and the Triton that a publish asks before anybody else does.
RUN python -c "from spark_jobs.jars import DELTA, KAFKA, S3, local_jars; [local_jars(jars) for jars in (DELTA, KAFKA, S3)]" \
 && env -u UV_PROJECT_ENVIRONMENT python -c "from serving.runtime.environment import load_environment; load_environment()"

FROM java
COPY --from=build /opt/venv /opt/venv
COPY --from=build /home/goeswith/.cache /home/goeswith/.cache
COPY --chmod=755 infra/docker/goeswith /usr/local/bin/goeswith
WORKDIR /opt/goeswith
COPY goeswith goeswith
COPY spark_jobs spark_jobs
COPY feature_repo feature_repo
COPY training training
COPY serving serving
COPY dags dags
COPY model_repository model_repository
COPY infra infra
COPY pyproject.toml ./
# What libraries write goes to /tmp: the root file system may be read-only.
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/goeswith:/opt/goeswith/serving/client/src PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    HOME=/home/goeswith SPARK_HOME=/opt/venv/lib/python3.11/site-packages/pyspark SPARK_WORKER_DIR=/tmp/spark-work SPARK_NO_DAEMONIZE=1 \
    MPLCONFIGDIR=/tmp/matplotlib HF_HOME=/tmp/huggingface SPARK_LOCAL_DIRS=/scratch GOESWITH_HOME=/var/lib/goeswith
USER 10001:10001
HEALTHCHECK NONE
ENTRYPOINT ["goeswith"]
CMD ["doctor"]
