"""HTTP and nothing else."""

from web.body import largest_body
from web.in_flight import admitted, behind_proxies
from web.routes import Services, register_web

__all__ = ["Services", "admitted", "behind_proxies", "largest_body", "register_web"]
