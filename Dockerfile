# Closebook's image, for Airflow's components and the set-up job; see docker-compose.yml.
FROM python:3.11.17-slim-bookworm@sha256:0a310eeecf4e1f5a0743f9a6520c90c88d089c903ca5fd283f501e3a805f5f89

# WeasyPrint's libraries, the statements' fonts, the desk's pictures of pages (poppler-utils), and
# pgbouncer for the pooler service.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        fonts-noto-cjk fonts-noto-core fonts-symbola libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 openssl pgbouncer poppler-utils \
    && rm -rf /var/lib/apt/lists/*

COPY requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --compile --require-hashes --requirement /tmp/requirements.txt

# dags, plugins, sql, templates and deploy are mounted here, read-only; what the components
# write are volumes, which take over these folders' owner.
ENV AIRFLOW_HOME=/var/lib/airflow \
    PYTHONPATH=/opt/closebook:/opt/closebook/plugins \
    PYTHONUNBUFFERED=1
RUN useradd --uid 50000 --home-dir "$AIRFLOW_HOME" --create-home airflow \
    && install --directory --owner airflow --group airflow \
        "$AIRFLOW_HOME/logs" /var/lib/closebook/documents /opt/closebook \
        /var/lib/closebook/certificates/authority \
        /var/lib/closebook/certificates/primary /var/lib/closebook/certificates/replica-a \
        /var/lib/closebook/certificates/replica-b /var/lib/closebook/certificates/pgbouncer-a \
        /var/lib/closebook/certificates/pgbouncer-b /var/lib/closebook/certificates/store \
        /var/lib/closebook/certificates/redis /var/lib/closebook/certificates/rabbitmq
USER airflow
WORKDIR /opt/closebook
