# Redis as Debian packages it, for targets that ask for it. Built from the project's root.
FROM debian:trixie-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home rig

COPY stack/__init__.py /rig/stack/
COPY stack/app /rig/stack/app
# a checkout may be readable to its owner alone
RUN chmod -R a+rX /rig
USER rig
WORKDIR /rig
ENV PYTHONPATH=/rig PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["python3", "-P", "-s", "-m", "stack.app"]
