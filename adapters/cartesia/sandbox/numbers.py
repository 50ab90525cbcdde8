"""The workspace's numbers, imported and bought."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, iso

from .account import Account
from .input import Import, Provision, page, reader
from .refusals import invalid, missing, refusal

_PLAN_SLOTS = 1000
# From this version on an update names a Twilio account by its sid too.
_LOOKUP_SINCE = "2026-08-14"


async def listed(account: Account, request: Request) -> Response:
    query = request.query_params
    text = query.get("q", "").lower()
    found = [n for n in account.numbers.values() if _matches(n, query, text)]
    items, more = page(found, query)
    return JSONResponse({"data": [_shown(account, n) for n in items], "has_more": more})


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(_shown(account, account.numbers.find(request.path_params["id"])))


async def import_(account: Account, request: Request) -> Response:
    wanted = await reader.body(Import, request)
    carrier = _source(account, wanted.provider)
    agent = account.agent(wanted.agent_id)
    if any(held["number"] == wanted.number for held in account.numbers.values()):
        raise refusal(409, "Already imported", "This number is imported already.")
    if wanted.number.endswith("0000") or not _holds(account, carrier, wanted.number):
        raise refusal(400, "Number not found", "The account does not hold this number.")
    if agent is not None and account.fail_next_assignment:
        account.fail_next_assignment = False
        _add(account, "import", wanted.number, wanted.label, None, _reference(carrier))
        raise refusal(400, "Webhook setup failed", "Imported, but not assigned.")
    made = _add(account, "import", wanted.number, wanted.label, agent, _reference(carrier))
    if agent is not None:
        _take_calls(account, made)
    return JSONResponse(_shown(account, made), 201)


async def buy(account: Account, request: Request) -> Response:
    """Buy a number that Cartesia picks."""
    wanted = await reader.body(Provision, request)
    agent = account.agent(wanted.agent_id)
    own = [n for n in account.numbers.values() if n.get("provider") == {"type": "cartesia"}]
    if len(own) >= _PLAN_SLOTS:
        raise refusal(402, "Phone number limit reached", "Upgrade the plan.", code="quota_exceeded")
    given_out = sum(entry.kind == "purchase" for entry in account.state.ledger)
    number = f"+1650555{given_out + 100:04d}"
    made = _add(account, "purchase", number, wanted.label, agent, {"type": "cartesia"})
    # Documented: the response to a purchase has no `provider`.
    return JSONResponse({key: made[key] for key in made if key != "provider"}, 201)


async def update(account: Account, request: Request) -> Response:
    number = account.numbers.find(request.path_params["id"])
    body = await reader.json(request)
    changes: Json = {}
    if "label" in body:
        if not isinstance(body["label"], str):
            raise invalid("label must be a string")
        changes["label"] = body["label"]
    if "agent_id" in body:
        agent_id = body["agent_id"]
        changes["agent"] = account.agent(str(agent_id)) if agent_id is not None else None
        kind = "unassign" if agent_id is None else "assign"
        account.state.record(kind, str(number["id"]), str(number["number"]))
    wanted = body.get("provider")
    if isinstance(wanted, dict):
        changes["provider"] = _moved(account, number, wanted, request.headers["cartesia-version"])
    number.update(changes, updated_at=iso(account.state.now()))
    if changes.get("agent") is not None:
        _take_calls(account, number)
    return JSONResponse(_shown(account, number))


async def release(account: Account, request: Request) -> Response:
    number = account.numbers.find(request.path_params["id"])
    if number["agent"] is not None:
        raise refusal(400, "Number in use", "Unassign the number from its agent first.")
    del account.numbers[str(number["id"])]
    account.state.record("release", str(number["id"]), str(number["number"]))
    _give_up_calls(account, number)
    return Response(status_code=204)


def _holds(account: Account, carrier: Json, number: str) -> bool:
    return account.state.world.holds(str(carrier.get("account_sid")), number)


def _take_calls(account: Account, number: Json) -> None:
    """Point the number at its carrier's to Cartesia, which documents that it does so."""
    carrier = _carrier(account, number)
    if carrier is not None:
        account.state.world.point(
            str(carrier.get("account_sid")), str(number["number"]), "cartesia"
        )


def _give_up_calls(account: Account, number: Json) -> None:
    """Clean up at the carrier, which Cartesia documents only by how that fails."""
    carrier, text, world = _carrier(account, number), str(number["number"]), account.state.world
    if carrier is not None and (
        account.clears_foreign_routing or world.points_at(text, "cartesia")
    ):
        world.point(str(carrier.get("account_sid")), text, None)


def _matches(number: Json, query: Mapping[str, str], text: str) -> bool:
    agent, carrier = number["agent"], number.get("provider") or {"type": "cartesia"}
    agent = agent if isinstance(agent, dict) else {}
    carrier = carrier if isinstance(carrier, dict) else {}
    searched = (number["number"], number["label"], agent.get("name"))
    return (
        query.get("agent_id") in (None, agent.get("id"))
        and query.get("provider_id") in (None, carrier.get("id"))
        and query.get("type") in (None, carrier["type"])
        and any(text in str(part or "").lower() for part in searched)
    )


def _source(account: Account, wanted: Json) -> Json:
    """Return the carrier account that a number is to come from."""
    if "id" in wanted:
        return account.carriers.find(str(wanted["id"]))
    named = (wanted.get("account_sid"), wanted.get("region", "us1"))
    for carrier in account.carriers.values():
        if (carrier.get("account_sid"), carrier.get("region")) == named:
            return carrier
    raise missing("provider")


def _moved(account: Account, number: Json, wanted: Json, version: str) -> Json:
    """Return what `number` keeps of the carrier account that it is to come from now."""
    if "id" not in wanted and version < _LOOKUP_SINCE:
        raise invalid("provider.id: Field required")
    target, held = _source(account, wanted), number["provider"]
    if not isinstance(held, dict) or held["type"] != target["type"]:
        raise invalid("provider type cannot change: delete the number and import it again")
    return _reference(target)


def _add(
    account: Account, kind: str, number: str, label: str, agent: JsonValue, carrier: Json
) -> Json:
    now = iso(account.state.now())
    made: Json = {
        "id": account.state.id("pn_"),
        "number": number,
        "label": label,
        "agent": agent,
        "created_at": now,
        "updated_at": now,
        "provider": carrier,
    }
    account.numbers[str(made["id"])] = made
    account.state.record(kind, str(made["id"]), number)
    return made


def _shown(account: Account, number: Json) -> Json:
    """Return a number with its carrier account as that is now, without the details of a trunk."""
    carrier = _carrier(account, number)
    if carrier is None:
        return number
    details = {"inbound", "outbound"}
    return {**number, "provider": {k: v for k, v in carrier.items() if k not in details}}


def _carrier(account: Account, number: Json) -> Json | None:
    held = number.get("provider")
    linked = held.get("id") if isinstance(held, dict) else None
    return account.carriers[str(linked)] if linked is not None else None


def _reference(carrier: Json) -> Json:
    """Return what a number keeps of the carrier account it comes from."""
    return {"type": carrier["type"], "id": carrier["id"]}
