"""HTTP and nothing else."""

from web.in_flight import admitted
from web.routes import Services, register_web

__all__ = ["Services", "admitted", "register_web"]
