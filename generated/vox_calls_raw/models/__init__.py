"""Contains all the data models used in inputs/outputs"""

from .call import Call
from .call_agent import CallAgent
from .call_analysis import CallAnalysis
from .call_cost import CallCost
from .call_dynamic_variables import CallDynamicVariables
from .call_metadata import CallMetadata
from .call_page import CallPage
from .call_status import CallStatus
from .call_type import CallType
from .custom_analysis_item import CustomAnalysisItem
from .disconnection_reason import DisconnectionReason
from .error_body import ErrorBody
from .error_details import ErrorDetails
from .error_envelope import ErrorEnvelope
from .sort_order import SortOrder

__all__ = (
    "Call",
    "CallAgent",
    "CallAnalysis",
    "CallCost",
    "CallDynamicVariables",
    "CallMetadata",
    "CallPage",
    "CallStatus",
    "CallType",
    "CustomAnalysisItem",
    "DisconnectionReason",
    "ErrorBody",
    "ErrorDetails",
    "ErrorEnvelope",
    "SortOrder",
)
