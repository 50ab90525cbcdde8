"""What LiveKit Phone Numbers takes, of which no messages are published in Python."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from telephony.sandbox.vendor import Json

from .refusals import refusal

_M = TypeVar("_M", bound=BaseModel)


class Token(BaseModel):
    token: str = ""


class Search(BaseModel):
    country_code: str
    area_code: str | None = None
    limit: int = 50
    page_token: Token | None = None


class Purchase(BaseModel):
    phone_numbers: list[str] = []
    sip_dispatch_rule_id: str | None = None


class List(BaseModel):
    limit: int = 50
    statuses: list[str] = []
    page_token: Token | None = None
    sip_dispatch_rule_id: str | None = None


class Get(BaseModel):
    id: str | None = None
    phone_number: str | None = None


class Update(Get):
    sip_dispatch_rule_id: str | None = None
    name: str | None = None


class Release(BaseModel):
    ids: list[str] = []
    phone_numbers: list[str] = []


def checked(model: type[_M], body: Json) -> _M:
    try:
        return model.model_validate(body)
    except ValidationError:
        raise refusal("malformed", "the json request could not be decoded") from None
