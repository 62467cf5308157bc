"""What the first run would otherwise wait for."""

from __future__ import annotations

from kammerton.estimation import warm


def load_kernels() -> None:
    """Load kernels, compiled where no cache has them, and the netCDF writer."""
    import h5netcdf  # noqa: F401
    import xarray  # noqa: F401

    warm()
