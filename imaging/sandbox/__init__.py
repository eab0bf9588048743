"""The process that meets hostile bytes, and what keeps it from everything else."""
