"""A digest of what a generator plays, so that only changes are uploaded."""

from __future__ import annotations

import hashlib

from kammerton.model.roles import Playlist


def fingerprint(playlist: Playlist) -> bytes:
    """Return a digest: equal digests play the same on the same channels."""
    digest = hashlib.blake2b(digest_size=16)
    table = (playlist.channels, playlist.steps, playlist.sample_rate)
    digest.update(repr(table).encode())
    for name in sorted(playlist.waves):
        wave = playlist.waves[name]
        marker = b"" if wave.marker is None else wave.marker.tobytes()
        digest.update(repr((name, wave.volts.size, len(marker))).encode())
        digest.update(wave.volts.tobytes() + marker)
    return digest.digest()
