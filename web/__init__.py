"""HTTP and nothing else."""

from web.body import largest_body
from web.in_flight import admitted
from web.routes import Services, register_web

__all__ = ["Services", "admitted", "largest_body", "register_web"]
