"""Those who send: the plain users, Locust's, and those of somebody's own Locust file."""
