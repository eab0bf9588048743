"""HTTP and nothing else."""

from web.alone import run_alone
from web.routes import Services, largest_body, register_web

__all__ = ["Services", "largest_body", "register_web", "run_alone"]
