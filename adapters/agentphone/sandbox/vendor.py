"""AgentPhone's documented API on loopback. Source: docs.agentphone.ai and its SDK 0.20.3."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from telephony.model import Agent
from telephony.sandbox.vendor import Json, Refusal, Sample, State, VendorSandbox, body_of, route

from . import input as bodies
from . import webhooks
from .input import (
    checked_body,
    checked_query,
    invalid,
    over,
    page,
    refusal,
    seconds,
    unknown,
)
from .mailbox import Mailbox, Text, pages, summary

Handler = Callable[[Request], Awaitable[Response]]

_KEY = "sk_live_sandbox"
_PRICE = 3.0
_AREAS = {"US": "312", "CA": "416"}
_ELSEWHERE = {"US": "212", "CA": "604"}


class AgentPhoneSandbox(VendorSandbox):
    """An account with two agents and no numbers. X-Sub-Account-Id changes nothing here.

    Attributes:
        number_limit: how many numbers the account may hold; 10 for a real self-serve account.
        webhooks: see `Webhooks`.
        balance: in dollars; a number costs three.
        campaign: ``none``, ``pending`` or ``approved``: the 10DLC registration.
        without_stock: area codes that have no free number, so that another one is bought.
        has_search: False answers as the documented API, which knows no search for free numbers.
        keeps_external_ids: False forgets `externalId`, as the documented API may do.
        attaches_at_purchase: False forgets `agentId` when a number is bought.
        rival: True lets somebody else buy a number of the account whenever one is bought.
        before_is_inclusive: whether the bounds of message pages include their own moment.
        oldest_first: turns the order inside a page of messages round.
        next_answers: bodies that the next requests are answered with, whatever they ask.
        unconfirmed: the body of a 409 that the next message is answered with, though it went out.
    """

    name: ClassVar[str] = "agentphone"
    too_many = bodies.too_many()

    def __init__(self) -> None:
        self.state = State(seed=0xA9)
        self.agents: dict[str, Json] = {
            agent: bodies.agent(agent, name, self.state.now())
            for agent, name in (("agt_front_desk", "Front desk"), ("agt_sales", "Sales"))
        }
        self.numbers: dict[str, Json] = {}
        self.calls: dict[str, Json] = {}
        self.mailbox = Mailbox()
        self.webhooks = webhooks.Webhooks(self.state)
        self.number_limit = 1000
        self.balance = 100_000.0
        self.campaign = "approved"
        self.without_stock = {"999"}
        self.has_search = True
        self.keeps_external_ids = True
        self.attaches_at_purchase = True
        self.rival = False
        self.before_is_inclusive = False
        self.oldest_first = False
        self.next_answers: list[JsonValue] = []
        self.unconfirmed: JsonValue = None
        self.sample = Sample(target=Agent("agt_front_desk"), other_target=Agent("agt_sales"))

    def routes(self) -> Sequence[BaseRoute]:
        numbers, agents, talks = "/v1/numbers", "/v1/agents", "/v1/conversations"
        handlers: list[tuple[str, str, Handler]] = [
            ("GET", numbers, self._list),
            ("POST", numbers, self._buy),
            ("GET", f"{numbers}/available", self._search),
            ("GET", f"{numbers}/lookup", self._lookup),
            ("GET", f"{numbers}/{{id}}", self._get),
            ("PATCH", f"{numbers}/{{id}}", self._update),
            ("DELETE", f"{numbers}/{{id}}", self._release),
            ("GET", f"{numbers}/{{id}}/messages", self._number_messages),
            ("GET", f"{numbers}/{{id}}/calls", self._list_calls),
            ("GET", agents, self._list_agents),
            ("POST", agents, self._create_agent),
            ("GET", f"{agents}/{{agent}}", self._get_agent),
            ("PATCH", f"{agents}/{{agent}}", self._update_agent),
            ("DELETE", f"{agents}/{{agent}}", self._delete_agent),
            ("POST", f"{agents}/{{agent}}/numbers", self._attach),
            ("DELETE", f"{agents}/{{agent}}/numbers/{{id}}", self._detach),
            ("GET", f"{agents}/{{agent}}/calls", self._list_calls),
            ("POST", "/v1/messages", self._send),
            ("GET", talks, self._list_conversations),
            ("GET", f"{talks}/{{talk}}", self._get_conversation),
            ("GET", f"{talks}/{{talk}}/messages", self._conversation_messages),
            ("POST", "/v1/calls", self._call),
            ("GET", "/v1/calls", self._list_calls),
            ("GET", "/v1/calls/{call}", self._get_call),
            ("POST", "/v1/calls/{call}/end", self._end_call),
            *webhooks.handlers(lambda: self.webhooks),
        ]
        return [route(method, path, self._guarded(to)) for method, path, to in handlers]

    def refuse_route(self, request: Request, status: int) -> Refusal:
        return Refusal(status, {"detail": "Not Found" if status == 404 else "Method Not Allowed"})

    def settings(self, base_url: str) -> Mapping[str, str]:
        secret = webhooks.SECRET
        return {"base_url": base_url, "api_key": _KEY, "webhook_secret": secret}

    def receive_message(self, to: str, sender: str, body: str, *, sent_at: datetime | None) -> str:
        number, data = self._receiver(to), bodies.text(body)
        text = self._keep(number, sender, to, "inbound", data, sent_at)
        self.webhooks.message(text, number["agentId"])
        return str(text.data["id"])

    def receive_call(self, to: str, sender: str) -> str:
        number = self._receiver(to)
        call = bodies.answered(self.state.id("call_"), self.state.now(), number, sender)
        self.calls[str(call["id"])] = call
        self.webhooks.call(call)
        return str(call["id"])

    # --- Numbers ---------------------------------------------------------------------------------

    async def _list(self, request: Request) -> Response:
        wanted = checked_query(bodies.Paging, request)
        return JSONResponse(page(self._held()[::-1], wanted))

    async def _buy(self, request: Request) -> Response:
        wanted = await checked_body(bodies.Purchase, request)
        if wanted.country not in _AREAS:
            raise invalid(f"Unsupported country: {wanted.country}")
        if wanted.agent_id is not None:
            self._agent(wanted.agent_id)
        if len(self._held()) >= self.number_limit:
            raise over(400, "The number limit is reached", "VALIDATION_ERROR_NUMBER_LIMIT")
        if self.balance < _PRICE:
            raise over(402, "A balance of $3.00 or more is needed", "INSUFFICIENT_BALANCE")
        bought = self._add(wanted)
        self._record("purchase", bought)
        if self.rival:
            self._add(bodies.Purchase())
        return JSONResponse(bought)

    async def _search(self, request: Request) -> Response:
        if not self.has_search:
            # Without this route the path reads as the id of a number.
            raise unknown("Phone number")
        wanted = checked_query(bodies.Search, request)
        area = wanted.area_code or _AREAS.get(wanted.country)
        stock = 0 if area is None or area in self.without_stock else 5
        found: list[JsonValue] = [bodies.free(str(area), nth) for nth in range(stock)]
        return JSONResponse({"data": found[: wanted.limit]})

    async def _lookup(self, request: Request) -> Response:
        asked = request.query_params.get("phoneNumbers", "").split(",")
        known = {"lineType": "mobile", "country": "US", "rcsEnabled": False}
        return JSONResponse({"data": [{"phoneNumber": number, **known} for number in asked]})

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self._number(request.path_params["id"]))

    async def _update(self, request: Request) -> Response:
        number = self._number(request.path_params["id"], held=True)
        body = await body_of(request, invalid)
        number.update({key: body[key] for key in ("externalId", "expiresAt") if key in body})
        return JSONResponse(number)

    async def _release(self, request: Request) -> Response:
        number = self._number(request.path_params["id"], held=True)
        number.update(status="released", agentId=None)
        self._record("release", number)
        answer = {"success": True, "phoneNumber": number["phoneNumber"], "status": "released"}
        return JSONResponse(answer)

    # --- Agents ----------------------------------------------------------------------------------

    async def _list_agents(self, request: Request) -> Response:
        shown = [self._shown(agent) for agent in self.agents.values()]
        answer = page(shown, checked_query(bodies.Paging, request))
        # Documented without it.
        del answer["hasMore"]
        return JSONResponse(answer)

    async def _create_agent(self, request: Request) -> Response:
        wanted = await checked_body(bodies.NewAgent, request)
        agent = bodies.agent(self.state.id("agt_"), wanted.name, self.state.now())
        agent |= {"voiceMode": "webhook", **wanted.model_dump()}
        self.agents[str(agent["id"])] = agent
        return JSONResponse(self._shown(agent))

    async def _get_agent(self, request: Request) -> Response:
        return JSONResponse(self._shown(self._agent(request.path_params["agent"])))

    async def _update_agent(self, request: Request) -> Response:
        agent = self._agent(request.path_params["agent"])
        agent.update({**await body_of(request, invalid), "id": agent["id"]})
        return JSONResponse(self._shown(agent))

    async def _delete_agent(self, request: Request) -> Response:
        agent = self._agent(request.path_params["agent"])
        for number in self._of(agent):
            number["agentId"] = None
        del self.agents[str(agent["id"])]
        return JSONResponse({"success": True, "id": agent["id"], "name": agent["name"]})

    async def _attach(self, request: Request) -> Response:
        agent = self._agent(request.path_params["agent"])
        wanted = await checked_body(bodies.Attachment, request)
        number = self._number(wanted.number_id, held=True)
        if number["agentId"] is not None:
            raise Refusal(409, {"detail": "Phone number is already attached to an agent"})
        number["agentId"] = agent["id"]
        self._record("assign", number)
        return JSONResponse({"agentId": agent["id"], "number": bodies.short(number)})

    async def _detach(self, request: Request) -> Response:
        agent = self._agent(request.path_params["agent"])
        number = self._number(request.path_params["id"], held=True)
        if number["agentId"] != agent["id"]:
            raise Refusal(404, {"detail": "Phone number is not attached to this agent"})
        number["agentId"] = None
        self._record("unassign", number)
        return JSONResponse({"success": True})

    # --- Messages --------------------------------------------------------------------------------

    async def _number_messages(self, request: Request) -> Response:
        number = self._number(request.path_params["id"])
        return self._messages(request, self.mailbox.of_number(str(number["id"])), Text.in_number)

    async def _send(self, request: Request) -> Response:
        wanted = await checked_body(bodies.Outgoing, request)
        number = self._sender(wanted)
        if number["country"] == "US" and self.campaign != "approved":
            raise refusal(403, "10DLC registration is required to text from this number")
        channel = "mms" if wanted.media_urls else "sms"
        sender, media = str(number["phoneNumber"]), list[JsonValue](wanted.media_urls or ())
        data: Json = {"body": wanted.body, "channel": channel, "mediaUrls": media, "status": "sent"}
        text = self._keep(number, sender, wanted.to_number, "outbound", data, None)
        message = str(text.data["id"])
        self.state.record("message", message, sender)
        if self.unconfirmed is not None:
            body, self.unconfirmed = self.unconfirmed, None
            raise Refusal(409, body)
        talk = self.mailbox.thread(str(number["id"]), wanted.to_number)
        return JSONResponse(bodies.sent(message, talk, sender, wanted, channel))

    async def _list_conversations(self, request: Request) -> Response:
        found = [self._summary(talk) for talk in self.mailbox.conversations().values()]
        return JSONResponse(page(found, checked_query(bodies.Paging, request)))

    async def _get_conversation(self, request: Request) -> Response:
        texts = self._conversation(request)
        shown: list[JsonValue] = [text.in_conversation() for text in texts[-50:]]
        return JSONResponse({**self._summary(texts), "messages": shown})

    async def _conversation_messages(self, request: Request) -> Response:
        return self._messages(request, self._conversation(request), Text.in_conversation)

    # --- Calls -----------------------------------------------------------------------------------

    async def _call(self, request: Request) -> Response:
        wanted = await checked_body(bodies.Dialled, request)
        agent = self._agent(wanted.agent_id)
        own = self._of(agent)
        number = next((n for n in own if wanted.from_number_id in (None, n["id"])), None)
        if number is None:
            raise invalid("The agent has no such phone number")
        call = bodies.call(self.state.id("call_"), self.state.now(), number, wanted)
        self.calls[str(call["id"])] = call
        self.state.record("call", str(call["id"]), str(number["phoneNumber"]))
        return JSONResponse(call)

    async def _list_calls(self, request: Request) -> Response:
        wanted = checked_query(bodies.CallFilter, request)
        asked = {
            "phoneNumberId": request.path_params.get("id"),
            "agentId": request.path_params.get("agent"),
            "status": wanted.status,
            "direction": wanted.direction,
        }
        found = [
            call
            for call in reversed(self.calls.values())
            if all(value in (None, call[key]) for key, value in asked.items())
            and (wanted.search or "") in f"{call['fromNumber']} {call['toNumber']}"
        ]
        return JSONResponse(page(found, wanted))

    async def _get_call(self, request: Request) -> Response:
        return JSONResponse({**self._placed(request), "transcripts": []})

    async def _end_call(self, request: Request) -> Response:
        call = self._placed(request)
        call.update(status="completed", endedAt=seconds(self.state.now()))
        return JSONResponse(call)

    # --- Shared steps ----------------------------------------------------------------------------

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {_KEY}":
                raise refusal(401, "Invalid API key", kind="authentication_error")
            if self.next_answers:
                return JSONResponse(self.next_answers.pop(0))
            return await handler(request)

        return guarded

    def _add(self, wanted: bodies.Purchase) -> Json:
        self.balance -= _PRICE
        area = wanted.area_code or _AREAS[wanted.country]
        if area in self.without_stock:
            area = _ELSEWHERE[wanted.country]
        e164 = f"+1{area}555{len(self.numbers) % 10_000:04d}"
        made = bodies.number(self.state.id("num_"), e164, self.state.now(), wanted)
        made["outboundSms"] = "enabled" if self.campaign == "approved" else "registration_required"
        if not self.keeps_external_ids:
            made["externalId"] = None
        if not self.attaches_at_purchase:
            made["agentId"] = None
        self.numbers[str(made["id"])] = made
        return made

    def _held(self) -> list[Json]:
        return [number for number in self.numbers.values() if number["status"] != "released"]

    def _receiver(self, to: str) -> Json:
        for number in self._held():
            if number["phoneNumber"] == to:
                return number
        raise LookupError(f"AgentPhone's sandbox holds no number {to}")

    def _of(self, agent: Json) -> list[Json]:
        return [number for number in self._held() if number["agentId"] == agent["id"]]

    def _number(self, number_id: str, *, held: bool = False) -> Json:
        number = self.numbers.get(number_id)
        if number is None or (held and number["status"] == "released"):
            raise unknown("Phone number")
        return number

    def _agent(self, agent_id: str) -> Json:
        if agent_id not in self.agents:
            raise unknown("Agent")
        return self.agents[agent_id]

    def _shown(self, agent: Json) -> Json:
        numbers: list[JsonValue] = [bodies.short(number) for number in self._of(agent)]
        return {**agent, "numbers": numbers}

    def _sender(self, wanted: bodies.Outgoing) -> Json:
        if wanted.number_id is not None:
            return self._number(wanted.number_id, held=True)
        from_agent = wanted.from_number is None and wanted.agent_id is not None
        own = self._of(self._agent(str(wanted.agent_id))) if from_agent else self._held()
        for number in own:
            if from_agent or number["phoneNumber"] == wanted.from_number:
                return number
        raise invalid("Give agent_id, number_id or from_number of a number you hold")

    def _keep(
        self,
        number: Json,
        sender: str,
        recipient: str,
        direction: str,
        data: Json,
        at: datetime | None,
    ) -> Text:
        number_id = str(number["id"])
        talk = self.mailbox.thread(number_id, sender if direction == "inbound" else recipient)
        body = {"id": self.state.id("msg_"), **data}
        moment = at or self.state.now()
        text = Text(moment, number_id, talk, sender, recipient, direction, body)
        self.mailbox.add(text)
        return text

    def _messages(
        self, request: Request, found: Sequence[Text], spelled: Callable[[Text], Json]
    ) -> Response:
        wanted = checked_query(bodies.MessagePaging, request)
        taken, more = pages(found, wanted, inclusive=self.before_is_inclusive)
        if self.oldest_first:
            taken.reverse()
        return JSONResponse({"data": [spelled(text) for text in taken], "hasMore": more})

    def _conversation(self, request: Request) -> Sequence[Text]:
        texts = self.mailbox.conversations().get(request.path_params["talk"])
        if texts is None:
            raise unknown("Conversation")
        return texts

    def _summary(self, texts: Sequence[Text]) -> Json:
        return summary(texts, self.numbers[texts[-1].number])

    def _placed(self, request: Request) -> Json:
        call = self.calls.get(request.path_params["call"])
        if call is None:
            raise unknown("Call")
        return call

    def _record(self, kind: str, number: Json) -> None:
        self.state.record(kind, str(number["id"]), str(number["phoneNumber"]))
