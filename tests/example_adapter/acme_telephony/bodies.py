"""Acme's bodies, and the way from them into the unified model."""

from pydantic import BaseModel, JsonValue

from telephony import errors, model
from telephony.reading import items, read
from telephony.wire import Json, Response


class Number(BaseModel):
    id: str
    number: str
    line: str | None = None

    def normalized(self, provider: str, raw: Json) -> model.PhoneNumber:
        return model.PhoneNumber(
            id=self.id,
            number=self.number,
            provider=provider,
            channels=frozenset({model.Channel.VOICE}),
            assignment=model.Agent(self.line) if self.line else None,
            raw=raw,
        )


class _Error(BaseModel):
    code: str | None = None
    text: str = "Acme refused the request"


def number(response: Response, provider: str, part: JsonValue = None) -> model.PhoneNumber:
    """Return the number that the answer is, or that is `part` of it."""
    raw = part if isinstance(part, dict) else response.object()
    return read(Number, raw, response).normalized(provider, raw)


def page(response: Response, provider: str) -> tuple[list[model.PhoneNumber], str | None]:
    """Return the numbers of a page, and the cursor of the next one."""
    body = response.object()
    found = [number(response, provider, part) for part in items(body.get("numbers"), response)]
    after = body.get("next")
    return found, str(after) if after else None


def error(response: Response) -> errors.ProviderError:
    try:
        body = response.object()
        said = _Error.model_validate(body)
    except (errors.InvalidResponseError, errors.OutcomeUnknownError, ValueError):
        body, said = {}, _Error()
    return errors.class_for(response.status)(said.text, code=said.code, raw=body or None)
