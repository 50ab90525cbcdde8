"""The sandbox itself: its accounts, authorization and routes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from telephony.model import Application, Webhook
from telephony.sandbox.vendor import Json, Refusal, Sample, State, VendorSandbox

from . import available, calls, messages, numbers, services, targets
from .account import API, Account, Endpoint, rfc2822
from .input import ParsedRequest
from .refusals import missing, refusal

_MAIN = "AC" + "5a" * 16
_SUB = "AC" + "5b" * 16
_KEY = "SK" + "5c" * 16
_SERVICE = "MG" + "5d" * 16
_SHORT_CODE = "12345"
_TOKEN = "sandbox-auth-token"  # noqa: S105 - made up
_SUB_TOKEN = "sandbox-subaccount-token"  # noqa: S105
_SECRET = "sandbox-key-secret"  # noqa: S105

_KINDS = ("Local", "Mobile", "TollFree")


class TwilioSandbox(VendorSandbox):
    """A main account with one subaccount.

    Each has two applications, two trunks, a Messaging Service, the short code 12345 and no numbers.
    Every number that is bought is a WhatsApp sender too.

    Any number that looks like one can be bought, whether or not a search shows it. Twilio's magic
    numbers (+1 500 555 00…) are refused as documented for test credentials. Every call is recorded.

    Attributes:
        account: the main account; plant things in its tables.
        subaccount: reached with the main account's credentials, or with its own token.
    """

    name: ClassVar[str] = "twilio"
    too_many: ClassVar[Refusal] = refusal(429, 20429, "Too Many Requests")

    def __init__(self) -> None:
        self.state: State = State(seed=0x7A)
        main_logins = {_MAIN: _TOKEN, _KEY: _SECRET}
        self.account: Account = Account(_MAIN, _MAIN, main_logins, self.state)
        self.subaccount: Account = Account(_SUB, _MAIN, {_SUB: _SUB_TOKEN}, self.state)
        for account in (self.account, self.subaccount):
            account.short_codes.add(_SHORT_CODE)
            services.new(account, _SERVICE, "Notifications")
        self.applications: list[str] = [
            str(targets.new_application(account, name)["sid"])
            for account in (self.account, self.subaccount)
            for name in ("Reception", "Sales")
        ]
        self.trunks: list[str] = [
            str(targets.new_trunk(account, name)["sid"])
            for account in (self.account, self.subaccount)
            for name in ("Agents", "Office")
        ]
        self.sample: Sample = Sample(
            target=Webhook("https://example.com/voice", "https://example.com/sms"),
            other_target=Application(self.applications[0]),
            unimportable="+14155550000",
            call_url="https://example.com/call",
            webhook_of="number",
        )

    def routes(self) -> Sequence[BaseRoute]:
        account = f"{API}/{{account}}"
        owned, sale = f"{account}/IncomingPhoneNumbers", f"{account}/AvailablePhoneNumbers"
        texts, voice = f"{account}/Messages", f"{account}/Calls"
        apps, trunks, senders = f"{account}/Applications", "/v1/Trunks", "/v1/Services"
        served: list[tuple[str, str, Endpoint]] = [
            ("GET", f"{account}.json", _describe),
            ("GET", f"{owned}.json", numbers.listed),
            ("POST", f"{owned}.json", numbers.buy),
            ("GET", f"{owned}/{{sid}}.json", numbers.fetch),
            ("POST", f"{owned}/{{sid}}.json", numbers.update),
            ("DELETE", f"{owned}/{{sid}}.json", numbers.release),
            ("GET", f"{sale}.json", available.countries),
            ("GET", f"{sale}/{{country}}/{{kind}}.json", available.search),
            ("GET", f"{sale}/{{country}}.json", available.country),
            ("GET", f"{texts}.json", messages.listed),
            ("POST", f"{texts}.json", messages.send),
            ("GET", f"{texts}/{{sid}}/Media.json", messages.media_list),
            ("GET", f"{texts}/{{sid}}/Media/{{media}}.json", messages.media),
            ("DELETE", f"{texts}/{{sid}}/Media/{{media}}.json", messages.delete_media),
            ("GET", f"{texts}/{{sid}}.json", messages.fetch),
            ("POST", f"{texts}/{{sid}}.json", messages.redact),
            ("DELETE", f"{texts}/{{sid}}.json", messages.delete),
            ("GET", f"{voice}.json", calls.listed),
            ("POST", f"{voice}.json", calls.place),
            ("GET", f"{voice}/{{sid}}.json", calls.fetch),
            ("POST", f"{voice}/{{sid}}.json", calls.update),
            ("GET", f"{account}/Recordings.json", calls.recordings),
            ("GET", f"{account}/Recordings/{{sid}}.json", calls.recording),
            ("GET", f"{account}/Recordings/{{sid}}.wav", calls.sound_file),
            ("GET", f"{apps}.json", targets.applications),
            ("POST", f"{apps}.json", targets.create_application),
            ("GET", f"{apps}/{{sid}}.json", targets.application),
            ("POST", f"{apps}/{{sid}}.json", targets.update_application),
            ("DELETE", f"{apps}/{{sid}}.json", targets.delete_application),
            ("GET", trunks, targets.trunks),
            ("POST", trunks, targets.create_trunk),
            ("GET", f"{trunks}/{{sid}}", targets.trunk),
            ("POST", f"{trunks}/{{sid}}", targets.update_trunk),
            ("DELETE", f"{trunks}/{{sid}}", targets.delete_trunk),
            ("GET", f"{trunks}/{{trunk}}/PhoneNumbers", targets.trunk_numbers),
            ("POST", f"{trunks}/{{trunk}}/PhoneNumbers", targets.attach),
            ("GET", f"{trunks}/{{trunk}}/PhoneNumbers/{{sid}}", targets.attached),
            ("DELETE", f"{trunks}/{{trunk}}/PhoneNumbers/{{sid}}", targets.detach),
            ("GET", f"{trunks}/{{trunk}}/OriginationUrls", targets.origination_urls),
            ("POST", f"{trunks}/{{trunk}}/OriginationUrls", targets.create_origination_url),
            ("GET", senders, services.listed),
            ("GET", f"{senders}/{{service}}", services.fetch),
            ("GET", f"{senders}/{{service}}/PhoneNumbers", services.numbers),
            ("POST", f"{senders}/{{service}}/PhoneNumbers", services.add),
            ("GET", f"{senders}/{{service}}/PhoneNumbers/{{sid}}", services.number),
        ]
        by_kind = [
            Route(f"{owned}/{kind}.json", self._serve(endpoint, kind), methods=[method])
            for kind in _KINDS
            for method, endpoint in (("GET", numbers.listed), ("POST", numbers.buy))
        ]
        return [
            *by_kind,
            *(Route(path, self._serve(each), methods=[method]) for method, path, each in served),
        ]

    def refuse_route(self, request: Request, status: int) -> Refusal:
        self._authorized(request)
        if status == 404:
            return missing(_path(request))
        return refusal(status, 20004, "Method not allowed")

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {
            "base_url": base_url,
            "account_sid": _MAIN,
            "auth_token": _TOKEN,
            "api_key_sid": _KEY,
            "api_key_secret": _SECRET,
        }

    def receive_message(self, to: str, sender: str, body: str, *, sent_at: datetime | None) -> str:
        account, number = self._holder(to)
        return messages.receive(account, number, to, sender, body, sent_at or self.state.now())

    def receive_call(self, to: str, sender: str) -> str:
        account, number = self._holder(to)
        return calls.receive(account, number, sender)

    def point(self, account: str, number: str, voice: str | None, sms: str | None) -> bool | None:
        for one in (self.account, self.subaccount):
            if account in (one.sid, *one.logins):
                return numbers.point(one, number, voice, sms)
        return None

    def leads_to(self, number: str) -> list[str] | None:
        for account in (self.account, self.subaccount):
            if (held := account.holds(number)) is not None:
                return targets.of_calls(account, held)
        return None

    def plant_messages(
        self, number: str, count: int, *, newest: datetime, media: Sequence[str] = ()
    ) -> None:
        """Give the main account's `number` a history of `count` texts, each with `media`.

        They are received and sent in turn, two in every second before `newest`.
        """
        other = "+14155550199"
        for index in reversed(range(count)):
            at = newest - timedelta(seconds=index // 2)
            ends = (other, number, "inbound") if index % 2 else (number, other, "outbound-api")
            sender, to, direction = ends
            words = f"Text {count - index}"
            messages.add(self.account, sender, to, words, direction, at, list(media))

    def _holder(self, number: str) -> tuple[Account, Json]:
        for account in (self.account, self.subaccount):
            held = account.holds(number.removeprefix("whatsapp:"))
            if held is not None:
                return account, held
        raise LookupError(f"Twilio's sandbox holds no number {number}")

    def _serve(
        self, endpoint: Endpoint, kind: str | None = None
    ) -> Callable[[Request], Awaitable[Response]]:
        async def served(request: Request) -> Response:
            form = parse_qsl((await request.body()).decode(), keep_blank_values=True)
            ids = {**request.path_params, **({"kind": kind} if kind else {})}
            query = request.query_params.multi_items()
            try:
                account = self._authorized(request)
                parsed = ParsedRequest(_path(request), ids, query, form, account.empty_pages)
                response = endpoint(account, parsed)
            except Refusal as refused:
                response = refused.response()
            response.headers["Twilio-Request-Id"] = self.state.id("RQ", 32)
            return response

        return served

    def _authorized(self, request: Request) -> Account:
        """Return the account that the path names, if the credentials reach it."""
        user, password = _login(request.headers.get("authorization", ""))
        accounts = {account.sid: account for account in (self.account, self.subaccount)}
        for holder in accounts.values():
            if holder.logins.get(user, "") == password != "":
                wanted = accounts.get(request.path_params.get("account", holder.sid))
                # A standard key reaches everything but the account itself.
                if request.url.path.endswith(f"{API}/{holder.sid}.json") and user == _KEY:
                    break
                if wanted is None or holder.sid not in (wanted.sid, wanted.owner):
                    raise missing(_path(request))
                return wanted
        raise refusal(401, 20003, "Authenticate")


def _describe(account: Account, _: ParsedRequest) -> Response:
    parts = ("AvailablePhoneNumbers", "IncomingPhoneNumbers", "Messages", "Calls", "Applications")
    body: Json = {
        "sid": account.sid,
        "owner_account_sid": account.owner,
        "friendly_name": "Sandbox",
        "status": "active",
        "type": "Full",
        "auth_token": account.logins[account.sid],
        "date_created": rfc2822(account.state.now()),
        "date_updated": rfc2822(account.state.now()),
        "subresource_uris": {part.lower(): account.uri(f"{part}.json") for part in parts},
        "uri": f"{API}/{account.sid}.json",
    }
    return JSONResponse(body)


def _path(request: Request) -> str:
    """Return the path as Twilio knows it: below wherever the sandbox is mounted."""
    scope = request.scope
    return str(scope["path"]).removeprefix(str(scope.get("root_path", "")))


def _login(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded, validate=True).decode() if scheme == "Basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    user, _, password = text.partition(":")
    return user, password
