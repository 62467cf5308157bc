"""A good lab.toml becomes a Lab."""

from pathlib import Path

import pytest

from kammerton.lab import Broker, Channel, Design, IqLine, Limit, Sync, load
from kammerton.lab.load import installed
from kammerton.model.errors import LabError
from tests.unit.lab.example import DRIVERS, FILE, TEXT, line_of, spoilt


@pytest.fixture
def lab():
    return load(FILE, drivers=DRIVERS)


def test_what_the_example_says(lab):
    assert (lab.computer, lab.sample_rate, lab.pictures) == ("two-qubits", 1e9, True)
    assert lab.path == FILE
    assert lab.database == FILE.parent / "kammerton.sqlite"
    assert lab.data == FILE.parent / "runs"
    assert lab.broker == Broker("127.0.0.1", 1883)
    assert lab.sync == Sync("awg1", Channel("awg1", 1), ())
    assert (lab.pi_pulse.length, lab.pi_pulse.sigma) == (40e-9, 10e-9)
    assert (lab.readout.length, lab.readout.reset) == (1e-6, 300e-6)
    assert (lab.interlock.fridge, lab.interlock.drive_below) == ("fridge", 0.05)
    assert (lab.interlock.drive_off_above, lab.interlock.max_age) == (0.1, 30.0)


def test_its_wiring(lab):
    drive = IqLine(Channel("awg1", 3), Channel("awg1", 4), "drive_lo", 4.8e9, 13.0, 67.0, -62.0)
    assert lab.qubits["q1"].drive == drive
    assert lab.qubits["q1"].resonator == "r1"
    assert lab.resonators["r1"].feedline == "feed0"
    feedline = lab.feedlines["feed0"]
    assert feedline.line.carrier == 7e9
    assert (feedline.digitizer, feedline.trigger) == ("digitizer", Channel("awg1", 5))
    assert feedline.delay == 64e-9


def test_its_design_values(lab):
    assert lab.qubits["q0"].design["f01"] == Design(4.9e9, 8e6)
    assert lab.qubits["q0"].design["anharmonicity"] == Design(-200e6, 15e6)
    assert set(lab.qubits["q0"].design) == {
        "f01", "anharmonicity", "pi_amplitude", "t1", "t2_star", "t2_echo",
    }  # fmt: skip
    assert lab.resonators["r0"].design["readout_amplitude"] == Design(0.045, 0.0)


def test_its_limits_and_lines(lab):
    assert lab.instruments["awg1"].limits == {"volts": Limit(-0.5, 0.5, 1e9)}
    assert lab.instruments["drive_lo"].limits == {
        "frequency": Limit(4e9, 6e9, 10e9), "power": Limit(-20.0, 16.0, 100.0),
    }  # fmt: skip
    assert lab.instruments["digitizer"].limits == {}
    for name in lab.instruments:
        assert lab.instruments[name].line == line_of(TEXT, f"[instruments.{name}]")


def test_installed_drivers_are_known_by_name():
    assert set(DRIVERS) <= set(installed())
    assert load(FILE).computer == "two-qubits"


def test_no_driver_is_imported(tmp_path, monkeypatch):
    """A driver whose import fails is still a known driver."""
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kammerton.drivers]\nbroken = no_such_module:connect\n")
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "lab.toml"
    file.write_text(spoilt("oxford_triton", "broken"))
    assert load(file).instruments["fridge"].driver == "broken"


def test_a_link_to_lab_toml_means_the_same_database(tmp_path):
    real, linked = tmp_path / "etc" / "lab.toml", tmp_path / "home" / "mine.toml"
    for file in (real, linked):
        file.parent.mkdir()
    real.write_text(TEXT, encoding="utf-8")
    linked.symlink_to(real)
    one, other = load(real), load(linked)
    assert one == other
    assert other.database == real.resolve().parent / "kammerton.sqlite"


def test_a_database_beside_a_link_to_lab_toml_is_not_begun_anew_elsewhere(tmp_path):
    real, linked = tmp_path / "etc" / "lab.toml", tmp_path / "home" / "lab.toml"
    for file in (real, linked):
        file.parent.mkdir()
    real.write_text(TEXT, encoding="utf-8")
    linked.symlink_to(real)
    beside, meant = (file.parent / "kammerton.sqlite" for file in (linked, real))
    beside.touch()
    with pytest.raises(LabError) as refusal:
        load(linked)
    assert str(beside) in str(refusal.value)
    assert str(meant) in str(refusal.value)
    named = TEXT.replace('"kammerton.sqlite"', f'"{beside}"')
    real.write_text(named, encoding="utf-8")
    assert load(linked).database == beside
    real.write_text(TEXT, encoding="utf-8")
    beside.rename(meant)
    assert load(linked).database == meant


