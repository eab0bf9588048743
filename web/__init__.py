"""HTTP: routes, what they read from requests and write into answers, and the pages."""

from web.register import Services, register_web
from web.request.application import Application
from web.request.counters import Counters, counters_at
from web.request.forwarded import behind_proxies
from web.request.hosts import Hosts
from web.request.in_flight import admitted
from web.request.largest import largest_body
from web.request.limits import Limiter
from web.request.observe import current_request_id, observe

__all__ = [
    "Application",
    "Counters",
    "Hosts",
    "Limiter",
    "Services",
    "admitted",
    "behind_proxies",
    "counters_at",
    "current_request_id",
    "largest_body",
    "observe",
    "register_web",
]
