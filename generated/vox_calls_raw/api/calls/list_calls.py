from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.call_page import CallPage
from ...models.call_status import CallStatus
from ...models.call_type import CallType
from ...models.disconnection_reason import DisconnectionReason
from ...models.error_envelope import ErrorEnvelope
from ...models.sort_order import SortOrder
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    agent_id: list[UUID] | Unset = UNSET,
    agent_version: list[str] | Unset = UNSET,
    status: list[CallStatus] | Unset = UNSET,
    call_type: list[CallType] | Unset = UNSET,
    disconnection_reason: list[DisconnectionReason] | Unset = UNSET,
    call_from: list[str] | Unset = UNSET,
    call_to: list[str] | Unset = UNSET,
    customer_id: UUID | Unset = UNSET,
    campaign_id: str | Unset = UNSET,
    metadata: list[str] | Unset = UNSET,
    dynamic_variables: list[str] | Unset = UNSET,
    duration_ms_min: int | Unset = UNSET,
    duration_ms_max: int | Unset = UNSET,
    start_at_after: int | Unset = UNSET,
    start_at_before: int | Unset = UNSET,
    sort_order: SortOrder | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_agent_id: list[str] | Unset = UNSET
    if not isinstance(agent_id, Unset):
        json_agent_id = []
        for agent_id_item_data in agent_id:
            agent_id_item = str(agent_id_item_data)
            json_agent_id.append(agent_id_item)

    params["agent_id"] = json_agent_id

    json_agent_version: list[str] | Unset = UNSET
    if not isinstance(agent_version, Unset):
        json_agent_version = agent_version

    params["agent_version"] = json_agent_version

    json_status: list[str] | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = []
        for status_item_data in status:
            status_item = status_item_data.value
            json_status.append(status_item)

    params["status"] = json_status

    json_call_type: list[str] | Unset = UNSET
    if not isinstance(call_type, Unset):
        json_call_type = []
        for call_type_item_data in call_type:
            call_type_item = call_type_item_data.value
            json_call_type.append(call_type_item)

    params["call_type"] = json_call_type

    json_disconnection_reason: list[str] | Unset = UNSET
    if not isinstance(disconnection_reason, Unset):
        json_disconnection_reason = []
        for disconnection_reason_item_data in disconnection_reason:
            disconnection_reason_item = disconnection_reason_item_data.value
            json_disconnection_reason.append(disconnection_reason_item)

    params["disconnection_reason"] = json_disconnection_reason

    json_call_from: list[str] | Unset = UNSET
    if not isinstance(call_from, Unset):
        json_call_from = call_from

    params["call_from"] = json_call_from

    json_call_to: list[str] | Unset = UNSET
    if not isinstance(call_to, Unset):
        json_call_to = call_to

    params["call_to"] = json_call_to

    json_customer_id: str | Unset = UNSET
    if not isinstance(customer_id, Unset):
        json_customer_id = str(customer_id)
    params["customer_id"] = json_customer_id

    params["campaign_id"] = campaign_id

    json_metadata: list[str] | Unset = UNSET
    if not isinstance(metadata, Unset):
        json_metadata = metadata

    params["metadata"] = json_metadata

    json_dynamic_variables: list[str] | Unset = UNSET
    if not isinstance(dynamic_variables, Unset):
        json_dynamic_variables = dynamic_variables

    params["dynamic_variables"] = json_dynamic_variables

    params["duration_ms_min"] = duration_ms_min

    params["duration_ms_max"] = duration_ms_max

    params["start_at_after"] = start_at_after

    params["start_at_before"] = start_at_before

    json_sort_order: str | Unset = UNSET
    if not isinstance(sort_order, Unset):
        json_sort_order = sort_order.value

    params["sort_order"] = json_sort_order

    params["cursor"] = cursor

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v3/calls",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> CallPage | ErrorEnvelope:
    if response.status_code == 200:
        response_200 = CallPage.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = ErrorEnvelope.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = ErrorEnvelope.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ErrorEnvelope.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = ErrorEnvelope.from_dict(response.json())

        return response_404

    if response.status_code == 429:
        response_429 = ErrorEnvelope.from_dict(response.json())

        return response_429

    response_default = ErrorEnvelope.from_dict(response.json())

    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[CallPage | ErrorEnvelope]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    agent_id: list[UUID] | Unset = UNSET,
    agent_version: list[str] | Unset = UNSET,
    status: list[CallStatus] | Unset = UNSET,
    call_type: list[CallType] | Unset = UNSET,
    disconnection_reason: list[DisconnectionReason] | Unset = UNSET,
    call_from: list[str] | Unset = UNSET,
    call_to: list[str] | Unset = UNSET,
    customer_id: UUID | Unset = UNSET,
    campaign_id: str | Unset = UNSET,
    metadata: list[str] | Unset = UNSET,
    dynamic_variables: list[str] | Unset = UNSET,
    duration_ms_min: int | Unset = UNSET,
    duration_ms_max: int | Unset = UNSET,
    start_at_after: int | Unset = UNSET,
    start_at_before: int | Unset = UNSET,
    sort_order: SortOrder | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
) -> Response[CallPage | ErrorEnvelope]:
    """List calls

     One page of the organisation's calls, ordered by time, narrowed by any combination of filters.
    Values of one filter are alternatives; different filters must all hold. To read on, send the
    same filters again with `cursor` set to the `next_cursor` of the page before, until it is null.
    A query parameter that is not listed here is refused with 400.

    Args:
        agent_id (list[UUID] | Unset):
        agent_version (list[str] | Unset):
        status (list[CallStatus] | Unset):
        call_type (list[CallType] | Unset):
        disconnection_reason (list[DisconnectionReason] | Unset):
        call_from (list[str] | Unset):
        call_to (list[str] | Unset):
        customer_id (UUID | Unset):
        campaign_id (str | Unset):
        metadata (list[str] | Unset):
        dynamic_variables (list[str] | Unset):
        duration_ms_min (int | Unset):
        duration_ms_max (int | Unset):
        start_at_after (int | Unset):
        start_at_before (int | Unset):
        sort_order (SortOrder | Unset): The direction of a list by time.
        cursor (str | Unset):
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CallPage | ErrorEnvelope]
    """

    kwargs = _get_kwargs(
        agent_id=agent_id,
        agent_version=agent_version,
        status=status,
        call_type=call_type,
        disconnection_reason=disconnection_reason,
        call_from=call_from,
        call_to=call_to,
        customer_id=customer_id,
        campaign_id=campaign_id,
        metadata=metadata,
        dynamic_variables=dynamic_variables,
        duration_ms_min=duration_ms_min,
        duration_ms_max=duration_ms_max,
        start_at_after=start_at_after,
        start_at_before=start_at_before,
        sort_order=sort_order,
        cursor=cursor,
        limit=limit,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    agent_id: list[UUID] | Unset = UNSET,
    agent_version: list[str] | Unset = UNSET,
    status: list[CallStatus] | Unset = UNSET,
    call_type: list[CallType] | Unset = UNSET,
    disconnection_reason: list[DisconnectionReason] | Unset = UNSET,
    call_from: list[str] | Unset = UNSET,
    call_to: list[str] | Unset = UNSET,
    customer_id: UUID | Unset = UNSET,
    campaign_id: str | Unset = UNSET,
    metadata: list[str] | Unset = UNSET,
    dynamic_variables: list[str] | Unset = UNSET,
    duration_ms_min: int | Unset = UNSET,
    duration_ms_max: int | Unset = UNSET,
    start_at_after: int | Unset = UNSET,
    start_at_before: int | Unset = UNSET,
    sort_order: SortOrder | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
) -> CallPage | ErrorEnvelope | None:
    """List calls

     One page of the organisation's calls, ordered by time, narrowed by any combination of filters.
    Values of one filter are alternatives; different filters must all hold. To read on, send the
    same filters again with `cursor` set to the `next_cursor` of the page before, until it is null.
    A query parameter that is not listed here is refused with 400.

    Args:
        agent_id (list[UUID] | Unset):
        agent_version (list[str] | Unset):
        status (list[CallStatus] | Unset):
        call_type (list[CallType] | Unset):
        disconnection_reason (list[DisconnectionReason] | Unset):
        call_from (list[str] | Unset):
        call_to (list[str] | Unset):
        customer_id (UUID | Unset):
        campaign_id (str | Unset):
        metadata (list[str] | Unset):
        dynamic_variables (list[str] | Unset):
        duration_ms_min (int | Unset):
        duration_ms_max (int | Unset):
        start_at_after (int | Unset):
        start_at_before (int | Unset):
        sort_order (SortOrder | Unset): The direction of a list by time.
        cursor (str | Unset):
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CallPage | ErrorEnvelope
    """

    return sync_detailed(
        client=client,
        agent_id=agent_id,
        agent_version=agent_version,
        status=status,
        call_type=call_type,
        disconnection_reason=disconnection_reason,
        call_from=call_from,
        call_to=call_to,
        customer_id=customer_id,
        campaign_id=campaign_id,
        metadata=metadata,
        dynamic_variables=dynamic_variables,
        duration_ms_min=duration_ms_min,
        duration_ms_max=duration_ms_max,
        start_at_after=start_at_after,
        start_at_before=start_at_before,
        sort_order=sort_order,
        cursor=cursor,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    agent_id: list[UUID] | Unset = UNSET,
    agent_version: list[str] | Unset = UNSET,
    status: list[CallStatus] | Unset = UNSET,
    call_type: list[CallType] | Unset = UNSET,
    disconnection_reason: list[DisconnectionReason] | Unset = UNSET,
    call_from: list[str] | Unset = UNSET,
    call_to: list[str] | Unset = UNSET,
    customer_id: UUID | Unset = UNSET,
    campaign_id: str | Unset = UNSET,
    metadata: list[str] | Unset = UNSET,
    dynamic_variables: list[str] | Unset = UNSET,
    duration_ms_min: int | Unset = UNSET,
    duration_ms_max: int | Unset = UNSET,
    start_at_after: int | Unset = UNSET,
    start_at_before: int | Unset = UNSET,
    sort_order: SortOrder | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
) -> Response[CallPage | ErrorEnvelope]:
    """List calls

     One page of the organisation's calls, ordered by time, narrowed by any combination of filters.
    Values of one filter are alternatives; different filters must all hold. To read on, send the
    same filters again with `cursor` set to the `next_cursor` of the page before, until it is null.
    A query parameter that is not listed here is refused with 400.

    Args:
        agent_id (list[UUID] | Unset):
        agent_version (list[str] | Unset):
        status (list[CallStatus] | Unset):
        call_type (list[CallType] | Unset):
        disconnection_reason (list[DisconnectionReason] | Unset):
        call_from (list[str] | Unset):
        call_to (list[str] | Unset):
        customer_id (UUID | Unset):
        campaign_id (str | Unset):
        metadata (list[str] | Unset):
        dynamic_variables (list[str] | Unset):
        duration_ms_min (int | Unset):
        duration_ms_max (int | Unset):
        start_at_after (int | Unset):
        start_at_before (int | Unset):
        sort_order (SortOrder | Unset): The direction of a list by time.
        cursor (str | Unset):
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CallPage | ErrorEnvelope]
    """

    kwargs = _get_kwargs(
        agent_id=agent_id,
        agent_version=agent_version,
        status=status,
        call_type=call_type,
        disconnection_reason=disconnection_reason,
        call_from=call_from,
        call_to=call_to,
        customer_id=customer_id,
        campaign_id=campaign_id,
        metadata=metadata,
        dynamic_variables=dynamic_variables,
        duration_ms_min=duration_ms_min,
        duration_ms_max=duration_ms_max,
        start_at_after=start_at_after,
        start_at_before=start_at_before,
        sort_order=sort_order,
        cursor=cursor,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    agent_id: list[UUID] | Unset = UNSET,
    agent_version: list[str] | Unset = UNSET,
    status: list[CallStatus] | Unset = UNSET,
    call_type: list[CallType] | Unset = UNSET,
    disconnection_reason: list[DisconnectionReason] | Unset = UNSET,
    call_from: list[str] | Unset = UNSET,
    call_to: list[str] | Unset = UNSET,
    customer_id: UUID | Unset = UNSET,
    campaign_id: str | Unset = UNSET,
    metadata: list[str] | Unset = UNSET,
    dynamic_variables: list[str] | Unset = UNSET,
    duration_ms_min: int | Unset = UNSET,
    duration_ms_max: int | Unset = UNSET,
    start_at_after: int | Unset = UNSET,
    start_at_before: int | Unset = UNSET,
    sort_order: SortOrder | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
) -> CallPage | ErrorEnvelope | None:
    """List calls

     One page of the organisation's calls, ordered by time, narrowed by any combination of filters.
    Values of one filter are alternatives; different filters must all hold. To read on, send the
    same filters again with `cursor` set to the `next_cursor` of the page before, until it is null.
    A query parameter that is not listed here is refused with 400.

    Args:
        agent_id (list[UUID] | Unset):
        agent_version (list[str] | Unset):
        status (list[CallStatus] | Unset):
        call_type (list[CallType] | Unset):
        disconnection_reason (list[DisconnectionReason] | Unset):
        call_from (list[str] | Unset):
        call_to (list[str] | Unset):
        customer_id (UUID | Unset):
        campaign_id (str | Unset):
        metadata (list[str] | Unset):
        dynamic_variables (list[str] | Unset):
        duration_ms_min (int | Unset):
        duration_ms_max (int | Unset):
        start_at_after (int | Unset):
        start_at_before (int | Unset):
        sort_order (SortOrder | Unset): The direction of a list by time.
        cursor (str | Unset):
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CallPage | ErrorEnvelope
    """

    return (
        await asyncio_detailed(
            client=client,
            agent_id=agent_id,
            agent_version=agent_version,
            status=status,
            call_type=call_type,
            disconnection_reason=disconnection_reason,
            call_from=call_from,
            call_to=call_to,
            customer_id=customer_id,
            campaign_id=campaign_id,
            metadata=metadata,
            dynamic_variables=dynamic_variables,
            duration_ms_min=duration_ms_min,
            duration_ms_max=duration_ms_max,
            start_at_after=start_at_after,
            start_at_before=start_at_before,
            sort_order=sort_order,
            cursor=cursor,
            limit=limit,
        )
    ).parsed
