"""What is seen outside the encryption, each way: CloudEvents attributes and the record's headers. Nothing personal has a place here."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

UUID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

_Uuid = Annotated[str, Field(pattern=UUID_PATTERN)]
_Instant = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$",
        json_schema_extra={"format": "date-time"},
    ),
]


class _Attributes(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    specversion: Literal["1.0"] = "1.0"
    datacontenttype: Literal["application/jose"] = "application/jose"
    id: Annotated[_Uuid, Field(description="The same event again has the same id")]
    time: Annotated[AwareDatetime, Field(description="When it was sealed, UTC")]
    partitionkey: Annotated[_Uuid, Field(description="The record key: random per case and recipient; order holds within it")]
    correlationid: Annotated[_Uuid, Field(description="The disclosure that it is about")]
    recordedtime: Annotated[_Instant, Field(description="When it was decided")]
    expirytime: Annotated[_Instant, Field(description="Not to be used after this")]
    dataclassification: Annotated[Literal["sekretess", "open"], Field(description="Whether something inside is secret")]


class ShareAttributes(_Attributes):
    """An event from the kommun to a receiver kind."""

    source: Annotated[str, Field(pattern=r"^urn:los:[0-9]{4}:sharing$", description="The kommun, by its four digits")]
    type: Annotated[str, Field(pattern=r"^se\.los\.[a-z_]+\.(shared|corrected|recalled)\.v1$", description="Record kind and change")]
    sequence: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,17}$", description="Counts from 1 within the record key")]


class ReplyAttributes(_Attributes):
    """An answer from an agency to the kommun. Record key and disclosure are those of the event that it answers."""

    source: Annotated[str, Field(pattern=r"^urn:los:agency:[a-z]+$", description="The agency")]
    type: Annotated[str, Field(pattern=r"^se\.los\.[a-z.]+\.v1$", description="What kind of answer")]


class Headers(BaseModel):
    """The headers of a record: these two and no other."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    content_type: Annotated[Literal["application/cloudevents+json; charset=UTF-8"], Field(alias="content-type")]
    los_signature: Annotated[
        str,
        Field(
            alias="los-signature",
            pattern=r"^[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]+$",
            description="Compact JWS, ES256, payload detached (RFC 7515 appendix F), over all bytes of the value",
        ),
    ]
