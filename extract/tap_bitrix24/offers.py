"""Which optional parts a portal offers to this webhook: asked once, before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterable

from tap_bitrix24 import admission
from tap_bitrix24.batch import MAX_COMMANDS, Listing
from tap_bitrix24.catalogue import Spec
from tap_bitrix24.client import Client, Usage
from tap_bitrix24.errors import PortalError
from tap_bitrix24.portal import Portal
from tap_bitrix24.questions import ask_each


def is_asked(spec: Spec) -> bool:
    """Whether a stream is an optional part that one page tells of."""
    return spec.optional and not spec.owners and spec.paging != "once"


def missing(client: Client, portal: Portal, specs: Iterable[Spec], usage: Usage) -> dict[str, str]:
    """Optional streams that cannot be loaded → why. Streams by owner are told by their owners.

    One request, of one page of each list, where the webhook has the scope.

    Raises:
        PortalError: the portal cannot be asked.
    """
    reasons: dict[str, str] = {}
    asked: dict[str, Spec] = {}
    for spec in specs:
        if not is_asked(spec):
            continue
        try:
            admission.admit(spec, portal)
        except PortalError as error:
            reasons[spec.name] = str(error)
        else:
            asked[spec.name] = spec
    names = list(asked)[:MAX_COMMANDS]
    commands = {name: _first_page(asked[name]) for name in names}
    if commands:
        _, refused = ask_each(client, commands, usage=usage)
        for name, refusal in refused.items():
            reasons[name] = str(admission.judge(asked[name], portal, refusal))
    return reasons


def _first_page(spec: Spec) -> str:
    listing: Listing = spec.found[0].listing if spec.found else spec.variants[0].listing
    return listing.command(*listing.order, (listing.start, listing.uncounted))
