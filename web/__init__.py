"""HTTP and nothing else."""

from web.answer.observe import observe
from web.description.openapi import VERSION
from web.register import Services, register_web
from web.request.body import largest_body
from web.request.hosts import Hosts
from web.request.in_flight import admitted, behind_proxies

__all__ = [
    "VERSION",
    "Hosts",
    "Services",
    "admitted",
    "behind_proxies",
    "largest_body",
    "observe",
    "register_web",
]
