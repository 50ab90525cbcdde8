"""Dispatch rules: which of them a call matches, where it leads, and how to write one.

Source: the dispatch of livekit-server 1.13.5, docs.livekit.io/telephony/accepting-calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from pydantic import JsonValue

from telephony import model
from telephony.errors import ConfigurationError
from telephony.wire import Json

from .bodies import RULE_ID, Rule, given

ROOM_PREFIX = "call-"

# What a copy of a rule gets anew, and what `further_settings` says in other words.
_OWN = frozenset({RULE_ID, "created_at", "updated_at"})
_PLACE = frozenset({*_OWN, "rule", "trunk_ids", "numbers", "inbound_numbers", "name"})


def answering(rules: Sequence[Rule]) -> Rule | None:
    """Return the rule that a call matches, as the server chooses it.

    A rule for the trunk comes before one for all trunks, then the priority decides. Rules for some
    callers only come last.
    """

    def order(rule: Rule) -> tuple[bool, bool, tuple[int, str]]:
        info = rule.info
        return bool(info.inbound_numbers), not info.trunk_ids, info.priority

    # Most numbers have one, and there may be thousands.
    return rules[0] if len(rules) == 1 else min(rules, key=order, default=None)


def target_of(rule: Rule | None) -> model.Target | None:
    """Return the agent that a rule sends into the room, or else its one room.

    A rule that opens rooms for agents that join by themselves has no target.
    """
    if rule is None:
        return None
    agent = rule.info.agent
    if agent is not None:
        return _agent(agent)
    return None if rule.info.room is None else model.Room(rule.info.room)


def targets_of(rule: Rule) -> list[model.Target]:
    """Return every agent that a rule sends into the room, and its one room."""
    config, room = rule.info.room_config, rule.info.room
    agents = [one.agent_name for one in config.agents] if config else []
    found: list[model.Target] = [_agent(name) for name in agents if name]
    return found if room is None else [*found, model.Room(room)]


@lru_cache(maxsize=256)
def _agent(name: str) -> model.Agent:
    # A few agents answer thousands of numbers.
    return model.Agent(name)


def new_rule(
    target: model.Target, *, name: str, trunk_ids: list[str], numbers: list[str], pin: str = ""
) -> Json:
    """Return a rule for `target`: an agent in a new room for each caller, or one room."""
    info = given(rule=_kind(target, pin), trunk_ids=[*trunk_ids], name=name, numbers=[*numbers])
    if isinstance(target, model.Agent):
        info["room_config"] = {"agents": [{"agent_name": target.id}]}
    return info


def copied(
    rule: Rule, target: model.Target, *, name: str, trunk_ids: list[str], numbers: list[str]
) -> Json:
    """Return a rule like `rule` for other calls, which leads to `target`."""
    kept = {key: value for key, value in rule.raw.items() if key not in _OWN}
    place: Json = {"name": name, "trunk_ids": [*trunk_ids], "numbers": [*numbers]}
    return {**kept, **leading(rule, target), **place}


def leading(rule: Rule, target: model.Target) -> Json:
    """Return the fields of `rule` that change to lead to `target`."""
    config = rule.raw.get("room_config")
    room = config if isinstance(config, dict) else {}
    if isinstance(target, model.Room):
        return {
            "room_config": {**room, "agents": []},
            "rule": _kind(target, rule.info.pin),
        }
    if not isinstance(target, model.Agent):
        raise TypeError(f"not a target at LiveKit: {type(target).__name__}")
    changes: Json = {"room_config": {**room, "agents": _with_agent_first(target.id, _agents(rule))}}
    if rule.info.agent is None and rule.info.room is not None:
        changes["rule"] = _kind(target, rule.info.pin)
    return changes


def further_settings(rule: Rule, *, kept: bool) -> list[str]:
    """Return the names of a rule's further settings, for when they are lost.

    With `kept`, return those that are lost when a room replaces the agent.

    Raises:
        ConfigurationError: the packages that read a rule are not installed.
    """
    # Loading the messages takes longer than many requests do.
    try:
        from google.protobuf.json_format import ParseDict, ParseError
        from livekit.protocol.sip import SIPDispatchRuleInfo, SIPMediaConfig, SIPMediaEncryption
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"Changing LiveKit's dispatch rules needs the package {missing.name!r}. "
            "Install it with: pip install 'telephony[livekit]'"
        ) from missing

    off = SIPMediaConfig(encryption=SIPMediaEncryption.SIP_MEDIA_ENCRYPT_DISABLE)
    try:
        info = ParseDict(rule.raw, SIPDispatchRuleInfo(), ignore_unknown_fields=True)
    except ParseError:
        return ["settings that cannot be read"]
    lost: list[str] = []
    kind = info.rule.WhichOneof("rule")
    if kind == "dispatch_rule_callee":
        lost.append("rooms by called number")
    elif kind == "dispatch_rule_individual":
        own = info.rule.dispatch_rule_individual
        if own.room_prefix != ROOM_PREFIX or own.no_randomness:
            lost.append("names of rooms")
    agents = [*info.room_config.agents]
    if len(agents) > 1:
        lost.append("further agents")
    if any(field.name != "agent_name" for one in agents for field, _ in one.ListFields()):
        lost.append("what agents are sent")
    if kept:
        return lost
    info.room_config.ClearField("agents")
    info.ClearField("media_encryption")
    if not info.media.ListFields() or info.media == off:
        info.ClearField("media")
    if not info.room_config.ListFields():
        info.ClearField("room_config")
    lost += [field.name for field, _ in info.ListFields() if field.name not in _PLACE]
    return ["its PIN", *lost] if rule.info.pin else lost


def _kind(target: model.Target, pin: str) -> Json:
    if isinstance(target, model.Room):
        return {"dispatch_rule_direct": given(room_name=target.name, pin=pin)}
    if isinstance(target, model.Agent):
        return {"dispatch_rule_individual": given(room_prefix=ROOM_PREFIX, pin=pin)}
    raise TypeError(f"not a target at LiveKit: {type(target).__name__}")


def _agents(rule: Rule) -> list[Json]:
    config = rule.raw.get("room_config")
    agents = config.get("agents") if isinstance(config, dict) else None
    return [one for one in agents if isinstance(one, dict)] if isinstance(agents, list) else []


def _with_agent_first(agent: str, agents: list[Json]) -> JsonValue:
    """Return `agents` with `agent` in place of the first that has a name.

    If it is among them already the two change places, so that the same once more restores both.
    """
    names = [one.get("agent_name") or "" for one in agents]
    first = next((place for place, name in enumerate(names) if name), None)
    if first is None:
        return [{"agent_name": agent}, *agents]
    if agent in names:
        second = names.index(agent)
        agents[first], agents[second] = agents[second], agents[first]
    else:
        agents[first] = {**agents[first], "agent_name": agent}
    return [*agents]
