"""No, one and two real nginx before Mayfly: whose request it is, whatever a client writes into its own fields."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.cast import SERVER_KEY
from tests.processes import free_port, serving, until
from tests.test_limits_over_processes import listens
from tests.web.test_limits import NOWHERE

MOST = 4
X_FORWARDED = """
proxy_set_header X-Forwarded-For   $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-Host  $http_host;
"""
FORWARDED = 'proxy_set_header Forwarded "$http_forwarded, for=$remote_addr;proto=$scheme";\n'
FORGED = [
    {"X-Forwarded-For": "6.6.6.6"},
    {"X-Forwarded-For": "6.6.6.7, 6.6.6.8, 6.6.6.9", "X-Real-IP": "6.6.6.6"},
    {"Forwarded": "for=6.6.6.6"},
    {"Forwarded": 'for="6.6.6.6', "X-Forwarded-For": "2001:db8::6"},
    {"Forwarded": "for=6.6.6.6, for=6.6.6.7;by=6.6.6.8", "Client-IP": "6.6.6.6"},
]


class From(HTTPAdapter):
    """Connects from an address of this machine's own: all of 127.0.0.0/8 is."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, source_address=(self._address, 0))


@contextmanager
def nginx(behind: int, fields: str) -> Iterator[int]:
    """Have an nginx running that tells Mayfly, or another nginx, who asks; return its port."""
    port = free_port()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        paths = "".join(
            f"{name}_temp_path {folder}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        server = f"listen 127.0.0.1:{port};\nlocation / {{ proxy_pass http://127.0.0.1:{behind};\n{fields} }}"
        (folder / "nginx.conf").write_text(
            f"pid {folder}/pid;\nerror_log stderr;\ndaemon off;\nevents {{}}\n"
            f"http {{ access_log off;\n{paths} server {{ {server} }} }}\n"
        )
        command = ["nginx", "-e", "stderr", "-c", str(folder / "nginx.conf")]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                assert until(lambda: listens(port))
                yield port
            finally:
                process.terminate()
                process.wait(30)


@pytest.mark.parametrize(
    ("proxies", "trusted", "fields"),
    [
        (0, "0", ""),
        (1, "1", X_FORWARDED),
        (2, "2", X_FORWARDED),
        (1, "1 forwarded", FORWARDED),
        (2, "2 forwarded", FORWARDED),
    ],
)
def test_a_forged_field_makes_nobody_another_client(
    database_url: str, proxies: int, trusted: str, fields: str
) -> None:
    if not shutil.which("nginx"):
        pytest.skip("needs nginx")
    settings: dict[str, Any] = {
        "DATABASE_URL": database_url,
        "SECRET_KEYS": SERVER_KEY,
        "TRUSTED_PROXIES": trusted,
        "RATE_LIMITS": f"opens={MOST}/hour,off",
    }
    with ExitStack() as stack:
        port = stack.enter_context(serving(**settings)).port
        for _ in range(proxies):
            port = stack.enter_context(nginx(port, fields))
        for address in ("127.0.0.1", "127.0.0.2"):
            with requests.Session() as session:
                session.mount("http://", From(address))
                told = [
                    session.get(f"http://127.0.0.1:{port}/image/{NOWHERE}", headers=headers, timeout=30)
                    for headers in [{}, *FORGED]
                ]
            assert [answer.status_code for answer in told] == [404] * MOST + [429] * 2
