"""Which chip the command line takes; ports, all of them at once."""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack

import pytest

from kammerton.lab import load
from kammerton_sim.chip import chip_text, random_chip, read_chip, write_chip
from kammerton_sim.command import run as main
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.wire.server import PortInUse, free
from tests.wire.conftest import CountingWorld

TABLE = """qubit,T1 [s],T2 [s],f01 [Hz],anharmonicity [Hz],readout_error
0,2.0e-4,9e-5,5.1e9,-3.4e8,0.02
1,2.4e-4,1.1e-4,4.95e9,-3.3e8,0.05
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "device.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


@pytest.mark.parametrize("option", [[], ["--chip"]])
def test_a_table_becomes_chip_and_lab(tmp_path, table, option, capsys):
    chip, lab = tmp_path / "chip.toml", tmp_path / "lab.toml"
    files = ["--write-chip", str(chip), "--write-lab", str(lab), "--no-serve", "--seed", "3"]
    assert main([*option, str(table), *files]) == 0
    assert [q.f01 for q in read_chip(chip).qubits] == [5.1e9, 4.95e9]
    read = load(lab)
    assert read.qubits["q0"].drive.carrier == read_chip(chip).wiring.carriers["drive_lo"]
    assert read.qubits["q0"].design["t1"].value == pytest.approx(200e-6)  # longer than usual
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[-2:]) == ("", [f"wrote {chip}", f"wrote {lab}"])


def test_what_is_mended_is_said(tmp_path, table, capsys):
    table.write_text(TABLE.replace("1.1e-4", "9e-4"), encoding="utf-8")
    assert main([str(table), "--no-serve"]) == 2
    assert "row 3: T2 of 0.0009 s is longer than 2 T1" in capsys.readouterr().err
    assert main([str(table), "--mend", "--no-serve"]) == 0
    assert "device: row 3: T2 of 0.0009 s" in capsys.readouterr().err


def test_qubits_as_published_ones_are(tmp_path, capsys):
    chip = tmp_path / "chip.toml"
    assert main(["--random", "12", "--seed", "4", "--write-chip", str(chip), "--no-serve"]) == 0
    written = read_chip(chip)
    assert (written.name, len(written.qubits), len(written.feedlines)) == ("drawn-12-4", 12, 2)
    assert main(["--random", "0", "--no-serve"]) == 2
    assert "1 to 1000" in capsys.readouterr().err


def test_without_the_optional_package_it_is_said_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime.fake_provider", None)
    assert main(["--from-ibm", "lagos", "--no-serve"]) == 2
    assert "pip install 'kammerton[ibm]'" in capsys.readouterr().err


def test_pairs_that_no_table_tells_of_cannot_be_coupled(tmp_path, table, capsys):
    assert main([str(table), "--coupled", "--no-serve"]) == 2
    said = capsys.readouterr().err
    assert "device tells of no couplings; there is no " in said
    assert "device.couplings.csv, columns qubit_a and qubit_b" in said
    table.with_suffix(".couplings.csv").write_text("qubit_a,qubit_b\n0,1\n", encoding="utf-8")
    chip = tmp_path / "chip.toml"
    assert main([str(table), "--coupled", "--no-serve", "--write-chip", str(chip)]) == 0
    assert [c.name for c in read_chip(chip).couplings] == ["q0-q1"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"qubit,T1,T2 [s],f0 [Hz]\nq0,5e-5,4e-5,5e9\n",
         ["column 'T1 [s]' is missing: if 'T1' is it, write 'T1 [s]' there",
          "column 'f01 [Hz]' is missing: if 'f0 [Hz]' is it, write 'f01 [Hz]' there",
          "column 'anharmonicity [Hz]' is missing"]),
        (b"qubit,T1 [s],T2 [s],f01 [Hz],anharmonicity [Hz]\nq0,-5e-5,4e-5,5e9,-2e8\n"
         b"q1,5e-5,2e-4,5.1e9,-2e8\nq1,5e-5,4e-5,5.2e9,-2e8\nq3,abc,4e-5,5.3e9,-2e8\n",
         ["row 2: T1 [s]: -5e-5 must lie between 1e-9 and 1 s",
          "row 3: T2 of 0.0002 s is longer than 2 T1 = 0.0001 s (--mend cuts it there)",
          "row 4: qubit 'q1' is already in row 3",
          "row 5: T1 [s]: 'abc' is not a number"]),
        (b"\x8e\x00\xff", ["not a table: it is no text in UTF-8"]),
        (b"", ["no qubits in it"]),
    ],
)  # fmt: skip
def test_all_that_is_wrong_with_a_table_is_said_at_once(tmp_path, content, said, capsys):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    assert main(["--chip", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == len(said) + (len(said) > 1)  # several have a title
    assert err.startswith("bad.csv: ")
    assert not err.startswith("bad.csv: bad.csv")
    for words in said:
        assert words in err


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("mine.txt", TABLE.encode(), "column 6); a table must be called NAME.csv\n"),
        ("bin.toml", b"\x8e\x00\xff", "bin.toml: not TOML: it is no text in UTF-8\n"),
    ],
)
def test_a_file_that_is_neither_chip_nor_table_is_said_to_be_none(
    tmp_path, name, content, said, capsys
):
    path = tmp_path / name
    path.write_bytes(content)
    assert main([str(path), "--no-serve"]) == 2
    assert capsys.readouterr().err.endswith(said)


def test_nothing_is_written_where_one_file_has_no_folder(tmp_path, capsys):
    chip, lab = tmp_path / "chip.toml", tmp_path / "l3" / "lab.toml"
    words = ["--qubits", "1", "--no-serve", "--write-chip", str(chip), "--write-lab"]
    assert main([*words, str(lab)]) == 2
    assert capsys.readouterr().err == f"--write-lab {lab}: there is no folder {lab.parent}\n"
    assert main([*words, str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"--write-lab {tmp_path}: that is a folder\n"
    assert not chip.exists()


def test_a_chip_that_is_only_looked_at_is_named(table, capsys):
    assert main([str(table), "--no-serve"]) == 0
    out, err = capsys.readouterr()
    said = "device-1: 2 qubits; --write-chip and --write-lab write it"
    assert (out, err.splitlines()[-1]) == ("", said)


DRAWN = "resonators, chi, linewidths, slow noise, strength of the drive"


def test_what_the_table_tells_and_what_is_drawn_is_said_as_the_chip_is_built(table, capsys):
    assert main([str(table), "--no-serve", "--seed", "4"]) == 0
    assert capsys.readouterr().err.splitlines()[:-1] == [
        "device: from the table: T1, T2, f01, anharmonicity, readout error",
        f"device: drawn from seed 4: {DRAWN}",
    ]
    gaps = TABLE.replace("2.4e-4", "").replace(",0.02", "").replace(",0.05", "")
    gaps = gaps.replace("readout_error", "mood").replace("-3.4e8", "-3.4e8,good")
    table.write_text(gaps.replace("-3.3e8", "-3.3e8,bad"), encoding="utf-8")
    assert main([str(table), "--no-serve"]) == 0
    assert capsys.readouterr().err.splitlines()[:-1] == [
        "device: from the table: T1 of 1 of 2 qubits, T2, f01, anharmonicity",
        "device: drawn from seed 1: T1 of q1 (about the median of the others), "
        f"readout error (whatever 1 us at a drawn notch gives), {DRAWN}",
        "device: columns that nothing is made of: mood",
    ]
    assert main(["--random", "2", "--no-serve"]) == 0
    assert (
        "--random 2: everything of it is drawn from seed 1; distributed as"
        in capsys.readouterr().err
    )


def test_two_readout_errors_of_which_only_the_mean_can_be_kept_are_said(table, capsys):
    """A chip has no threshold: which of the two states is misread more often, who reads decides."""
    text = TABLE.replace("readout_error", "p_read0_prepared1,p_read1_prepared0")
    table.write_text(text.replace("0.02\n", "0.03,0.02\n").replace("0.05\n", "0.3,0.62\n"))
    assert main([str(table), "--no-serve"]) == 0
    said = "of P(0|1) and P(1|0) the mean is kept, for what they differ by is of the threshold"
    said += " and the length of a readout: q1 0.3 and 0.62\n"
    assert said in capsys.readouterr().err


def test_a_readout_error_that_cannot_be_is_said(table, capsys):
    """A qubit that decays within the readout is misread more often than its table has it."""
    table.write_text(TABLE.replace("2.0e-4,9e-5", "1e-6,1e-6"), encoding="utf-8")
    assert main([str(table), "--no-serve"]) == 0
    said = "device: readout errors that 1 us of readout cannot have: q0 0.25, not 0.02\n"
    assert said in capsys.readouterr().err


def test_one_chip_must_be_chosen_and_what_is_wrong_with_each_is_said(tmp_path, table, capsys):
    assert main([str(table), "--random", "3", "--port", "awg9=4000", "--port", "awg1=1"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "choose one chip, not FILE, --random"
    assert told[1].startswith("--port: no instrument awg9; there are awg1")
    table.write_text(TABLE.replace("2.0e-4", "-2.0e-4"), encoding="utf-8")
    absent = tmp_path / "absent.toml"
    words = [str(absent), "--chip", str(table), "--write-lab", str(tmp_path / "n/x")]
    assert main([*words, "--no-serve", "--port", "awg1=4000", "--port", "awg2=4000"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"--write-lab {tmp_path}/n/x: there is no folder {tmp_path}/n",
        "choose one chip, not FILE, --chip",
        f"{absent}: no such file or directory",
        "device.csv: row 2: T1 [s]: -2.0e-4 must lie between 1e-9 and 1 s",
        "awg1 and awg2: both want port 4000",
    ]


def test_a_named_port_hides_no_first_port_that_is_in_use(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        first = taken.getsockname()[1]
        words = f"{tmp_path}/absent.toml --base-port {first} --port awg1="
        for awg, said in ((1, f"--base-port {first}: "), (first, "awg1: ")):
            assert main([*f"{words}{awg}".split()]) == 2
            *_, told = capsys.readouterr().err.splitlines()
            assert told == f"{said}port {first} on 127.0.0.1 is in use"


def test_a_word_that_is_no_file_may_have_been_meant_as_a_command(capsys):
    assert main(["clt", "faults"]) == 2
    assert "clt: no such file or directory" in capsys.readouterr().err
    assert main(["clt"]) == 2
    assert capsys.readouterr().err == "clt: no such file or directory (did you mean 'ctl'?)\n"


def test_a_file_that_is_missing_hides_nothing(tmp_path, capsys):
    long = "l" * 300
    words = f"{tmp_path}/absent.toml --coupled --write-chip {tmp_path} --write-lab {tmp_path}"
    assert main([*words.split(), "--port", "awg1=0", "--no-serve"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"--write-chip {tmp_path}: that is a folder",
        f"--write-lab {tmp_path}: that is a folder",
        f"--write-lab {tmp_path}: --write-chip writes there; name another file",
        f"--coupled is for tables (TABLE.csv, --from-ibm NAME), not for {tmp_path}/absent.toml",
        f"{tmp_path}/absent.toml: no such file or directory",
        "--port awg1=0: write NAME=PORT, e.g. awg1=4881",
    ]
    names = tmp_path / f"{long}.toml", tmp_path / f"{long}2.toml"  # no folder takes such names
    options = ["--write-chip", str(names[0]), "--write-lab", str(names[1])]
    assert main(["--qubits", "1", "--no-serve", *options]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"--write-chip {names[0]}: file name too long",
        f"--write-lab {names[1]}: file name too long",
    ]


def test_all_that_is_wrong_with_the_options_is_said_at_once(table, capsys):
    words = f"{table} --qubits 2 --sed 3 --seed y --time never --port awg1=0 --port x -z"
    assert main([*words.split(), "--base-port", "-1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "there is no option --sed (did you mean '--seed'?)",
        "there is no option -z",
        "--seed must be a whole number from 0 on, not 'y'",
        "--base-port must be a port from 1 to 65535, not '-1'",
        "choose one chip, not FILE, --qubits",
        "--time never: write fast, real, or a factor above 0",
        "--port awg1=0: write NAME=PORT, e.g. awg1=4881",
        "--port x: write NAME=PORT, e.g. awg1=4881",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--time never --seed", ["--seed: its value is missing", "--time never: write fast"]),
        ("--qubits --time never", ["--qubits: its value is missing", "--time never: write fast"]),
        # of the chip that was not meant no instrument is said to be missing
        ("--qubits many --port awg3=5000",
         ["--qubits must be a whole number from 1 to 1000", "--port is for what is served, or"]),
        ("--qubits 1 --base-port 6000", ["--base-port is for what is served, or for --write-lab"]),
        ("--random 3 --qubits 2 --base-port 70000",
         ["--base-port must be a port from 1 to 65535, not '70000'",
          "choose one chip, not --qubits, --random"]),
        ("--flaws=yes --coupled --no-serve=x",
         ["--flaws takes no value: yes", "--no-serve takes no value: x", "--coupled is for"]),
    ],
)  # fmt: skip
def test_a_value_that_is_missing_hides_nothing(words, said, capsys):
    assert main([*words.split(), "--no-serve"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == len(said)
    assert all(line.startswith(start) for line, start in zip(told, said, strict=True))


def test_what_is_wrong_with_a_table_and_with_the_options_is_said_at_once(table, capsys):
    table.write_text(TABLE.replace("2.0e-4", "-2.0e-4"), encoding="utf-8")
    assert main([str(table), "--time", "never"]) == 2
    err = capsys.readouterr().err
    assert "row 2: T1 [s]: -2.0e-4 must lie" in err
    assert "--time never: write fast" in err


def test_options_that_are_for_tables_are_named_at_once(capsys):
    assert main(["--qubits", "2", "--coupled", "--mend", "--no-serve"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in told] == ["--coupled", "--mend"]


def test_what_is_coupled_without_pairs_and_what_else_is_wrong_is_said_at_once(table, capsys):
    table.write_text(TABLE.replace("2.0e-4", "-2.0e-4"), encoding="utf-8")
    assert main([str(table), "--coupled", "--no-serve"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("--coupled: device tells of no couplings; there is no ")
    assert told[1] == "device.csv: row 2: T1 [s]: -2.0e-4 must lie between 1e-9 and 1 s"
    table.with_suffix(".couplings.csv").write_text("qubit_a,qubit_b\n", encoding="utf-8")
    table.write_text(TABLE, encoding="utf-8")
    assert main([str(table), "--coupled", "--no-serve"]) == 2
    assert capsys.readouterr().err == "--coupled: device tells of no couplings\n"
    assert main(["--random", "2", "--coupled", "--no-serve"]) == 2
    said = "--coupled is for tables (TABLE.csv, --from-ibm NAME), not for a drawn chip\n"
    assert capsys.readouterr().err == said


def test_a_file_may_stand_behind_the_options(tmp_path, table):
    chip = tmp_path / "chip.toml"
    assert main(["--no-serve", "--write-chip", str(chip), str(table)]) == 0
    assert len(read_chip(chip).qubits) == 2


# ---------------------------------------------------------------- ports


@pytest.mark.parametrize(
    ("ports", "said"),
    [
        (["--port", "awg7=4000", "--port", "x=4001"], "no instrument awg7, x; there are awg1"),
        (["--port", "awg1=4000", "--port", "awg1=4001"], "awg1 has port 4000 already"),
        (["--base-port", "65533"], "ports do not fit there"),
        (["--port", "awg1=4900", "--port", "board=4900"], "awg1 and board: both want port 4900"),
        (["--port", "awg1=4882"], "awg1 and drive_lo: both want port 4882"),  # the next one's
    ],
)
def test_ports_that_cannot_be_are_named_also_where_nothing_is_served(ports, said, capsys):
    assert main(["--qubits", "1", "--no-serve", *ports]) == 2
    assert said in capsys.readouterr().err


def test_all_ports_in_use_are_named_at_once(capsys):
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        first, second = (each.getsockname()[1] for each in taken)
        with pytest.raises(PortInUse) as caught:
            Laboratory(random_chip(1, 3), {"awg1": first, "control": second}, CountingWorld())  # type: ignore[arg-type]
        assert str(caught.value).splitlines() == [
            f"awg1: port {first} on 127.0.0.1 is in use",
            f"control: port {second} on 127.0.0.1 is in use",
        ]
        ports = ["--port", f"awg1={first}", "--port", f"board={second}"]
        assert main(["--qubits", "1", *ports]) == 1
        assert len(capsys.readouterr().err.splitlines()) == 2
        assert main(["--sed", "3", "--time", "slow", "--base-port", "65533", *ports]) == 2
        assert capsys.readouterr().err.splitlines() == [
            "there is no option --sed (did you mean '--seed'?)",
            "--time slow: write fast, real, or a factor above 0",
            "--base-port 65533: 7 ports do not fit there",
            f"awg1: port {first} on 127.0.0.1 is in use",
            f"board: port {second} on 127.0.0.1 is in use",
        ]


def test_the_first_of_consecutive_ports_is_looked_at_though_the_table_is_refused(table, capsys):
    table.write_text(TABLE.replace("2.0e-4", "-2.0e-4"), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main([str(table), "--base-port", str(port)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "device.csv: row 2: T1 [s]: -2.0e-4 must lie between 1e-9 and 1 s",
        f"--base-port {port}: port {port} on 127.0.0.1 is in use",
    ]


def test_a_chip_that_is_refused_still_tells_which_ports_there_are(tmp_path, capsys):
    path = tmp_path / "chip.toml"
    text = chip_text(random_chip(1, 3))
    path.write_text(text.replace("seed = 3", "seed = -3"), encoding="utf-8")
    assert main([str(path), "--port", "foo=77", "--port", "digitizer=4000", "--no-serve"]) == 2
    idle, seed, ports = capsys.readouterr().err.splitlines()
    assert idle.startswith("--port is for what is served")
    assert seed.endswith("seed: must be a whole number, not below 0")
    assert ports == "--port: no instrument foo; there are awg1, drive_lo, readout_lo, board, " + (
        "fridge, control"
    )
    path.write_text(text.replace("[wiring]", "[wirng]"), encoding="utf-8")
    assert main([str(path), "--port", "foo=77", "--no-serve"]) == 2  # which tells of no ports


def test_a_port_that_two_want_is_named():
    with pytest.raises(PortInUse, match="awg1 and fridge: both want port 6000"):
        free({"awg1": 6000, "board": 0, "fridge": 6000, "control": 0})


def test_flaws_may_be_drawn_for_any_chip(tmp_path, capsys):
    chip = tmp_path / "chip.toml"
    options = ["--qubits", "2", "--seed", "4", "--flaws", "--no-serve", "--write-chip", str(chip)]
    assert main(options) == 0
    assert capsys.readouterr().err.startswith(
        "--flaws: drawn from seed 4, where the chip has none of its own: defects, charge parity,"
    )
    drawn = read_chip(chip)
    assert drawn.bursts
    assert drawn.wiring.mixers
    assert all(q.charge for q in drawn.qubits)


def test_flaws_that_a_chip_cannot_have_are_refused_before_it_is_served(tmp_path, capsys):
    """f01 between the resonator and itself plus |anharmonicity|: no coupling gives this chi."""
    path, chip = tmp_path / "straddling.csv", tmp_path / "chip.toml"
    path.write_text(TABLE.replace("5.1e9", "6.85e9"), encoding="utf-8")
    options = [str(path), "--seed", "4", "--no-serve", "--write-chip", str(chip)]
    assert main([*options, "--flaws"]) == 2
    assert "--flaws: resonators.r0.purcell: no coupling to q0 gives" in capsys.readouterr().err
    assert not chip.exists()
    assert main(options) == 0  # without them it can be served


def test_flaws_of_a_file_follow_the_seed_that_the_file_and_the_results_tell(tmp_path):
    file, lab = tmp_path / "chip.toml", tmp_path / "lab.toml"
    write_chip(random_chip(2, 4), file)
    written = []
    for seed in ("4", "7"):
        chip = tmp_path / f"{seed}.toml"
        options = [str(file), "--flaws", "--seed", seed, "--no-serve", "--write-chip", str(chip)]
        assert main([*options, "--write-lab", str(lab)]) == 0
        written.append(read_chip(chip))
        assert "hidden truth, seed 4" in lab.read_text(encoding="utf-8")
    assert written[0] == written[1]
