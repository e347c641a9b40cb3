"""Rows of an import as messages."""

from los.common.v1 import common_pb2

from services.registry.domain.rows import Result, Verdict

RESULTS = {word: common_pb2.RowResult.Value(f"ROW_RESULT_{word.upper()}") for word in Result}


def answer(number: int, label: str, verdict: Verdict, record_id: str = "") -> common_pb2.ImportResponse:
    """The answer to one row."""
    return common_pb2.ImportResponse(
        row=number,
        result=RESULTS[verdict.result],
        column=verdict.column,
        code=verdict.code,
        message=verdict.message,
        record_id=record_id,
        label=label,
    )
