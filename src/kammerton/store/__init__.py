"""The record: runs, revisions, history, outbox and audit log in SQLite; raw traces in netCDF."""

from kammerton.store.acting import attend
from kammerton.store.asking import change, errand
from kammerton.store.inbox import Inbox
from kammerton.store.read import ReadStore
from kammerton.store.restore import restore
from kammerton.store.rows import (
    Activity,
    Attempt,
    AuditRow,
    Change,
    Commit,
    Doubt,
    Handover,
    Lease,
    Revision,
    Snapshot,
    StoredRun,
)
from kammerton.store.traces import open_traces
from kammerton.store.write import Store

__all__ = [
    "Activity",
    "Attempt",
    "AuditRow",
    "Change",
    "Commit",
    "Doubt",
    "Handover",
    "Inbox",
    "Lease",
    "ReadStore",
    "Revision",
    "Snapshot",
    "Store",
    "StoredRun",
    "attend",
    "change",
    "errand",
    "open_traces",
    "restore",
]