def test_store_and_broker_may_be_left_out(examined):
    text = TEXT[: TEXT.index("[store]")] + TEXT[TEXT.index("[interlock]") :]
    lab = examined(text).lab
    assert lab is not None
    assert (lab.database.name, lab.data.name) == ("kammerton.sqlite", "runs")
    assert lab.broker is None
    assert lab.pictures


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("mqtt://broker", "broker", 1883, False),
        ("mqtts://broker", "broker", 8883, True),
        ("mqtts://broker.example:1234", "broker.example", 1234, True),
        ("mqtt://[::1]:1884/", "::1", 1884, False),
    ],
)
def test_ports_of_a_broker(examined, url, host, port, tls):
    broker = examined(spoilt("mqtt://127.0.0.1:1883", url)).lab.broker
    assert (broker.host, broker.port, broker.tls) == (host, port, tls)


def test_files_of_a_broker_are_relative_to_lab_toml(examined, tmp_path):
    findings = examined(
        spoilt("# username", "username")
        .replace("# password_file", "password_file")
        .replace("# ca_file", "ca_file")
        .replace("mqtt://", "mqtts://")
    )
    broker = findings.lab.broker
    assert broker.username == "kammerton"
    assert broker.password_file == tmp_path / "broker.password"
    assert broker.ca_file == tmp_path / "ca.pem"
    assert [w.split(": ")[1] for w in findings.warnings] == [
        "broker.password_file",
        "broker.ca_file",
    ]


def test_followers_are_the_other_generators(examined):
    text = spoilt('i = "awg1.5"', 'i = "awg2.1"').replace('q = "awg1.6"', 'q = "awg2.2"')
    second = TEXT[TEXT.index("[instruments.awg1]") : TEXT.index("[instruments.drive_lo]")]
    second = second.replace("awg1", "awg2").replace("4881", "4889")
    lab = examined(text.replace("[instruments.drive_lo]", second + "[instruments.drive_lo]")).lab
    assert lab.sync == Sync("awg1", Channel("awg1", 1), ("awg2",))


def test_other_parameters_of_the_registry_may_have_a_design(examined):
    new = 'readout_angle = { value = "0 rad", tolerance = "3 rad" }\nfeedline = "feed0"'
    lab = examined(spoilt('feedline = "feed0"', new)).lab
    assert lab.resonators["r0"].design["readout_angle"] == Design(0.0, 3.0)


def test_byte_order_mark_and_windows_line_ends(examined):
    findings = examined(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert findings.problems == ()
    assert findings.lab.instruments["awg1"].line == line_of(TEXT, "[instruments.awg1]")


def test_umlauts_and_spaces_in_paths(tmp_path):
    folder = tmp_path / "Labor für Quanten"
    folder.mkdir()
    file = folder / "mein lab.toml"
    file.write_text(spoilt('"kammerton.sqlite"', '"Größen 1.sqlite"'), encoding="utf-8")
    assert load(file, drivers=DRIVERS).database == folder / "Größen 1.sqlite"


def test_a_relative_path_becomes_absolute(tmp_path, monkeypatch):
    (tmp_path / "lab.toml").write_text(TEXT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    lab = load("lab.toml", drivers=DRIVERS)
    assert lab.path == tmp_path / "lab.toml"
    assert lab.database.is_absolute()


def test_an_absolute_path_stays(examined, tmp_path):
    elsewhere = tmp_path / "elsewhere" / "k.sqlite"
    assert examined(spoilt('"kammerton.sqlite"', f"'{elsewhere}'")).lab.database == elsewhere


def test_load_raises_all_problems(tmp_path):
    file = tmp_path / "lab.toml"
    file.write_text(spoilt("max_age", "max_aeg").replace('"1 GHz"', '"1"'), encoding="utf-8")
    with pytest.raises(LabError) as caught:
        load(file, drivers=DRIVERS)
    assert len(caught.value.problems) == 2
    assert str(caught.value).splitlines() == caught.value.problems


def test_pathlib_and_text_are_the_same():
    assert load(str(FILE), drivers=DRIVERS) == load(Path(FILE), drivers=DRIVERS)
