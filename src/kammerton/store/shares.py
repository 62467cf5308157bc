"""Whether a path lies on another computer's disk."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

SHARES = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afs", "coda", "davfs"),
        *("ceph", "glusterfs", "lustre", "gpfs", "beegfs", "ocfs2", "gfs2"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone", "fuse.s3fs", "fuse.davfs2"),
    )
)
"""File systems of Linux that other computers serve, as /proc/self/mountinfo names them."""

MOUNTS = Path("/proc/self/mountinfo")
REMOTE = 4  # of Windows' GetDriveType


def share_of(path: Path) -> str | None:
    """Return the kind of network share that a path lies on; None for a local disk.

    Where the system does not tell (neither Linux nor Windows), every disk counts as local.
    """
    whole = path.absolute()
    if sys.platform == "win32":
        return _windows_share(whole)
    if not MOUNTS.is_file():
        return None
    mounts = dict(_mounts(MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")))
    real = _existing(whole).resolve()
    nearest = next((place for place in (real, *real.parents) if str(place) in mounts), None)
    kind = mounts[str(nearest)] if nearest is not None else ""
    return kind if kind in SHARES else None


def _mounts(table: str) -> list[tuple[str, str]]:
    """Return mount point and file system of each line; a later mount hides an earlier one."""
    found = []
    for line in table.splitlines():
        mount, _, kind = line.partition(" - ")
        point = mount.split(" ")[4]
        for octal, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
            point = point.replace(octal, letter)
        found.append((point, kind.split(" ")[0]))
    return found


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _windows_share(path: Path) -> str | None:
    if path.drive.startswith("\\\\"):
        return f"share {path.drive}"
    windll = getattr(ctypes, "windll", None)
    remote = windll is not None and windll.kernel32.GetDriveTypeW(f"{path.drive}\\") == REMOTE
    return f"network drive {path.drive}" if remote else None
