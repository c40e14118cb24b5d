# Two images: `voronka`, which every service of ours runs, and `proxy`, which ends TLS. docs/operating.md says how.
FROM python:3.11.14-slim-bookworm AS environments
RUN apt-get update \
    && apt-get install -y --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/voronka
# Compiled here, since nothing can be written beside it later. VORONKA_HOME is thrown away with this stage.
ENV UV_COMPILE_BYTECODE=1 VORONKA_HOME=/tmp/voronka
COPY requirements requirements
COPY extract extract
COPY Makefile meltano.yml ./
COPY voronka voronka
# As on any machine: the Makefile's core environment, then what voronka/environments.py installs by hash.
RUN make .voronka/envs/core/.stamp \
    && .voronka/envs/core/bin/python -m voronka prepare \
    && .voronka/envs/core/bin/python -m compileall -q .voronka/envs/core voronka

FROM python:3.11.14-slim-bookworm AS voronka
RUN groupadd --gid 10001 voronka \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/voronka voronka \
    # New volumes take their owner from here.
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/voronka /var/lib/voronka/backups
WORKDIR /opt/voronka
COPY --from=environments /opt/voronka /opt/voronka
COPY dbt_project dbt_project
COPY superset superset
COPY docker/entrypoint.sh docker/entrypoint.sh
ENV HOME=/var/lib/voronka \
    VORONKA_HOME=/var/lib/voronka \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
ENTRYPOINT ["/opt/voronka/docker/entrypoint.sh"]
CMD ["--help"]

FROM caddy:2.11.7-alpine AS proxy
# The copy lacks the original's right to ports below 1024, which a container without capabilities may not even start.
RUN cp /usr/bin/caddy /usr/local/bin/caddy \
    && install -d -o 10001 -g 10001 -m 0700 /data/caddy \
    && chown 10001:10001 /data /config
COPY docker/Caddyfile /etc/caddy/Caddyfile
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/caddy"]
CMD ["run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
