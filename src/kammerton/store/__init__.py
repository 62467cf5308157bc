"""The record: runs, revisions, history, outbox and audit log in SQLite; raw traces in netCDF."""

from kammerton.store.read import ReadStore
from kammerton.store.rows import Activity, AuditRow, Change, Commit, Handover, Snapshot, StoredRun
from kammerton.store.traces import open_traces
from kammerton.store.write import Store

__all__ = [
    "Activity",
    "AuditRow",
    "Change",
    "Commit",
    "Handover",
    "ReadStore",
    "Snapshot",
    "Store",
    "StoredRun",
    "open_traces",
]
