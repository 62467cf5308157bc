"""Which of several laboratories `kammerton sim ctl` speaks to."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from kammerton_sim.command import run as command
from kammerton_sim.ctl import running
from kammerton_sim.ctl.running import announced, found
from kammerton_sim.wire.lines import LineServer


def test_a_process_of_windows_is_not_asked_with_a_signal_that_ends_it(monkeypatch):
    """There os.kill(pid, 0) is Ctrl-C for it: 0 is signal.CTRL_C_EVENT."""
    monkeypatch.setattr(running.os, "kill", lambda *_: pytest.fail("it was ended"))
    with monkeypatch.context() as patch:
        patch.setattr(running.os, "name", "nt")
        assert running._is_alive(1)


def test_the_one_that_runs_is_found(alone, laboratory, capsys):
    assert found() == []
    assert command(["ctl", "time"]) == 1
    assert "no simulated laboratory runs here" in capsys.readouterr().err
    with announced("a chip", laboratory.ports["control"]):
        assert command(["ctl", "time"]) == 0
        assert [each.chip for each in found()] == ["a chip"]
    assert found() == []


@pytest.fixture
def other():
    """What says that it is the laboratory of process 1, at its port."""
    other = LineServer("other", 0, lambda _: '{"chip": "two", "pid": 1}', "\n")
    yield other
    other.close()


def test_of_several_one_must_be_named(alone, laboratory, other, capsys, monkeypatch):
    with announced("one", laboratory.ports["control"]), monkeypatch.context() as patch:
        patch.setattr("os.getpid", lambda: 1)
        with announced("two", other.port):
            patch.undo()
            assert command(["ctl", "time"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "several laboratories run; choose one by its --control:"
    ports = laboratory.ports["control"], other.port
    folder = Path.cwd()
    wanted = [f"  two (pid 1 in {folder}, --control {ports[1]})",
              f"  one (pid {os.getpid()} in {folder}, --control {ports[0]})"]  # fmt: skip
    assert sorted(said[1:]) == sorted(wanted)


def test_one_of_another_folder_must_be_named(alone, laboratory, tmp_path, capsys, monkeypatch):
    """It may be somebody else's, who would wonder what happens to it."""
    port = laboratory.ports["control"]
    for folder in ("mine", "mine/below", "theirs"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "theirs")
    with announced("a chip", port):
        for folder, code in (("mine", 2), ("theirs", 0), (".", 0)):
            monkeypatch.chdir(tmp_path / folder)
            assert command(["ctl", "time"]) == code
        monkeypatch.chdir(tmp_path / "mine")
        capsys.readouterr()
        assert command(["ctl", "frequency-hop", "q0"]) == 2
        said = capsys.readouterr().err.splitlines()
        assert said[0] == "what runs was begun in another folder; choose one by its --control:"
        theirs = tmp_path / "theirs"
        assert said[1] == f"  a chip (pid {os.getpid()} in {theirs}, --control {port})"
        assert command(["ctl", "--control", str(port), "time"]) == 0


def test_of_several_the_one_of_this_folder_is_meant(
    alone, laboratory, other, tmp_path, capsys, monkeypatch
):
    here = Path.cwd()
    with announced("one", laboratory.ports["control"]), monkeypatch.context() as patch:
        patch.setattr("os.getpid", lambda: 1)
        patch.chdir(tmp_path)
        with announced("two", other.port):
            patch.undo()
            assert Path.cwd() == here
            assert command(["ctl", "time"]) == 0
            assert len(found()) == 2


def test_one_that_ended_without_a_word_is_forgotten(alone, tmp_path):
    with announced("gone", 1):
        assert found() == []
        assert list(tmp_path.rglob("*.json")) == []


def test_what_is_just_being_written_is_left(alone, tmp_path):
    """One laboratory begins while another looks who runs beside it."""
    with announced("begins", 1):
        (file,) = tmp_path.rglob("*.json")
        gone, huge = file.with_name("999999999.json"), file.with_name(f"{'9' * 40}.json")
        for each in (file, gone, huge):
            each.write_text('{"chip": "beg')
        assert found() == []
        assert list(tmp_path.rglob("*.json")) == [file]


def test_one_that_was_killed_is_forgotten_when_another_takes_its_port(alone, other, tmp_path):
    with announced("killed", other.port):
        assert found() == []
        assert list(tmp_path.rglob("*.json")) == []


def test_one_that_was_killed_is_forgotten_when_something_else_takes_its_port(alone, laboratory):
    with announced("killed", laboratory.ports["fridge"]):
        assert found() == []


def test_one_that_is_too_busy_to_answer_still_runs(alone, deaf):
    with announced("busy", deaf):
        assert [each.chip for each in found()] == ["busy"]


@pytest.fixture
def deaf(monkeypatch):
    """The port of somebody who takes connections and says nothing."""
    monkeypatch.setattr("kammerton_sim.ctl.asked.PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("name", ["fridge", "board"])
def test_a_port_that_is_no_control_port(laboratory, name, capsys):
    port = laboratory.ports[name]
    assert command(["ctl", "--control", str(port), "time"]) == 1
    assert capsys.readouterr().err == f"127.0.0.1:{port} is no laboratory's control port\n"


def test_a_port_that_says_nothing_holds_nobody_up(deaf, capsys):
    assert command(["ctl", "--control", str(deaf), "time"]) == 1
    assert capsys.readouterr().err == f"nothing answers at 127.0.0.1:{deaf} within 0.2 s\n"


@pytest.mark.parametrize("address", ["here", "0", "127.0.0.1:x", "99999"])
def test_an_address_that_is_none(address, capsys):
    assert command(["ctl", "--control", address, "time"]) == 2
    assert "must be PORT or HOST:PORT" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["tempratur"], ["clear", "x"], ["time", "now"]])
def test_what_needs_no_laboratory_to_be_refused_is_refused_without(alone, arguments, capsys):
    assert command(["ctl", *arguments]) == 2
    assert "no simulated laboratory" not in capsys.readouterr().err


def test_nobody_there(capsys):
    assert command(["ctl", "--control", "1", "time"]) == 1
    assert "no laboratory at 127.0.0.1:1" in capsys.readouterr().err
