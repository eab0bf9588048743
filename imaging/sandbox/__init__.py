"""The processes in which hostile bytes are walked and decoded, and the jail that holds these processes."""
