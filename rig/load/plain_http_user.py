"""Where somebody's own Locust file finds `PlainHttpUser`."""

from rig.load.users.plain_http_user import PlainHttpUser

__all__ = ["PlainHttpUser"]
