"""Every attack: the modules that hold them, imported in the order of the table."""

# isort: skip_file
from tests.attack import slow, dear, hostile, rules
from tests.attack.registry import ATTACKS

__all__ = ["ATTACKS", "dear", "hostile", "rules", "slow"]
