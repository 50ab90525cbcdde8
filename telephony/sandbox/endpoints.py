"""Routes of a vendor's fake API: who may use them, and what they take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias, TypeVar

from pydantic import BaseModel, Field, JsonValue, ValidationError
from pydantic_core import ErrorDetails, from_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from telephony.sandbox.vendor import Json, Refusal, VendorSandbox

A = TypeVar("A")
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

Endpoint: TypeAlias = Callable[[A, Request], Awaitable[Response]]
E164 = Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")]


def routes(
    vendor: VendorSandbox,
    authorize: Callable[[Request], A],
    endpoints: Iterable[tuple[str, str, Endpoint[A]]],
) -> list[Route]:
    """Return a route for each method, path and endpoint.

    Args:
        authorize: returns the account that a request reaches, or raises `Refusal`.
    """

    def serving(endpoint: Endpoint[A]) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            account = authorize(request)
            return vendor.state.planted_response(request) or await endpoint(account, request)

        return serve

    return [
        Route(path, serving(endpoint), methods=[method]) for method, path, endpoint in endpoints
    ]


@dataclass(frozen=True, slots=True)
class RequestReader:
    """Reads requests into models, and refuses invalid ones as the vendor does.

    Attributes:
        malformed: makes the refusal of a body that is not a JSON object, from what is wrong.
        invalid: makes the refusal of wrong fields, from where they are (``body`` or ``query``) and
            what is wrong with each.
    """

    malformed: Callable[[str], Refusal]
    invalid: Callable[[str, Sequence[ErrorDetails]], Refusal]

    async def json(self, request: Request) -> Json:
        return parse_object(await request.body(), self.malformed)

    async def body(self, model: type[M], request: Request) -> M:
        return self.value(model, await self.json(request))

    def query(self, model: type[M], request: Request) -> M:
        return self.value(model, dict(request.query_params), "query")

    def value(self, model: type[M], value: Mapping[str, object], where: str = "body") -> M:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False)
            raise self.invalid(where, errors) from None


def parse_object(content: bytes, malformed: Callable[[str], Refusal]) -> Json:
    """Return a JSON object; an empty body is an empty object."""
    if not content:
        return {}
    try:
        value = from_json(content)
    except ValueError:
        raise malformed("the body is not JSON") from None
    if not isinstance(value, dict):
        raise malformed("the body is not an object")
    return value


def fastapi_errors(where: str, errors: Sequence[ErrorDetails], *, echo: bool = False) -> Refusal:
    """Return FastAPI's refusal of wrong fields; `echo` repeats what was sent in them."""
    detail: list[JsonValue] = [
        {
            "loc": [where, *each["loc"]],
            "msg": each["msg"],
            "type": each["type"],
            **({"input": str(each["input"])} if echo else {}),
        }
        for each in errors
    ]
    return Refusal(422, {"detail": detail})


def cut(rows: Sequence[T], start: int, size: int) -> tuple[list[T], bool]:
    """Return a page of the rows, and whether more follow."""
    return list(rows[start : start + size]), start + size < len(rows)
