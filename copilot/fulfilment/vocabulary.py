"""How people write the names of the fulfilment world, and the operator's words for the app's."""

from __future__ import annotations

import re
from collections.abc import Iterable


def sku(name: str) -> Iterable[str]:
    """``GPU-H100`` is said as H100, GPU H100; ``CPU-GEN10`` as gen10, generation 10."""
    _, _, model = name.partition("-")
    if len(model) > 1:
        yield model
    if match := re.fullmatch(r"GEN(\d+)", model):
        yield f"generation {match.group(1)}"


def category(name: str) -> Iterable[str]:
    """Plural and the kit's name: ``GPU`` as GPU racks."""
    yield f"{name}s" if name.isupper() else name


def supplier(name: str) -> Iterable[str]:
    """The first word of a longer name."""
    first, _, rest = name.partition(" ")
    if rest:
        yield first


def numbered(name: str) -> Iterable[str]:
    """``ORD-1042`` as 1042, order 1042; ``SHP-5017`` as 5017, shipment 5017."""
    prefix, _, number = name.partition("-")
    word = {"ORD": "order", "SHP": "shipment", "DLV": "delivery", "PLN": "plan"}.get(prefix, "")
    if len(number) >= 4:
        yield number
    yield f"{word} {number}"
    yield f"{word} number {number}"


def region(name: str) -> Iterable[str]:
    """``Asia Pacific`` as APAC, Asia; ``North America`` as NA, NAM, Americas aside."""
    yield from {
        "Europe": ("EU", "European", "EMEA"),
        "Asia Pacific": ("APAC", "Asia", "Asian", "Asia-Pac"),
        "North America": ("NAM", "NorAm", "North American", "N America"),
        "South America": ("LATAM", "Latin America", "South American", "S America", "SAM"),
    }.get(name, ())


def plan(name: str) -> Iterable[str]:
    """``PLN-3`` as plan 3, draft 3."""
    number = name.partition("-")[2]
    yield f"plan {number}"
    yield f"draft {number}"
    yield f"plan number {number}"


WORDS = {
    "vendor": "supplier",
    "vendors": "supplier",
    "haulier": "carrier",
    "hauliers": "carrier",
    "forwarder": "carrier",
    "forwarders": "carrier",
    "whse": "warehouse",
    "whses": "warehouse",
    "whs": "warehouse",
    "depot": "warehouse",
    "depots": "warehouse",
    "dc": "datacenter",
    "dcs": "datacenter",
    "route": "lane",
    "routes": "lane",
    "freight": "shipping_cost",
    "eta": "expected_date",
    "otd": "on_time_rate",
    "consignment": "shipment",
    "consignments": "shipment",
    "slots": "free",
    "slot": "free",
    "idle": "early_cost",
    "prio": "priority",
}
"""The operator's words for the app's."""
