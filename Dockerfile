# Airflow's own image with this project's locked dependencies. The code is not copied in: it is
# mounted where it is installed from, so that `unwind` and the DAGs come from one tree.
# The slim image: the full one holds providers whose dependencies are not in the lock.
FROM apache/airflow:slim-3.3.2-python3.11 AS airflow

USER root
RUN install --directory --owner=airflow --group=0 --mode=0775 \
    /var/lib/unwind /opt/unwind /opt/unwind/dags /opt/unwind/dags/unwind
USER airflow

COPY --chown=airflow:0 requirements.lock pyproject.toml /opt/unwind/
RUN pip install --no-cache-dir --no-deps --require-hashes -r /opt/unwind/requirements.lock

# Installed in place; the mount then brings the same modules as they are.
COPY --chown=airflow:0 README.md /opt/unwind/
COPY --chown=airflow:0 dags/unwind /opt/unwind/dags/unwind
RUN pip install --no-cache-dir --no-deps --editable /opt/unwind

ENV AIRFLOW__CORE__EXECUTOR=LocalExecutor

# The same with CeleryExecutor, whose packages nothing else needs.
FROM airflow AS celery

COPY --chown=airflow:0 requirements-celery.lock /opt/unwind/
RUN pip install --no-cache-dir --no-deps --require-hashes -r /opt/unwind/requirements-celery.lock
ENV AIRFLOW__CORE__EXECUTOR=CeleryExecutor

# Spark, in an environment of its own as `make spark` has it, and Java 17.
FROM airflow AS spark

USER root
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=airflow --group=0 --mode=0775 /var/lib/spark
# Java does not start as a user without a name.
ARG AIRFLOW_UID=50000
RUN getent passwd "${AIRFLOW_UID}" || useradd --no-log-init --uid "${AIRFLOW_UID}" --gid 0 unwind
USER airflow

COPY --chown=airflow:0 dags/unwind/spark/requirements.lock /opt/unwind/spark.lock
RUN python -m venv /opt/unwind/.spark \
    && PIP_USER=0 /opt/unwind/.spark/bin/pip install --no-cache-dir --no-deps --require-hashes -r /opt/unwind/spark.lock

# Superset has other dependencies than Airflow: the same image with an environment of its own.
FROM airflow AS superset

USER root
RUN install --directory --owner=airflow --group=0 --mode=0775 /var/lib/superset
USER airflow

COPY --chown=airflow:0 dags/unwind/superset/requirements.lock /opt/unwind/superset.lock
RUN python -m venv /opt/unwind/.superset \
    && PIP_USER=0 /opt/unwind/.superset/bin/pip install --no-cache-dir --no-deps --require-hashes -r /opt/unwind/superset.lock
