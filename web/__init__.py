"""HTTP and nothing else."""

from web.application import Application
from web.register import Services, register_web
from web.request.counters import Counters, shared_counters
from web.request.forwarded import behind_proxies
from web.request.hosts import Hosts
from web.request.in_flight import admitted
from web.request.largest import largest_body
from web.request.limits import Limiter
from web.request.observe import current_request_id, observe
from web.request.valkey import ValkeyCounters

__all__ = [
    "Application",
    "Counters",
    "Hosts",
    "Limiter",
    "Services",
    "ValkeyCounters",
    "admitted",
    "behind_proxies",
    "current_request_id",
    "largest_body",
    "observe",
    "register_web",
    "shared_counters",
]
