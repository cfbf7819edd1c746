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

EXAMPLES = [
    "Which orders are late, worst first?",
    "How many open orders are there by region?",
    "Free stock of each SKU by warehouse",
    "Which shipments are delayed, and by how many days?",
    "Deliveries arriving in the next 14 days",
    "Dock utilisation next week, fullest first",
    "Which suppliers have an on-time rate under 90%?",
    "The cheapest lanes into Frankfurt",
    "Which suppliers are approved for Singapore?",
    "Share of planned orders that are late, by data center",
    "What if Memphis closes?",
    "What if GPU demand in Europe rises by 20%?",
    "Make a plan without Halden",
    "Compare the current plan with PLN-2",
    "Why is ORD-1042 planned as it is?",
    "Why is ORD-1042 not served from Leipzig?",
    "What are the five tightest bottlenecks?",
    "List the draft plans with their cost",
]
"""Questions that the app answers, one of each kind."""

NEAREST = {
    "forecast": "What if GPU demand in Europe rises by 20%?",
    "predict": "What if GPU demand in Europe rises by 20%?",
    "mail": "Which shipments are delayed, and by how many days?",
    "alert": "Which orders are late, worst first?",
    "notif": "Which orders are late, worst first?",
    "adopt": "Compare the current plan with PLN-2",
    "approv": "Which suppliers are approved for Singapore?",
    "data": "What if Memphis closes?",
    "price": "The cheapest lanes into Frankfurt",
    "staff": "Dock utilisation next week, fullest first",
    "weeks": "What if Memphis closes?",
    "carrier": "Which shipments are delayed, and by how many days?",
    "capacity": "What are the five tightest bottlenecks?",
    "export": "List the draft plans with their cost",
}
"""For a word of what cannot be done, the nearest question that can be answered."""

_MONEY = "cost_difference|extra_per_rack|saves_per_rack|total cost|shipping cost|lateness cost|early cost|unmet cost"

MEASURES = {
    **dict.fromkeys(_MONEY.split("|"), "USD"),
    **dict.fromkeys(["orders late", "orders on time"], "orders"),
    "racks unmet": "racks",
    "new_days_late": "days",
}
"""What the numbers of a task's table are counted in."""

LABELS = {
    "sku": "SKU",
    "datacenter": "Data center",
    "order_id": "Order",
    "shipment_id": "Shipment",
    "delivery_id": "Delivery",
    "plan_id": "Plan",
    "on_time_rate": "On-time rate",
    "created_at": "Created",
}
"""What a column is called where its name alone reads badly."""
