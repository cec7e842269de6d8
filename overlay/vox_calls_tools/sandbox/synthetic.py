"""Generates synthetic calls in realistic proportions, reproducible by seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar

import attrs

from vox_calls import CallStatus, CallType, DisconnectionReason
from vox_calls.timestamps import to_unix_ms
from vox_calls.toolkit import fields_of
from vox_calls_raw import models

T = TypeVar("T")

Call = dict[str, Any]
"""A call as a JSON object."""

SPAN = timedelta(days=90)
"""The age of the oldest calls, whatever their number."""

# Of 28 observed calls, 17 were ended, 6 not connected, 3 ongoing and 2 in error.
_OUTCOMES: dict[tuple[CallStatus, DisconnectionReason | None], float] = {
    (CallStatus.ENDED, DisconnectionReason.USER_HANGUP): 8,
    (CallStatus.ENDED, DisconnectionReason.CALL_TRANSFER): 7,
    (CallStatus.ENDED, DisconnectionReason.AGENT_HANGUP): 1,
    (CallStatus.ENDED, DisconnectionReason.VOICEMAIL_REACHED): 1,
    (CallStatus.NOT_CONNECTED, DisconnectionReason.DIAL_NO_ANSWER): 6,
    (CallStatus.ERROR, DisconnectionReason.FLOW_ERROR): 2,
    (CallStatus.ONGOING, None): 3,
}
# Of the same 28, 16 were inbound, 10 outbound and 2 on the web. The 6 not connected ones were outbound.
_TYPES: dict[CallType, float] = {CallType.INBOUND: 16, CallType.OUTBOUND: 4, CallType.WEB: 2}
_DIALLED: dict[CallType, float] = {CallType.OUTBOUND: 1}
_TOGETHER = 0.05
_RARE = 0.02  # the weight of each value that was not observed
# The first few hundred calls show every outcome and type: one call in so many has the next of them.
_EACH_OUTCOME = 12
_EACH_TYPE = 30

_COSTS = ("150.00", "200.00")
_SENTIMENTS = ("positive", "neutral", "negative")
_HOURS = (1, 1, 1, 1, 1, 1, 2, 4, 10, 30, 34, 30, 18, 30, 34, 34, 30, 24, 12, 8, 6, 4, 2, 1)
_SEOUL_HOURS_AHEAD = 9
_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000


_SURNAMES = "김이박최정강조윤장임"
_NAMES = ("서준", "하은", "도윤", "지우", "예준", "수아", "시우", "지민", "주원", "채원")
_PRODUCTS = ("정수기 렌탈", "인터넷 결합 상품", "자동차 보험", "건강 검진", "가전 수리", "택배 배송")
_MATTERS = (
    "{} 방문 일정을 바꾸고 싶다고 하여 가능한 날짜를 안내했습니다.",
    "{} 요금이 지난달보다 많이 나온 이유를 물어 상담원에게 연결했습니다.",
    "{} 해지 절차를 문의하여 위약금을 설명했습니다.",
    '{} 신청 내역을 확인한 뒤 "다시 전화하겠다"고 했습니다.',
    "{} 안내를 끝까지 듣고 통화를 마쳤습니다.",
)
_NOT_REACHED = "고객이 전화를 받지 않아 통화가 이루어지지 않았습니다."
_CITIES = ("서울 강남구", "부산 해운대구", "대구 수성구", "인천 연수구", "광주 서구", "제주 제주시")


def _nothing(kind: type[attrs.AttrsInstance]) -> dict[str, Any]:
    """Return all fields as null or empty, including new ones that this module has no values for."""
    return {
        field.wire_name: None if field.absent is attrs.NOTHING else copy(field.absent)
        for field in fields_of(kind)
        if not field.is_optional
    }


_NO_CALL, _NO_AGENT, _NO_COST, _NO_ANALYSIS = map(
    _nothing, (models.Call, models.CallAgent, models.CallCost, models.CallAnalysis)
)


def synthetic_calls(count: int, *, seed: int, until: datetime) -> Iterator[Call]:
    """Generate calls of the 90 days before `until`, oldest first.

    The same arguments give the same calls. Working hours in Seoul have more calls than nights, and a few calls share
    their millisecond. States do not depend on age, so some old calls are still ongoing.

    Args:
        count: Number of calls.
        seed: Seed of the random numbers.
        until: The end of the history, aware.

    Yields:
        Calls as JSON objects.

    Example:
        >>> from datetime import UTC
        >>> calls = list(synthetic_calls(3, seed=1, until=datetime(2026, 11, 1, tzinfo=UTC)))
        >>> calls == sorted(calls, key=lambda call: call["start_at"])
        True
    """
    random = Random(seed)  # noqa: S311 - made-up data, not secrets
    outcomes = _with_rare(_OUTCOMES, [(_status_of(reason), reason) for reason in DisconnectionReason])
    outcomes = _with_rare(outcomes, [(status, None) for status in CallStatus], known={key[0] for key in outcomes})
    types = _with_rare(_TYPES, list(CallType))
    agents = [_Agent(random) for _ in range(12)]
    chosen = zip(
        _instants(random, count, to_unix_ms(until)),
        _choices(random, outcomes, count),
        _choices(random, types, count),
        _choices(random, _DIALLED, count),
        random.choices(agents, weights=range(len(agents), 0, -1), k=count),
        strict=True,
    )
    each_outcome, each_type = iter(outcomes), iter(types)
    for number, (at, outcome, any_type, dialled, agent) in enumerate(chosen):
        status, reason = next(each_outcome, outcome) if number % _EACH_OUTCOME == 1 else outcome
        call_type = dialled if status is CallStatus.NOT_CONNECTED else any_type
        if number % _EACH_TYPE == 1:
            call_type = next(each_type, call_type)
        yield _call(random, number, at=at, status=status, reason=reason, call_type=call_type, agent=agent)


def synthetic_call(
    number: int,
    *,
    at: int,
    status: CallStatus | None = None,
    reason: DisconnectionReason | None = None,
    call_type: CallType | None = None,
    private: bool = False,
) -> Call:
    """Generate one call; arguments left out get the most frequent value consistent with the others.

    The same arguments give the same call. All calls have the same agent.

    Args:
        number: Seed of the random numbers.
        at: Start in unix milliseconds. Queued and canceled calls have none.
        status: Status; by default, that of the reason, else ended.
        reason: Disconnection reason.
        call_type: Type; by default inbound, or outbound for a not connected call.
        private: Whether sensitive data is left out.
    """
    if status is None and reason is not None:
        status = _status_of(reason)
    if reason is None:
        wanted = status or CallStatus.ENDED
        status, reason = next((key for key in _OUTCOMES if key[0] == wanted), (wanted, None))
    if call_type is None:
        call_type = next(iter(_DIALLED if status == CallStatus.NOT_CONNECTED else _TYPES))
    agent = _Agent(Random(0))  # noqa: S311 - made-up data, not secrets
    return _call(
        Random(number),  # noqa: S311 - as above
        number,
        at=at,
        status=status or CallStatus.ENDED,
        reason=reason,
        call_type=call_type,
        agent=agent,
        private=private,
    )


class _Agent:
    def __init__(self, random: Random) -> None:
        self.reference = {
            **_NO_AGENT,
            "agent_id": _uuid(random),
            "agent_version": random.choice(("production", "production", "current", f"v{random.randrange(1, 300)}")),
        }
        self.number = f"02{random.randrange(10**7):07d}"
        self.product = random.choice(_PRODUCTS)


def _call(
    random: Random,
    number: int,
    *,
    at: int,
    status: CallStatus,
    reason: DisconnectionReason | None,
    call_type: CallType,
    agent: _Agent,
    private: bool | None = None,
) -> Call:
    draw = random.random()
    fine = int(draw * 1_000_000)
    connected = status not in (CallStatus.QUEUED, CallStatus.CANCELED)
    talked = status in (CallStatus.ENDED, CallStatus.ERROR)
    running = status in (CallStatus.ONGOING, CallStatus.QUEUED)
    private = fine % 100 == 0 if private is None else private
    seconds = 4 + fine % 400 if talked else 20 + fine % 20
    customer = f"010{fine * 97 % 2_000:04d}{random.randrange(10_000):04d}"
    inbound, web = call_type is CallType.INBOUND, call_type is CallType.WEB
    call_id = _uuid(random)
    return {
        **_NO_CALL,
        "id": call_id,
        "agent": agent.reference,
        "call_type": call_type.value,
        "status": status.value,
        "from_number": None if web else customer if inbound else agent.number,
        "to_number": None if web else agent.number if inbound else customer,
        "presentation_number": None if web or inbound else agent.number,
        "disconnection_reason": None if reason is None else reason.value,
        "start_at": at if connected else None,
        "end_at": None if running else at + seconds * 1_000 + fine % 1_000,
        "recording_url": f"https://recordings.sandbox.invalid/{call_id}.wav?X-Signature={fine:06x}"
        if talked and not private
        else None,
        "metadata": _metadata(fine, agent) if fine % 4 == 0 else {},
        "dynamic_variables": _variables(number, fine, customer, agent),
        "call_analysis": None if running or not connected or private else _analysis(fine, agent, talked=talked),
        "call_cost": {**_NO_COST, "total_cost": _COSTS[fine % 2]} if talked else None,
        "variant_label": "greeting-b" if fine % 10 == 1 else None,
        "opt_out_sensitive_data_storage": private,
    }


def _metadata(fine: int, agent: _Agent) -> dict[str, Any]:
    return {
        "campaign": f"{agent.product} 안내",
        "campaign_id": str(1_000 + fine % 5),
        "customer_id": f"{fine:08x}-0000-4000-a000-{fine:012x}",
        "attempt": 1 + fine % 3,
        "source": ("crm", "web", "app")[fine // 4 % 3],
    }


def _variables(number: int, fine: int, customer: str, agent: _Agent) -> dict[str, Any]:
    # Keys in all observed styles, and values of all types.
    variables: dict[str, Any] = {
        "did": agent.number,
        "A_RN": f"{fine:06d}",
        "fs-support": fine % 2 == 0,
        "integer": fine % 97,
        "customer_name": _SURNAMES[fine % 10] + _NAMES[fine // 10 % 10],
        "orderNo": f"VX-{number:07d}",
        "배송지": _CITIES[fine % 6],
        "X-Session-Id": f"{fine * 2_654_435_761 % 2**32:08x}",
        "callback.phone": customer,
        "discount rate": fine % 30 / 10,
    }
    if fine % 3:
        variables["history"] = [{"제품": agent.product, "count": fine % 5}]
    if fine % 2:
        variables["memo"] = None
    return variables


def _analysis(fine: int, agent: _Agent, *, talked: bool) -> dict[str, Any]:
    return {
        **_NO_ANALYSIS,
        "summary": "고객이 " + _MATTERS[fine % 5].format(agent.product) if talked else _NOT_REACHED,
        "user_sentiment": _SENTIMENTS[fine % 3],
        "custom_analysis_data": [{"name": "해결 여부", "value": fine % 2 == 0}, {"name": "score", "value": fine % 6}]
        if fine % 2
        else [],
    }


def _instants(random: Random, count: int, until: int) -> list[int]:
    days = SPAN.days
    instants = []
    for day, hour in zip(
        random.choices(range(days), k=count), random.choices(range(24), weights=_HOURS, k=count), strict=True
    ):
        second = int(random.random() * 3_600) * 1_000
        instants.append(((hour - _SEOUL_HOURS_AHEAD) % 24 * _HOUR_MS + second - until) % _DAY_MS + day * _DAY_MS)
    instants = sorted(until - days * _DAY_MS + instant for instant in instants)
    # A campaign dials many numbers at once: some calls start in the same millisecond as the one before.
    for later in range(1, count):
        if random.random() < _TOGETHER:
            instants[later] = instants[later - 1]
    return instants


def _status_of(reason: DisconnectionReason) -> CallStatus:
    if "error" in reason.value:
        return CallStatus.ERROR
    if reason.value.startswith("dial_") or "limit" in reason.value:
        return CallStatus.NOT_CONNECTED
    return CallStatus.ENDED


def _with_rare(seen: dict[T, float], all_: Sequence[T], known: set[Any] | None = None) -> dict[T, float]:
    missing = (key for key in all_ if key not in seen and not (known and isinstance(key, tuple) and key[0] in known))
    return {**seen, **dict.fromkeys(missing, _RARE)}


def _choices(random: Random, weights: dict[T, float], count: int) -> list[T]:
    return random.choices(list(weights), weights=list(weights.values()), k=count)


def _uuid(random: Random) -> str:
    # Three times faster than the UUID class, which matters for large histories.
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
