"""HTTP and nothing else."""

from web.register import Services, register_web
from web.request.body import largest_body
from web.request.forwarded import behind_proxies
from web.request.hosts import Hosts
from web.request.in_flight import admitted

__all__ = ["Hosts", "Services", "admitted", "behind_proxies", "largest_body", "register_web"]
