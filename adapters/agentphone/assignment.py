"""Assigning: attaching a number to an agent, and detaching it.

What became of a request that failed is read back. Source: docs.agentphone.ai/api-reference/agents.
"""

from __future__ import annotations

from telephony.errors import ConflictError, NotFoundError, ProviderError
from telephony.model import Agent, PhoneNumber, Target
from telephony.protocols import Adapter
from telephony.wire import Operation, Options, Request, Safety, merged, path, reconciled

from . import bodies, errors


def agent_id(target: Target | None) -> str | None:
    """Return the id of an agent."""
    return target.id if isinstance(target, Agent) else None


def current(number_id: str, provider: str) -> Operation[PhoneNumber]:
    """Return a number as it is now."""
    response = yield Request.get(path("/v1/numbers/{}", number_id))
    return bodies.number(response, provider)


def attach(number: PhoneNumber, agent: str, options: Options) -> Operation[PhoneNumber]:
    """Attach a number to an agent.

    A retry may be refused, although it changes nothing more, and a conflict may mean that the agent
    has the number already: after both the number is read back.
    """
    body = merged({"numberId": number.id}, options)
    url = path("/v1/agents/{}/numbers", agent)
    try:
        response = yield Request.post(url, body, safety=Safety.IDEMPOTENT)
        return bodies.attached(response, number, agent)
    except ProviderError as failure:
        _name_target(failure)
        if refused(failure) and not isinstance(failure, ConflictError):
            raise
        now = yield from reconciled(current(number.id, number.provider), failure)
        if agent_id(now.assignment) != agent:
            raise
        return now


def detach(number: PhoneNumber, agent: str, options: Options) -> Operation[None]:
    """Detach a number from an agent."""
    try:
        yield Request.delete(path("/v1/agents/{}/numbers/{}", agent, number.id), json=dict(options))
    except ProviderError as failure:
        if refused(failure):
            raise
        now = yield from reconciled(current(number.id, number.provider), failure)
        if agent_id(now.assignment) == agent:
            raise


def move(number: PhoneNumber, former: str, agent: str, options: Options) -> Operation[PhoneNumber]:
    """Detach a number from one agent and attach it to another; undo that if it fails."""
    # The number is not taken from its agent for one that does not exist.
    try:
        yield Request.get(path("/v1/agents/{}", agent))
    except ProviderError as failure:
        _name_target(failure)
        raise
    yield from detach(number, former, {})
    try:
        return (yield from attach(number, agent, options))
    except ProviderError as failure:
        try:
            yield from attach(number, former, {})
        except ProviderError:
            failure.hint = (
                f"The number was taken from agent {former} and could not be given back: see "
                "get_number() for what answers it, and assign it again."
            )
        else:
            failure.hint = f"The number is still with agent {former}. {failure.hint}"
        raise


def complete(bought: PhoneNumber, agent: object) -> Operation[PhoneNumber]:
    """Attach a number just bought to the agent that the purchase named, if it is not yet."""
    held_by = agent_id(bought.assignment)
    if not isinstance(agent, str) or held_by == agent:
        return bought
    if held_by is not None:
        notice = f"Agent {held_by} answers it, not {agent}."
        return bought.model_copy(update={"notices": (notice,)})
    try:
        return (yield from attach(bought, agent, {}))
    except ProviderError as failure:
        if isinstance(failure, NotFoundError) and failure.argument is not None:
            failure.argument = "assign_to"
        failure.hint = (
            f"{bought.number} IS bought, but not known to be assigned: call assign_number()."
        )
        failure.retry_safe = False
        raise


def _name_target(failure: ProviderError) -> None:
    """Say that it is the agent that is missing, unless it is the number."""
    if not isinstance(failure, NotFoundError) or failure.code == errors.NO_NUMBER:
        return
    # Only some errors have a code.
    if "number" not in failure.message.lower():
        failure.argument = "target"


def refused(failure: ProviderError) -> bool:
    """Return whether the vendor refused the first attempt, so that nothing can have been done."""
    return (
        failure.attempts == 1
        and failure.status is not None
        and 400 <= failure.status < 500
        and failure.status not in Adapter.ambiguous_statuses
    )
