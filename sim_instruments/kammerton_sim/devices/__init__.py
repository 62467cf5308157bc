"""Chips from tables of devices that exist: a CSV file, IBM's published snapshots, or a draw.

A table tells of each qubit T1, T2, f01, anharmonicity and readout error. What no table tells
(resonators, drive strength, slow noise, wiring) is drawn from a seed.
"""

from kammerton_sim.devices.build import device_chip
from kammerton_sim.devices.draw import drawn_device
from kammerton_sim.devices.ibm import ibm_device
from kammerton_sim.devices.table import read_device
from kammerton_sim.devices.words import Device, DeviceQubit

__all__ = [
    "Device",
    "DeviceQubit",
    "device_chip",
    "drawn_device",
    "ibm_device",
    "read_device",
]
