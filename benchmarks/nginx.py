"""nginx with the same bytes, to show what the generator can do: it neither seals nor stores."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import accepts, free_port, wait_until

LINK = "n" * 32
CONFIG = """daemon off; {user} worker_processes auto; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; client_max_body_size 64m; keepalive_requests 1000000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fast; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port};
    location = /upload {{ return 201 "http://127.0.0.1/image/{link}\\n"; }}
    location = /image/{link} {{ root files; }}
  }}
}}
"""


@contextmanager
def serving(image: bytes) -> Iterator[int | None]:
    """Yields the port of an nginx that has the image under its link and takes uploads; None where none is installed."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder, port = Path(temporary), free_port()
        (folder / "files" / "image").mkdir(parents=True)
        (folder / "files" / "image" / LINK).write_bytes(image)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(CONFIG.format(port=port, link=LINK, user=user))
        server = subprocess.Popen([program, "-p", folder, "-c", "nginx.conf", "-e", "stderr"])
        try:
            wait_until(lambda: accepts(port), 10)
            yield port
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(10)
