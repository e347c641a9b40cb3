"""Logs: a static event name and fields by keyword. Only keys on the list are written; nothing personal can slip through."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset({
    "event", "level", "timestamp", "service", "method", "code", "reason", "incident", "error", "place", "event_id", "key", "kind",
    "record_id", "disclosure_id", "agency", "topic", "count", "attempts", "address", "bucket", "state", "wait_s",
})  # fmt: skip


def _allow_listed(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401
    return {key: value for key, value in entry.items() if key in ALLOWED}


def configure(service: str) -> None:
    """JSON lines on stderr, for a process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allow_listed,
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    # What the database refuses is answered or logged where it is handled; the driver's own line about it is no JSON.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    logging.getLogger("psycopg.pool").setLevel(logging.WARNING)


def place_of(error: BaseException) -> str:
    """Where an unplanned error arose: file and line. Its text may be personal and is never logged."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else ""


log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
