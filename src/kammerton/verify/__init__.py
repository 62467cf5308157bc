"""An independent reader: it looks at a database without a line of the code that wrote it."""

from kammerton.verify.postgres import verify_server
from kammerton.verify.report import Report
from kammerton.verify.sqlite import verify

__all__ = ["Report", "verify", "verify_server"]
