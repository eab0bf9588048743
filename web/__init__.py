"""HTTP and nothing else."""

from web.body import largest_body
from web.hosts import Hosts
from web.in_flight import admitted, behind_proxies
from web.routes import Services, register_web

__all__ = ["Hosts", "Services", "admitted", "behind_proxies", "largest_body", "register_web"]
