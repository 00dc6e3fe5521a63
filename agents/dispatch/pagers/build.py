"""From what the plan says about a destination to the pager that reaches it."""

from __future__ import annotations

from standardwebhooks.webhooks import EmptyWebhookSecretError

from agents.dispatch.config import (
    AcmAt,
    AlertmanagerAt,
    AnyDestination,
    AppriseAt,
    ConsoleAt,
    PagerdutyAt,
    PagingConfig,
    WebhookAt,
)
from agents.dispatch.pagers.acm import Acm
from agents.dispatch.pagers.alertmanager import Alertmanager
from agents.dispatch.pagers.answer import Pager
from agents.dispatch.pagers.console import Console
from agents.dispatch.pagers.notify import Notify
from agents.dispatch.pagers.pagerduty import Pagerduty
from agents.dispatch.pagers.webhook import Webhook
from agents.platform.errors import UserError


def pagers(plan: PagingConfig) -> dict[str, Pager]:
    """Every destination, ready to be used. Raises UserError for what cannot work."""
    return {name: pager(name, at, plan) for name, at in plan.destinations.items()}


def pager(name: str, at: AnyDestination, plan: PagingConfig) -> Pager:
    """The pager of one destination."""
    place = f"dispatch.destinations.{name}"
    match at:
        case ConsoleAt():
            return Console(at)
        case AlertmanagerAt():
            return Alertmanager(at, plan.name)
        case PagerdutyAt():
            return Pagerduty(at)
        case WebhookAt():
            try:
                return Webhook(at)
            except (ValueError, EmptyWebhookSecretError) as error:
                raise UserError(f"{place}.secrets: not base64, as in whsec_...") from error
        case AcmAt():
            return Acm(at)
        case AppriseAt():
            return Notify(at, place)
