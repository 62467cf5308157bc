"""An independent reader: it looks at a database without a line of the code that wrote it."""

from kammerton.verify.library import library_warning
from kammerton.verify.postgres import verify_server
from kammerton.verify.report import Report
from kammerton.verify.sqlite import verify

__all__ = ["Report", "library_warning", "verify", "verify_server"]
