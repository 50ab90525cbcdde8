"""The numbers that an organization has imported."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, iso

from .account import Account, done
from .input import Import, page, reader
from .refusals import invalid, refusal


async def listed(account: Account, request: Request) -> Response:
    status = request.query_params.get("status")
    if status not in (None, "free", "assigned"):
        raise invalid("query", "status", "Input should be 'free' or 'assigned'")
    found = [_listed(n) for n in account.numbers.values() if status in (None, n["status"])]
    return JSONResponse(page(found, request, account.page_size, total=len(found)))


async def import_(account: Account, request: Request) -> Response:
    body = await reader.json(request)
    _importable(body)
    wanted = reader.value(Import, body)
    if wanted.provider == "twilio":
        account.integrations.find(str(wanted.integration_id))
    held = {number["phone_number"] for number in account.numbers.values()} | account.elsewhere
    if wanted.phone_number in held:
        raise refusal(409, f"Phone number {wanted.phone_number} already exists in the system")
    now = iso(account.state.now())
    made: Json = {
        "phone_number_id": account.state.id("phon_"),
        "phone_number": wanted.phone_number,
        "provider": wanted.provider,
        "status": "free",
        "supports_inbound": wanted.supports_inbound,
        "supports_outbound": wanted.supports_outbound,
        **({"integration_id": wanted.integration_id} if wanted.provider == "twilio" else {}),
        "created_at": now,
        "updated_at": now,
    }
    account.numbers[str(made["phone_number_id"])] = {**made, "assigned_agent_id": None}
    account.state.record("import", str(made["phone_number_id"]), wanted.phone_number)
    message = f"Phone number imported successfully with {wanted.provider}"
    return JSONResponse(done(message, made), 201)


def _importable(body: Json) -> None:
    """Return what the import page lists under 400; what is left is a matter of the schema, 422."""
    for field in ("phone_number", "provider"):
        if not body.get(field):
            raise refusal(400, f"{field} is required")
    if body["provider"] not in ("twilio", "sip"):
        raise refusal(400, "Invalid provider")
    if body["provider"] == "twilio" and not body.get("integration_id"):
        raise refusal(400, "integration_id is required for twilio")
    wants_address = body["provider"] == "sip" and body.get("supports_outbound")
    if wants_address and not body.get("sip_server_address"):
        raise refusal(400, "sip_server_address is required for outbound calls")


def _listed(number: Json) -> Json:
    """Return a number as the list shows it, with less than the response to an import has."""
    return {k: v for k, v in number.items() if k not in {"integration_id", "updated_at"}}
