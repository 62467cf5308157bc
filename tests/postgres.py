"""A PostgreSQL server for tests: Debian's, on a socket in a folder of its own, and over TCP.

On the socket everybody is let in; who comes over TCP needs the password.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from tests.brokers import free_port

PASSWORD = "canary-pg-93e1"

ABSENT = "PostgreSQL is not installed (Debian: apt install postgresql)"


def binaries() -> Path | None:
    """Return the folder of initdb and postgres, the newest one; None where there is none."""
    named = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    where = Path(named) if named else found[-1] if found else None
    return where.parent if where else None


class Server:
    """A running server; it holds what tests need, a database at a time."""

    def __init__(self, folder: Path, user: str, port: int) -> None:
        self.folder, self.user, self.port = folder, user, port

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stop the server's first process and all that it started, for a while.

        The first one is stopped first and goes on last: it buries those that end meanwhile.
        """
        first = int((self.folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        with standing_still(first), ExitStack() as children:
            for child in psutil.Process(first).children():
                children.enter_context(standing_still(child.pid))
            yield

    def place(self, name: str) -> str:
        return f"host={self.folder} port={self.port} user={self.user} dbname={name}"

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://{self.user}@/{name}?host={self.folder}&port={self.port}"

    def over_tcp(self, name: str = "tests") -> str:
        """Return the URL of such a database for those who have the password."""
        self.database(name)
        return f"postgresql+psycopg://{self.user}@127.0.0.1:{self.port}/{name}"

    def password_file(self, path: Path, password: str = PASSWORD) -> Path:
        """Write a file for PGPASSFILE."""
        path.write_text(f"127.0.0.1:{self.port}:*:{self.user}:{password}\n", encoding="utf-8")
        path.chmod(0o600)
        return path

    def database(self, name: str = "tests") -> str:
        """Return the URL of a database in which nothing is, made anew only once."""
        import psycopg

        with psycopg.connect(self.place("postgres"), autocommit=True) as connection:
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if there.fetchone() is None:
                connection.execute(f"CREATE DATABASE {name}".encode())
        with psycopg.connect(self.place(name), autocommit=True) as connection:
            query = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'kammerton%'"
            for (schema,) in connection.execute(query).fetchall():
                connection.execute(f'DROP SCHEMA "{schema}" CASCADE'.encode())
        return self.url(name)


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """Stop a process for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def server() -> Iterator[Server]:
    """Start a server as an unprivileged user, and stop it at the end."""
    where = binaries()
    assert where is not None, ABSENT
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    who = {"user": user, "group": user, "extra_groups": []} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path has to be short
    if who:
        shutil.chown(folder, user, user)
    data = folder / "data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    secret = folder / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    words = ["-D", data, "-U", user, "-E", "UTF8", "--locale=C", "--no-sync", "--pwfile", secret]
    words += ["--auth-local=trust", "--auth-host=scram-sha-256"]
    subprocess.run([where / "initdb", *words], check=True, timeout=100, **quiet, **who)
    secret.unlink()
    port = free_port()  # now: making the files takes seconds, in which others take ports
    settings = (
        "listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}",
        "shared_buffers=16MB",
    )  # fmt: skip
    options = [part for each in settings for part in ("-c", each)]
    process = subprocess.Popen([where / "postgres", "-D", data, *options], **quiet, **who)
    try:
        running = Server(folder, user, port)
        _await(running, process)
        yield running
    finally:
        process.send_signal(signal.SIGQUIT)  # at once: nothing of it is wanted any more
        process.wait(30)
        shutil.rmtree(folder)


def _await(running: Server, process: subprocess.Popen[bytes]) -> None:
    import psycopg

    end = time.monotonic() + 60
    while True:
        try:
            return psycopg.connect(running.place("postgres")).close()
        except psycopg.OperationalError as problem:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("PostgreSQL did not start") from problem
            time.sleep(0.1)


def sql(url: str, *statements: str) -> list[tuple[object, ...]]:
    """Do what an administrator may do to the database of a store."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute('SET search_path = "kammerton_two-qubits"')
        for statement in statements:
            done = connection.execute(statement.encode())
        return done.fetchall() if done.description else []
