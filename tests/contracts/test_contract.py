"""The published contract is fresh, and a change that would break a partner is found."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from services.sharing.contract.compare import broken
from services.sharing.contract.documents import FOLDER, RELEASED, bundle, documents, read
from services.sharing.legal import law

GENERATED = documents(law())
NOW = bundle(GENERATED)
RELEASE = json.loads((FOLDER / RELEASED).read_text(encoding="utf-8"))
ALERT = "content/folkbokforing_alert.skatteverket-folkbokforing.shared.json"
RECEIPT = "replies/se.los.receipt.v1.json"
Change = Callable[[Any], object]


def test_what_is_checked_in_is_what_the_code_and_the_law_say() -> None:
    lying = read()
    lying.pop(RELEASED)
    assert sorted(lying) == sorted(GENERATED)
    assert [name for name, text in GENERATED.items() if lying[name] != text] == [], "python -m services.sharing.contract"


def test_nothing_has_changed_that_breaks_a_partner_of_the_last_release() -> None:
    assert broken(RELEASE, NOW) == []


def changed(change: Change) -> list[str]:
    files = copy.deepcopy(NOW)
    change(files)
    return broken(NOW, files)


def fields_of(files: Any) -> Any:  # noqa: ANN401  # any part of a schema
    return files[ALERT]["$defs"]["fol-32c-2021"]["properties"]["fields"]


BREAKING: dict[str, tuple[Change, str]] = {
    "a field is removed": (lambda files: fields_of(files)["properties"].pop("alert.observed_to"), "fields.alert.observed_to is gone"),
    "a field has another type": (
        lambda files: files["fields.json"]["$defs"]["alert.circumstances"].update(type="string"),
        "circumstances: type was array, is string",
    ),
    "a field has another form": (lambda files: files["fields.json"]["$defs"]["alert.observed_from"].update(pattern="^x$"), "pattern was"),
    "a field that was always there is optional": (
        lambda files: fields_of(files)["required"].remove("sender.unit"),
        "fields.sender.unit was always there, is optional",
    ),
    "a code is removed": (
        lambda files: files["fields.json"]["$defs"]["alert.suspected_error_kind"]["enum"].remove("left_sweden"),
        "the value left_sweden is gone",
    ),
    "a closed type is opened": (
        lambda files: fields_of(files).update(additionalProperties=True),
        "additionalProperties was False, is True",
    ),
    "a list of codes is given up": (lambda files: files["fields.json"]["$defs"]["finding.category"].pop("enum"), "is any"),
    "a ground is removed": (lambda files: files[ALERT]["oneOf"].pop(1), "samnr-4-1-2023 is gone"),
    "a schema is removed": (lambda files: files.pop(ALERT), f"{ALERT}: is gone"),
    "an attribute is removed": (
        lambda files: files["share-event.json"]["properties"].pop("sequence"),
        "share-event.json: sequence is gone",
    ),
    "a header is removed": (lambda files: files["headers.json"]["properties"].pop("los-signature"), "headers.json: los-signature is gone"),
    "a channel is removed": (
        lambda files: files["asyncapi.json"]["channels"].pop("los.share.polisen.v1"),
        "channels: los.share.polisen.v1 is gone",
    ),
    "a topic is renamed": (
        lambda files: files["asyncapi.json"]["channels"]["los.share.polisen.v1"].update(address="x"),
        "address: was los.share.polisen.v1, is x",
    ),
    "a message is removed": (
        lambda files: files["asyncapi.json"]["components"]["messages"].pop("se.los.receipt.v1"),
        "messages: se.los.receipt.v1 is gone",
    ),
    "an operation turns": (
        lambda files: files["asyncapi.json"]["operations"]["read-polisen"].update(action="send"),
        "action: was receive, is send",
    ),
    "another login is asked for": (
        lambda files: files["asyncapi.json"]["components"]["securitySchemes"]["scram"].update(type="plain"),
        "type: was scramSha512, is plain",
    ),
    "an answer must say more": (lambda files: files[RECEIPT]["required"].append("reason"), f"{RECEIPT}: reason was optional, is required"),
    "an answer must say something new": (
        lambda files: (files[RECEIPT]["properties"].update(who={"type": "string"}), files[RECEIPT]["required"].append("who")),
        f"{RECEIPT}: who is new and required",
    ),
    "an answer may say less": (lambda files: files[RECEIPT]["properties"]["status"]["enum"].remove("refused"), "the value refused is gone"),
    "a text becomes a list of codes in an answer": (
        lambda files: files[RECEIPT]["properties"]["receiver_kind"].update(enum=["x"]),
        "receiver_kind: was any value, is one of 1",
    ),
}
COMPATIBLE: dict[str, Change] = {
    "nothing": lambda files: files,
    "a new optional field": lambda files: fields_of(files)["properties"].update({"alert.new": {"type": "string"}}),
    "a field that was optional is always there": lambda files: fields_of(files)["required"].append("alert.observed_from"),
    "a new code": lambda files: files["fields.json"]["$defs"]["alert.suspected_error_kind"]["enum"].append("new"),
    "a new schema": lambda files: files.update({"content/x.json": {"type": "object"}}),
    "a new message": lambda files: files["asyncapi.json"]["components"]["messages"].update({"x": {}}),
    "a new channel": lambda files: files["asyncapi.json"]["channels"].update({"los.share.csn.v1": {}}),
    "other words": lambda files: files["asyncapi.json"]["info"].update(description="x"),
    "a flow is opened": lambda files: files["asyncapi.json"]["components"]["messages"]["control_finding.kronofogden.shared"].pop(
        "x-los-switch"
    ),
    "an answer need not say as much": lambda files: files[RECEIPT]["required"].remove("receiver_kind"),
    "an answer may say more": lambda files: files[RECEIPT]["properties"]["status"]["enum"].append("new"),
}


@pytest.mark.parametrize(("change", "said"), BREAKING.values(), ids=BREAKING)
def test_a_change_that_breaks_a_partner_is_told_in_a_line(change: Change, said: str) -> None:
    lines = changed(change)
    assert any(said in line for line in lines), lines
    assert all("\n" not in line for line in lines)


@pytest.mark.parametrize("change", COMPATIBLE.values(), ids=COMPATIBLE)
def test_a_change_that_a_partner_need_not_notice_passes(change: Change) -> None:
    assert changed(change) == []
