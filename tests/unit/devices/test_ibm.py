"""Snapshots of IBM devices: through a stand-in of the package, and through itself if installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import pytest

from kammerton_sim.chip import ChipError
from kammerton_sim.devices import device_chip, ibm_device, read_device
from tests.unit.devices.conftest import REAL

REALLY = pytest.mark.skipif(
    find_spec("qiskit_ibm_runtime") is None, reason="qiskit-ibm-runtime is not installed"
)
ROWS = [
    {"T1": 1e-4, "T2": 9e-5, "frequency": 5e9, "anharmonicity": -3.4e8, "readout_error": 0.02},
    {"T1": 9e-5, "T2": 2e-4, "frequency": 5.1e9, "readout_error": 0.03},
]


class Backend:
    def __init__(self, name: str, rows: list[dict[str, float]]) -> None:
        self.name, self._rows, self.num_qubits = f"fake_{name}", rows, len(rows)
        self.coupling_map = SimpleNamespace(get_edges=lambda: [(0, 1), (1, 0)])

    def properties(self):
        told = [{key: (value, "a date") for key, value in row.items()} for row in self._rows]
        return SimpleNamespace(qubit_property=lambda number: told[number])


@pytest.fixture
def package(monkeypatch):
    """The optional package with two devices: a good one and one with a T2 that cannot be."""
    backends = [Backend("lagos", [ROWS[0], ROWS[0]]), Backend("oslo", ROWS)]
    provider = ModuleType("qiskit_ibm_runtime.fake_provider")
    provider.FakeProviderForBackendV2 = lambda: SimpleNamespace(backends=lambda: backends)
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime", ModuleType("qiskit_ibm_runtime"))
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime.fake_provider", provider)


@pytest.mark.parametrize("name", ["lagos", "fake_lagos", "Lagos", "FakeLagosV2", "FakeLagos"])
def test_a_snapshot_is_read(package, name):
    device = ibm_device(name)
    first = device.qubits[0]
    assert (first.name, first.t1, first.f01, first.readout_error) == ("q0", 1e-4, 5e9, 0.02)
    assert device.couplings == ((0, 1),)
    assert len(device_chip(device, 1).qubits) == 2


def test_what_cannot_be_is_named_and_can_be_mended(package):
    with pytest.raises(ChipError, match=r"qubit 1: T2 of 0.0002 s is longer than 2 T1"):
        ibm_device("oslo")
    device = ibm_device("oslo", mend=True)
    assert device.qubits[1].t2 == 1.8e-4
    assert device.qubits[1].anharmonicity is None


def test_an_unknown_device_is_named_with_the_nearest(package):
    with pytest.raises(ChipError, match=r"there is no device 'lagoss' \(did you mean lagos\?\)"):
        ibm_device("lagoss")


def test_without_the_package_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime.fake_provider", None)
    with pytest.raises(ChipError, match=r"pip install 'kammerton\[ibm\]'"):
        ibm_device("lagos")


@REALLY
def test_the_real_package_tells_what_the_tables_tell():
    path = REAL / "lagos.csv"
    if not path.exists():
        pytest.skip(f"no tables of real devices in {REAL}")
    told, table = ibm_device("lagos"), read_device(path)
    assert told.couplings == table.couplings
    for one, other in zip(told.qubits, table.qubits, strict=True):
        assert one.name == other.name
        for name in ("t1", "t2", "f01", "anharmonicity", "readout_error"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-6)


@REALLY
@pytest.mark.parametrize("name", ["armonk", "kyoto", "prague", "torino"])
def test_snapshots_with_gaps_are_served_when_mended(name):
    """Of one qubit; 6 and all anharmonicities as 0; T2 above 2 T1."""
    device = ibm_device(name, mend=True)
    chip = device_chip(device, 1)
    assert all(-1e9 <= qubit.anharmonicity <= -1e6 for qubit in chip.qubits)
    assert all(qubit.t2 <= 2 * qubit.t1 for qubit in chip.qubits)
