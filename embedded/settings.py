"""The settings of the embedded PostgreSQL, given to it at every start."""

SETTINGS = {
    "listen_addresses": "",  # no TCP
    "port": "5432",  # only names the socket's file
    "cluster_name": "mayfly",  # what `ps` shows
    "timezone": "UTC",
    "max_connections": "100",
    # All of it that was ever used stays in memory. With 128 MB, an upload of 1 MB would take 5 % less processor time.
    "shared_buffers": "32MB",
    "max_locks_per_transaction": "32",  # for each of 100 connections, in a table that all share
    "max_pred_locks_per_transaction": "10",  # no transaction is serializable
    "max_worker_processes": "0",  # no query runs in parallel
    "max_logical_replication_workers": "0",
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
    "log_min_messages": "log",  # an ERROR may quote a value, and its client gets the message anyway
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
SINCE_18 = {
    "io_method": "sync",  # data is read from the file cache, so no processes are needed to wait for disks
    "autovacuum_worker_slots": "3",
}
"""Settings that exist from PostgreSQL 18 on."""
