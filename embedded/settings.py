"""What the embedded PostgreSQL is told at every start."""

SETTINGS = {
    "listen_addresses": "",  # no TCP
    "port": "5432",  # only names the socket's file
    "cluster_name": "mayfly",  # what `ps` shows
    "timezone": "UTC",
    "max_connections": "100",
    "shared_buffers": "128MB",  # the pages of five minutes; more is better left to the file cache
    "huge_pages": "try",
    "max_parallel_workers_per_gather": "0",  # rows are found by key, and a container's /dev/shm is small
    "jit": "off",  # queries are short
    "wal_level": "minimal",  # it has no replicas
    "max_wal_senders": "0",
    "wal_compression": "off",  # ciphertext doesn't shrink
    "checkpoint_timeout": "15min",  # most rows are deleted before they would be written a second time
    "autovacuum_naptime": "15s",  # rows live for minutes: their room is reused soon
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_timezone": "UTC",
    "log_min_messages": "log",  # an ERROR may quote a value, and its client has heard it already
    "log_error_verbosity": "terse",  # DETAIL and CONTEXT may quote rows and statements
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
NOT_DURABLE = dict.fromkeys(DURABLE, "off")
