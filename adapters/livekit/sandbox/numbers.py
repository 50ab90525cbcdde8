"""LiveKit Phone Numbers for the sandbox. Its messages are published, its errors are not: those here
are the usual ones of LiveKit's other services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from telephony.sandbox.vendor import Json, State, iso

from . import checks as check
from .trunks import BASE57, SipService
from .twirp import Method, refusal, sip_grant

_FOR_SALE = 30
_FIRST = 150
_AREA = "415"

M = TypeVar("M", bound=BaseModel)


class _In(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Token(_In):
    token: str = ""


class _Search(_In):
    country_code: str
    area_code: str | None = None
    limit: int = 50
    page_token: _Token | None = None


class _Purchase(_In):
    phone_numbers: list[str] = []
    sip_dispatch_rule_id: str | None = None


class _List(_In):
    limit: int = 50
    statuses: list[str] = []
    page_token: _Token | None = None
    sip_dispatch_rule_id: str | None = None


class _Get(_In):
    id: str | None = None
    phone_number: str | None = None


class _Update(_Get):
    sip_dispatch_rule_id: str | None = None


class _Release(_In):
    ids: list[str] = []
    phone_numbers: list[str] = []


class PhoneNumberService:
    """The project's numbers; for sale are +1 415 555 0150 to 0179 and the same of any area.

    Attributes:
        numbers: those bought, by id, released ones too.
    """

    def __init__(self, state: State, trunks: SipService) -> None:
        self._state = state
        self._trunks = trunks
        self.numbers: dict[str, Json] = {}

    def methods(self) -> Mapping[str, Method]:
        admin = sip_grant("admin")
        handlers = {
            "SearchPhoneNumbers": self._search,
            "PurchasePhoneNumber": self._purchase,
            "ListPhoneNumbers": self._list,
            "GetPhoneNumber": self._get,
            "UpdatePhoneNumber": self._update,
            "ReleasePhoneNumbers": self._release,
        }
        return {name: Method(None, admin, handler) for name, handler in handlers.items()}

    def _search(self, body: Json) -> Json:
        wanted = _checked(_Search, body)
        found: list[JsonValue] = []
        if wanted.country_code == "US":
            found = [dict(_for_sale(number)) for number in self._unsold(wanted.area_code or _AREA)]
        return _page(found, wanted.limit, wanted.page_token)

    def _purchase(self, body: Json) -> Json:
        wanted = _checked(_Purchase, body)
        if not wanted.phone_numbers:
            raise check.invalid("at least one phone number is required")
        if wanted.sip_dispatch_rule_id is not None:
            self._rule_exists(wanted.sip_dispatch_rule_id)
        for number in wanted.phone_numbers:
            if number not in self._unsold(number[2:5]):
                raise refusal("not_found", "phone number is not available")
        bought: list[JsonValue] = []
        for number in wanted.phone_numbers:
            now = iso(self._state.now())
            made: Json = {
                **_for_sale(number),
                "id": self._state.id("PN_", 12, BASE57),
                "created_at": now,
                "updated_at": now,
                "sip_dispatch_rule_ids": [],
            }
            if wanted.sip_dispatch_rule_id is not None:
                made["sip_dispatch_rule_ids"] = [wanted.sip_dispatch_rule_id]
            self.numbers[str(made["id"])] = made
            self._state.record("purchase", str(made["id"]), number)
            bought.append(self._shown(made))
        return {"phone_numbers": bought}

    def _list(self, body: Json) -> Json:
        wanted = _checked(_List, body)
        shown = [self._shown(number) for number in self.numbers.values()]
        found: list[JsonValue] = [
            number
            for number in shown
            if (not wanted.statuses or number["status"] in wanted.statuses)
            and wanted.sip_dispatch_rule_id in (None, *_rule_ids(number))
        ]
        offline = sum(number["status"] == "PHONE_NUMBER_STATUS_OFFLINE" for number in shown)
        page = _page(found, wanted.limit, wanted.page_token)
        return {**page, "total_count": len(found), "offline_count": offline}

    def _get(self, body: Json) -> Json:
        return {"phone_number": self._shown(self._known(_checked(_Get, body)))}

    def _update(self, body: Json) -> Json:
        wanted = _checked(_Update, body)
        number = self._known(wanted)
        if not wanted.sip_dispatch_rule_id:
            raise check.invalid("sip_dispatch_rule_id is required")
        self._rule_exists(wanted.sip_dispatch_rule_id)
        number.update(
            sip_dispatch_rule_ids=[wanted.sip_dispatch_rule_id], updated_at=iso(self._state.now())
        )
        self._state.record("assign", str(number["id"]), str(number["e164_format"]))
        return {"phone_number": self._shown(number)}

    def _release(self, body: Json) -> Json:
        wanted = _checked(_Release, body)
        found = [self._known(_Get(id=one)) for one in wanted.ids]
        found += [self._known(_Get(phone_number=one)) for one in wanted.phone_numbers]
        if not found:
            raise check.invalid("at least one phone number is required")
        for number in found:
            number["released_at"] = iso(self._state.now())
            self._state.record("release", str(number["id"]), str(number["e164_format"]))
        return {}

    def rule_for(self, number: str) -> str | None:
        """The dispatch rule that a call to `number` meets."""
        for held in self.numbers.values():
            if held["e164_format"] == number and "released_at" not in held:
                return next(iter(_rule_ids(held)), None)
        return None

    def _known(self, wanted: _Get) -> Json:
        if (wanted.id is None) == (wanted.phone_number is None):
            raise check.invalid("exactly one of id and phone_number is required")
        for number in self.numbers.values():
            held = number["id"], number["e164_format"]
            if "released_at" not in number and (wanted.id or wanted.phone_number) in held:
                return number
        raise refusal("not_found", "phone number not found")

    def _unsold(self, area_code: str) -> list[str]:
        held = {n["e164_format"] for n in self.numbers.values() if "released_at" not in n}
        numbers = [f"+1{area_code}555{_FIRST + nth:04d}" for nth in range(_FOR_SALE)]
        return [number for number in numbers if number not in held]

    def _rule_exists(self, rule_id: str) -> None:
        if rule_id not in self._trunks.rules:
            raise refusal("not_found", "requested sip dispatch rule does not exist")

    def _shown(self, number: Json) -> Json:
        """A number as it is now: a rule that was deleted does not answer it any more."""
        rules = [rule for rule in _rule_ids(number) if rule in self._trunks.rules]
        status = "ACTIVE" if rules else "OFFLINE"
        if "released_at" in number:
            rules, status = [], "RELEASED"
        return {
            **number,
            "status": f"PHONE_NUMBER_STATUS_{status}",
            "sip_dispatch_rule_ids": [*rules],
            "sip_dispatch_rule_id": rules[0] if rules else "",
        }


def _for_sale(number: str) -> Json:
    return {
        "id": "",
        "e164_format": number,
        "country_code": "US",
        "area_code": number[2:5],
        "number_type": "PHONE_NUMBER_TYPE_LOCAL",
        "locality": "San Francisco",
        "region": "CA",
        "spam_score": 0,
        "capabilities": ["voice", "sms"],
        "status": "PHONE_NUMBER_STATUS_UNSPECIFIED",
    }


def _rule_ids(number: Json) -> list[str]:
    ids = number["sip_dispatch_rule_ids"]
    return [str(one) for one in ids] if isinstance(ids, list) else []


def _page(found: list[JsonValue], limit: int, token: _Token | None) -> Json:
    start = int(token.token) if token and token.token.isdecimal() else 0
    end = start + limit
    return {
        "items": found[start:end],
        "next_page_token": {"token": str(end)} if end < len(found) else None,
    }


def _checked(model: type[M], body: Json) -> M:
    try:
        return model.model_validate(body)
    except ValidationError:
        raise refusal("malformed", "the json request could not be decoded") from None
