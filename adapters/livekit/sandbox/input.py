"""What LiveKit Phone Numbers takes, of which no messages are published in Python."""

from __future__ import annotations

from pydantic import BaseModel

from telephony.sandbox.endpoints import RequestReader

from .refusals import malformed_json


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


reader: RequestReader = RequestReader(
    malformed=lambda _: malformed_json(), invalid=lambda _, __: malformed_json()
)
