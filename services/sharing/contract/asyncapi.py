"""The AsyncAPI document: who reads and writes what, seen from the agency. The schemas stand in files of their own."""

from collections.abc import Iterator
from typing import Any, get_args

from services.kernel.reference import Agency, reference
from services.sharing.contract.content import Contract, Key
from services.sharing.contract.schemas import ANSWERS, CHANGED, content_name, reply_name, said
from services.sharing.legal import Law
from services.sharing.sealing import CONTENT_TYPE, Change

Document = dict[str, Any]

_ABOUT = """What a kommun shares with the agencies in LOS, Lokal Operativ Samverkan, and what they answer.

Each agency reads one topic and writes to one; the broker refuses it every other. A record is a structured CloudEvents 1.0 JSON object,
signed whole in the header los-signature. Its data is a compact JWE to one receiver kind's key; inside is JSON as the schema in
x-los-content says, in the bytes that the deciding person saw. Nothing personal stands outside the encryption.

At least once, in order per record key. Within v1 fields, codes, grounds and messages may be added, never taken away: read what you
know, drop what you do not. A message marked x-los-switch: off is not sent until a jurist of the kommun has opened it."""
_RECORD = {
    "contentType": CONTENT_TYPE.decode("ascii"),
    "headers": {"$ref": "headers.json"},
    "correlationId": {"location": "$message.payload#/correlationid", "description": "The disclosure"},
    "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}, "bindingVersion": "0.5.0"}},
}
"""What is the same of every message; the record key is `partitionkey`."""


def asyncapi(rules: Law, contract: Contract) -> Document:
    """The document. Every name in it is a code of the kommun's data."""
    agencies = list(reference().agencies)
    receivers = {row.code: row.agency for row in reference().receivers}
    of_agency = {agency.code: [key for key in contract.variants if receivers[key[1]] == agency.code] for agency in agencies}
    channels, operations = {}, {}
    for agency in agencies:
        told = [_id(key, change) for key in of_agency[agency.code] for change in get_args(Change)]
        for name, channel, operation in (_shares(agency, told), _answers(agency)):
            channels[channel["address"]] = channel
            operations[name] = operation
    messages = dict(_told(rules, contract)) | dict(_answered())
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "LOS: sharing with agencies",
            "version": "1.0.0",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "contact": {"name": "The kommun that gave you the folder"},
            "tags": [{"name": "los", "description": "Lokal Operativ Samverkan mot välfärdsbrott"}],
        },
        "defaultContentType": CONTENT_TYPE.decode("ascii"),
        "servers": {
            "kommun": {
                "host": "{broker}",
                "protocol": "kafka-secure",
                "title": "Kommunens Kafka",
                "description": "TLS with the authority in ca.crt; the consumer group begins with the agency's code and a dot.",
                "variables": {"broker": {"description": "kafka.bootstrap_servers of partner.toml in the folder from the kommun"}},
                "security": [{"$ref": "#/components/securitySchemes/scram"}],
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "messageTraits": {"record": _RECORD},
            "securitySchemes": {
                "scram": {"type": "scramSha512", "description": "SASL_SSL with SCRAM-SHA-512: the agency's code and its password"}
            },
        },
    }


def _shares(agency: Agency, told: list[str]) -> tuple[str, Document, Document]:
    address = f"los.share.{agency.code}.v1"
    channel = {
        "address": address,
        "title": f"Från kommunen till {agency.word}",
        "description": f"What the kommun shares with {agency.word}, and nobody else reads.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in told},
    }
    return f"read-{agency.code}", channel, _operation("receive", address, f"{agency.word} läser sitt ämne", told)


def _answers(agency: Agency) -> tuple[str, Document, Document]:
    address = f"los.reply.{agency.code}.v1"
    channel = {
        "address": address,
        "title": f"Från {agency.word} till kommunen",
        "description": f"What {agency.word} answers; signed by the receiver kind that answers, encrypted to the kommun.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in ANSWERS},
    }
    return f"answer-{agency.code}", channel, _operation("send", address, f"{agency.word} svarar", list(ANSWERS))


def _operation(action: str, address: str, summary: str, messages: list[str]) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{address}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{address}/messages/{name}"} for name in messages],
    }


def _id(key: Key, change: Change) -> str:
    return f"{key[0]}.{key[1]}.{change}"


def _told(rules: Law, contract: Contract) -> Iterator[tuple[str, Document]]:
    for key, rows in contract.variants.items():
        for change in get_args(Change):
            english, swedish = CHANGED[change]
            message = {
                "name": f"se.los.{key[0]}.{change}.v1",
                "title": f"{reference().receivers[key[1]].word}: {rules.record_kinds[key[0]].word}",
                "summary": f"Uppgiften {swedish}",
                "description": f"{english}. Encrypted to {key[1]}.",
            }
            if all(row.switch == "off" for row in rows):
                message["x-los-switch"] = "off"
            grounds = {"x-los-grounds": {ground: row.switch for row in rows for ground in row.grounds}}
            yield _id(key, change), message | grounds | _carried(message["name"], "share-event.json", content_name(key, change))


def _answered() -> Iterator[tuple[str, Document]]:
    for type_, body in ANSWERS.items():
        message = {"name": type_, "title": type_, "summary": "Svar till kommunen", "description": said(body)}
        yield type_, message | _carried(type_, "reply-event.json", reply_name(type_))


def _carried(type_: str, envelope: str, content: str) -> Document:
    return {
        "traits": [{"$ref": "#/components/messageTraits/record"}],
        "payload": {"allOf": [{"$ref": envelope}, {"type": "object", "properties": {"type": {"const": type_}}}]},
        "x-los-content": {"$ref": content},
    }
