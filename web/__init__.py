"""HTTP and nothing else."""

from web.routes import Services, register_web

__all__ = ["Services", "register_web"]
