# The app's image with a target's own Python. The rig builds it, in a folder with own.sh and project/,
# and puts what own.sh is told in place of WORDS.
FROM async-django-rig/django-async

# what packages without a wheel are built with
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc python3-dev libpq-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*

COPY own.sh /packages/setup/own.sh
COPY project /own/project
RUN --mount=type=secret,id=ca --mount=type=secret,id=index --mount=type=cache,target=/root/.cache \
    bash /packages/setup/own.sh WORDS && chmod -R a+rX /own
