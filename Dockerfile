# One image for every Postloan and Airflow process of docker-compose.yml: the locked packages, no build tools, no root.
FROM python:3.11.14-slim-bookworm AS packages
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /opt/postloan
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
COPY pyproject.toml uv.lock README.md ./
COPY include include
COPY scoring scoring
COPY models models
COPY expectations expectations
RUN uv sync --frozen --no-dev

FROM python:3.11.14-slim-bookworm
RUN groupadd --gid 10001 postloan && useradd --uid 10001 --gid postloan --no-create-home postloan \
    && install -d -o postloan -g postloan -m 0700 /var/lib/postloan /var/lib/postloan/airflow /var/lib/postloan/landing
WORKDIR /opt/postloan
COPY --from=packages /opt/postloan /opt/postloan
COPY dags dags
COPY dbt_project dbt_project
ENV PATH=/opt/postloan/.venv/bin:$PATH PYTHONPATH=/opt/postloan POSTLOAN_HOME=/var/lib/postloan \
    AIRFLOW_HOME=/var/lib/postloan/airflow
USER 10001:10001
