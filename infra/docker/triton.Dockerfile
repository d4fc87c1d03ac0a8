# Triton's container with what our Python models import. Which base: one with the onnxruntime and Python backends (docs/operations.md).
# Build from the root of the repository: docker build -f infra/docker/triton.Dockerfile --build-arg TRITON_IMAGE=... -t goeswith-triton:0.1.0 .
ARG TRITON_IMAGE

# hadolint ignore=DL3006
FROM ${TRITON_IMAGE}
USER 0
ENV PIP_BREAK_SYSTEM_PACKAGES=1
COPY infra/docker/triton.txt /tmp/triton.txt
RUN pip install --no-cache-dir --require-hashes -r /tmp/triton.txt \
 && install -d -o 10001 -g 10001 /var/lib/goeswith /var/lib/goeswith/model_repository
ENV OMP_NUM_THREADS=1
USER 10001:10001
EXPOSE 8000 8001 8002
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
  CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/v2/health/live', timeout=4)"]
CMD ["tritonserver", "--model-repository=/var/lib/goeswith/model_repository", "--model-control-mode=explicit", \
     "--disable-auto-complete-config", "--exit-on-error=false", "--metrics-config=summary_latencies=true", \
     "--load-model=item_preprocess", "--load-model=item_encoder", "--load-model=relations", "--load-model=bundle", "--load-model=new_item"]
