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

# Superset has other dependencies than Airflow: the same image with an environment of its own.
FROM airflow AS superset

USER root
RUN install --directory --owner=airflow --group=0 --mode=0775 /var/lib/superset
USER airflow

COPY --chown=airflow:0 dags/unwind/superset/requirements.lock /opt/unwind/superset.lock
RUN python -m venv /opt/unwind/.superset \
    && PIP_USER=0 /opt/unwind/.superset/bin/pip install --no-cache-dir --no-deps --require-hashes -r /opt/unwind/superset.lock
