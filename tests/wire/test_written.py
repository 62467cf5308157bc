"""What `kammerton sim` writes, and what it leaves as it is."""

from __future__ import annotations

import socket

import pytest

from kammerton_sim.command import run as main

TABLE = """qubit,T1 [s],T2 [s],f01 [Hz],anharmonicity [Hz]
0,2.0e-4,9e-5,5.1e9,-3.4e8
1,2.4e-4,1.1e-4,4.95e9,-3.3e8
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(*arguments: str) -> int:
    return main([*arguments, "--no-serve"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--write-lab", "device.csv"], "--write-lab device.csv: the chip is read from there"),
        (["--write-chip", "./device.csv"], "--write-chip device.csv: the chip is read from there"),
        (["--write-chip", "link.csv"], "--write-chip link.csv: the chip is read from there"),
        (["--write-lab", "device.couplings.csv"], "the chip is read from there"),
        (["--write-chip", "a.toml", "--write-lab", "a.toml"], "--write-chip writes there"),
    ],
)
def test_what_is_read_is_not_overwritten(here, arguments, said, capsys):
    (here / "device.csv").write_text(TABLE, encoding="utf-8")
    (here / "device.couplings.csv").write_text("qubit_a,qubit_b\n0,1\n", encoding="utf-8")
    (here / "link.csv").symlink_to("device.csv")
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    assert written("device.csv", *arguments) == 2
    assert said in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


def test_its_own_file_is_written_anew(here, capsys):
    for seed in ("1", "2"):
        assert written("--seed", seed, "--write-chip", "c.toml", "--write-lab", "l.toml") == 0
        assert capsys.readouterr().err == "wrote c.toml\nwrote l.toml\n"
    assert sorted(path.name for path in here.iterdir()) == ["c.toml", "l.toml"]


@pytest.mark.parametrize("option", ["--write-lab", "--write-chip"])
def test_what_somebody_wrote_is_kept_beside_it(here, option, capsys):
    file = here / "lab.toml"
    file.write_text("# mine\n", encoding="utf-8")
    assert written(option, "lab.toml") == 0
    said = "wrote lab.toml; what stood there is lab.toml.bak now\n"
    assert capsys.readouterr().err == said
    edited = file.read_text(encoding="utf-8").replace("GHz", "MHz").replace("t1", "T1")
    file.write_text(edited, encoding="utf-8")
    assert written(option, "lab.toml") == 0
    assert "lab.toml.bak2" in capsys.readouterr().err
    assert (here / "lab.toml.bak").read_text(encoding="utf-8") == "# mine\n"
    assert (here / "lab.toml.bak2").read_text(encoding="utf-8") == edited


def test_an_empty_file_is_nobodys(here, capsys):
    (here / "lab.toml").touch()
    assert written("--write-lab", "lab.toml") == 0
    assert capsys.readouterr().err == "wrote lab.toml\n"


def test_a_laboratory_without_its_ports_leaves_the_files_of_the_one_that_has_them(here, capsys):
    assert written("--write-chip", "a.toml", "--write-lab", "l.toml") == 0
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    capsys.readouterr()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = f"awg1={taken.getsockname()[1]}"
        files = ["--write-chip", "a.toml", "--write-lab", "l.toml"]
        assert main(["--seed", "9", "--port", port, *files]) == 1
    assert "in use" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before
