"""A plan: the operations, what could not be planned, and what needs a flag."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct

from telephony.fleet.errors import FleetError
from telephony.fleet.planning.ops import Op, Verb
from telephony.model import Target

VERSION = 1
_PART = 1000


class Offer(Struct, frozen=True, kw_only=True):
    """What a connected provider can do for the fleet, known without a request.

    Attributes:
        profile: its name.
        vendor: the vendor's own spelling of its name.
        account: which account of the vendor it is; never a secret. None: not known.
        capabilities: the operations that it has, such as ``label`` needs ``update_number``.
        instead: what to use instead of those that it has not.
        targets: the kinds a number can be assigned to, such as ``agent``.
        sources: the kinds a number can be imported from, such as ``sip_trunk``.
        ingress: how calls get there, by kind of source: ``self`` (the vendor writes the carrier's
            routing), ``pointed`` (the owner routes there) or ``own`` (the vendor is the carrier).
        shared: whether numbers can share an object there; their ids are then ``OBJECT/NUMBER``.
        target: what the vendor makes of a plain word: ``provider.adapter.target``.
    """

    profile: str
    vendor: str
    account: str | None
    capabilities: frozenset[str]
    instead: Mapping[str, str]
    targets: frozenset[str]
    sources: frozenset[str]
    ingress: Mapping[str, str]
    shared: bool = False
    target: Callable[[str], Target]


class Finding(Struct, frozen=True, kw_only=True, order=True):
    """Something that the plan has to say of a number or a profile.

    Attributes:
        number: E.164; an order's id where it is not bought yet; empty: the whole profile.
        profile: where; empty: nowhere in particular.
        message: what it is, and what to do.
    """

    number: str
    profile: str
    message: str


class Unsafe(Struct, frozen=True, kw_only=True, order=True):
    """A reason why the plan is applied only with a flag.

    Attributes:
        flag: ``--buy``, ``--release`` or ``--over-limits``.
        count: how many; the first two flags must say exactly that.
        reason: a sentence.
    """

    flag: str
    count: int
    reason: str

    @property
    def remedy(self) -> str:
        """What to add to the command, where it is meant."""
        wanted = self.flag if self.flag == "--over-limits" else f"{self.flag} {self.count}"
        return f"If that is meant, add {wanted}."


class Plan(Struct, frozen=True, kw_only=True):
    """What has to be done so that the vendors hold what is declared.

    Attributes:
        ops: by lane; within a lane in the order in which they are done.
        problems: what cannot be planned: no operations are planned for it.
        notices: what differs or is kept, without anything to do here.
        unsafe: why it needs a flag.
        policy: a digest of the declared policy that it was made under.
        basis: the run that was the last one when it was made: the same change, planned again
            after another run, is another plan.
        digest: identifies what is done: the same for the same operations under the same policy.
    """

    ops: tuple[Op, ...]
    unsafe: tuple[Unsafe, ...]
    policy: str
    basis: str = ""
    problems: tuple[Finding, ...] = ()
    notices: tuple[Finding, ...] = ()
    digest: str = ""
    version: int = VERSION

    @classmethod
    def made(
        cls,
        *,
        ops: tuple[Op, ...],
        problems: tuple[Finding, ...],
        notices: tuple[Finding, ...],
        unsafe: tuple[Unsafe, ...],
        policy: str,
        basis: str = "",
    ) -> Plan:
        """Return a plan with its digest."""
        return cls(
            ops=ops,
            problems=problems,
            notices=notices,
            unsafe=unsafe,
            policy=policy,
            basis=basis,
            digest=_digest(ops, unsafe, policy, basis),
        )

    @property
    def counts(self) -> Mapping[Verb, int]:
        """How many operations of each verb there are; verbs without any are left out."""
        found = Counter(op.verb for op in self.ops)
        return {verb: found[verb] for verb in Verb if found[verb]}

    def to_json(self) -> str:
        """Return the plan as JSON, for a file that `from_json` reads."""
        return msgspec.json.encode(self).decode()

    def text(self) -> str:
        """Return the plan in lines of at most 80 columns, for a terminal."""
        from telephony.fleet.planning import rendering

        return rendering.text(self)

    def markdown(self) -> str:
        """Return the plan for a pull request's comment: fewer than 60,000 characters.

        It has the counts, every release, and of the rest 50 lines a verb.
        """
        from telephony.fleet.planning import rendering

        return rendering.markdown(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Plan:
        """Return the plan that `to_json` wrote.

        Raises:
            FleetError: it is not a plan, of another version of telephony, or it was changed since.
        """
        try:
            version = msgspec.json.decode(text, type=_Version).version
            if version != VERSION:
                raise FleetError(
                    f"The plan has version {version}, this telephony reads version {VERSION}. "
                    "Make a new plan with `telephony fleet plan --out FILE`."
                )
            plan = msgspec.json.decode(text, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FleetError(
                f"This is not a plan: {error}. Make one with `telephony fleet plan --out FILE`."
            ) from None
        if plan.digest != _digest(plan.ops, plan.unsafe, plan.policy, plan.basis):
            raise FleetError(
                "The plan was changed after it was made: its digest does not match. Change the "
                "fleet's files instead, and make a new plan."
            )
        return plan


class _Version(Struct):
    version: int


def _digest(ops: Sequence[Op], unsafe: Sequence[Unsafe], policy: str, basis: str) -> str:
    encoder = msgspec.json.Encoder()
    digest = hashlib.sha256(encoder.encode((VERSION, unsafe, policy, basis)))
    # In parts, as the JSON of many operations is larger than they are.
    for start in range(0, len(ops), _PART):
        digest.update(encoder.encode_lines(ops[start : start + _PART]))
    return digest.hexdigest()
