# Airflow's services. Where its tasks run jobs as processes beside it (operator.kind: subprocess), they need what the jobs need: it stands on their image.
# Build from the root of the repository, after that: docker build -f infra/docker/airflow.Dockerfile -t goeswith-airflow:0.1.0 .
ARG JOBS_IMAGE=goeswith-jobs:0.1.0

FROM ${JOBS_IMAGE}
USER 0
COPY infra/docker/airflow.txt /tmp/airflow.txt
RUN pip install --no-cache-dir uv==0.13.9 \
 && uv pip install --no-cache --require-hashes --python /opt/venv/bin/python -r /tmp/airflow.txt \
 && install -d -o goeswith -g goeswith /var/lib/airflow
ENV AIRFLOW_HOME=/var/lib/airflow AIRFLOW__CORE__DAGS_FOLDER=/opt/goeswith/dags AIRFLOW__CORE__LOAD_EXAMPLES=False
USER 10001:10001
EXPOSE 8080
# Each service has its own question (infra/compose/compose.yaml): one image, four roles.
HEALTHCHECK NONE
ENTRYPOINT ["airflow"]
CMD ["version"]
