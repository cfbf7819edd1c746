"""Names drawn to train for fulfilment: worlds far more varied than any one database, so that a model never recalls."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from copilot.app import App
from copilot.names import Names

CITIES = """Aachen Aberdeen Accra Adelaide Ahmedabad Amsterdam Ankara Antwerp Arlington Ashburn Athens Atlanta Auckland
Austin Baltimore Bangalore Bangkok Barcelona Bari Basel Belgrade Bergen Berlin Bilbao Bogota Bologna Boston Brisbane
Bristol Brno Brussels Bucharest Budapest Busan Cairo Calgary Cardiff Cebu Charlotte Chennai Chicago Chiba Cincinnati
Cologne Colombo Columbus Copenhagen Cork Curitiba Dallas Delhi Denver Detroit Dortmund Dresden Dubai Dublin Durban
Edinburgh Edmonton Essen Fortaleza Frankfurt Fresno Fukuoka Gdansk Geneva Genoa Ghent Glasgow Gothenburg Graz
Guadalajara Halifax Hamburg Hanoi Helsinki Houston Hyderabad Incheon Indianapolis Istanbul Izmir Jakarta Jaipur Kansas
Karachi Katowice Kobe Kolkata Krakow Lagos Leeds Leipzig Lille Lima Linz Lisbon Liverpool Ljubljana Lodz London
Louisville Lyon Madrid Malaga Malmo Manaus Manchester Manila Marseille Medellin Melbourne Memphis Miami Milan
Milwaukee Minsk Monterrey Montreal Mumbai Munich Nagoya Nairobi Naples Nantes Nashville Newark Nice Norfolk Nuremberg
Oakland Odense Omaha Osaka Oslo Ottawa Palermo Paris Penang Perth Phoenix Pittsburgh Porto Portland Poznan Prague Pune
Quebec Quito Recife Reno Richmond Riga Rotterdam Sacramento Salvador Santiago Santos Sapporo Savannah Seattle Seville
Shenzhen Singapore Sofia Stavanger Stockholm Stuttgart Surabaya Sydney Szczecin Taipei Tallinn Tampa Tampere Tokyo
Toledo Toronto Toulouse Trieste Tucson Tulsa Turin Utrecht Valencia Vancouver Venice Vienna Vilnius Warsaw Winnipeg
Wroclaw Yokohama Zagreb Zaragoza Zurich""".split()
REGIONS = ("Europe", "Asia Pacific", "North America", "South America")
OTHER_REGIONS = ("Middle East", "Africa", "Nordics", "Central Europe", "Oceania", "Southeast Asia", "India", "Iberia")
CATEGORIES = ("GPU", "Compute", "Storage", "Network", "Memory", "FPGA")
MODELS: dict[str, tuple[str, Sequence[str]]] = {
    "GPU": ("GPU", "H100 B200 A100 L40 MI300 H200 B300 V100 GH200 L4 T4 A30".split()),
    "Compute": ("CPU", "GEN7 GEN8 GEN9 GEN10 GEN11 GEN12 EPYC XEON ARM64".split()),
    "Storage": ("STO", "HDD NVME SSD TAPE QLC ZNS SAS".split()),
    "Network": ("NET", "T1 T2 T3 SPINE LEAF EDGE".split()),
    "Memory": ("MEM", "XL XXL CXL HBM DDR5".split()),
    "FPGA": ("FPGA", "A1 A2 V7 S10 X3".split()),
}
HEADS = """
Alder Amber Argon Ash Aster Atlas Axiom Bay Birch Black Blue Bolt Bright Brook Canyon Cedar Clear Cobalt Copper Cor
Crest Crown Delta Drift Eagle East Ember Ever Falcon Fern Ferro Field Flint Fox Frost Glacier Gran Gray Green Grey
Hal Harbor Hawk Hazel High Iron Ivory Jade Kest Lake Lark Linden Lumen Luna Maple Mar Meri Mid Mist Moor Nord North
Nova Oak Onyx Opal Orion Pace Pine Polar Prim Quartz Quill Raven Red Ridge River Rock Rowan Sable Sage Silver Sky
Slate Sol South Spruce Star Steel Stone Storm Summit Swift Tal Tern Thorn Tide Timber Titan Umber Val Vega Vel Vesta
Vista West Whit Wild Wind Winter Wolf Zen Zephyr
""".split()
TAILS = """tech rack vane form gate via line core ware works field stream bridge ford point mark wave forge grid den
dale mont nix tron flow sys haven land burg wick stead""".split()
ENDS = ("Systems", "Compute", "Racks", "Industries", "Technologies", "Hardware", "Electronics", "Group")
HAULERS = ("Freight", "Cargo", "Lines", "Air", "Logistics", "Express", "Shipping", "Transport", "Haulage")
DEMO = {
    "warehouse": "Rotterdam Gdansk Leipzig Busan Chennai Penang Memphis Reno Toronto Santos".split(),
    "supplier": "Aldertech Brightrack Corvane Deltaform Eastgate_Systems Ferrovia Glacier_Compute Halden".split(),
    "carrier": "Baltic_Freight Meridian_Cargo Pacifica_Lines Skylane_Air".split(),
    "sku": "GPU-H100 GPU-B200 CPU-GEN9 CPU-GEN10 STO-HDD STO-NVME NET-T1 NET-T2 MEM-XL FPGA-A1".split(),
    "datacenter": """AMS1 DUB1 DUB2 FRA1 WAW1 SIN1 TYO1 SYD1 PNQ1 IAD1 IAD2 DFW1 SEA1 YYZ1 GRU1 SCL1""".split(),
}
DEMO_CITIES = {
    "Amsterdam": ("AMS1",), "Dublin": ("DUB1", "DUB2"), "Frankfurt": ("FRA1",), "Warsaw": ("WAW1",),
    "Singapore": ("SIN1",), "Tokyo": ("TYO1",), "Sydney": ("SYD1",), "Pune": ("PNQ1",), "Ashburn": ("IAD1", "IAD2"),
    "Dallas": ("DFW1",), "Seattle": ("SEA1",), "Toronto": ("YYZ1",), "Sao Paulo": ("GRU1",), "Santiago": ("SCL1",),
}  # fmt: skip


UNKNOWABLE = ("supplier", "warehouse", "sku", "carrier", "datacenter", "city")
"""Kinds of which people name one that there is not."""
KINDS = {*UNKNOWABLE, "region", "category", "order", "shipment", "delivery", "plan"}


def draws(app: App) -> bool:
    """Whether an app's kinds of names are those drawn here."""
    return app.kinds.keys() == KINDS


def draw(app: App, rng: random.Random, demo: bool = False) -> Names:
    """The names of a drawn fulfilment world, or of the demo world; for an app that `draws` accepts."""
    cities = rng.sample(CITIES, 24)
    members = dict(DEMO_CITIES) if demo else _datacenters(rng, cities[10:22])
    by_kind = {
        "warehouse": DEMO["warehouse"] if demo else [*cities[:9], cities[10]],
        "datacenter": [code for codes in members.values() for code in codes],
        "city": list(members),
        "region": list(REGIONS) if demo or rng.random() < 0.6 else rng.sample((*REGIONS, *OTHER_REGIONS), 4),
        "sku": DEMO["sku"] if demo else _skus(rng),
        "category": list(CATEGORIES),
        "supplier": _spaced(DEMO["supplier"]) if demo else _several(rng, 8, _supplier),
        "carrier": _spaced(DEMO["carrier"]) if demo else _several(rng, 4, _carrier),
        "order": [f"ORD-{n}" for n in range(1001, 1401)],
        "shipment": [f"SHP-{n}" for n in range(5001, 5201)],
        "delivery": [f"DLV-{n}" for n in range(1, 61)],
        "plan": [f"PLN-{n}" for n in range(1, 8)],
    }
    groups = {"city": members, "category": _by_category(by_kind["sku"])}
    by_name = {kind: tuple(names) for kind, names in by_kind.items()}
    return Names(by_name, groups, dict(app.kinds), {"plan": {"current": "PLN-1"}})


def _datacenters(rng: random.Random, cities: Sequence[str]) -> dict[str, tuple[str, ...]]:
    members: dict[str, tuple[str, ...]] = {}
    for at, city in enumerate(cities):
        code = city[:3].upper() if rng.random() < 0.5 else city[0].upper() + "".join(rng.sample(city[1:].upper(), 2))
        taken = {c[:3] for codes in members.values() for c in codes}
        code = code if code not in taken else code[:2] + "X"
        members[city] = tuple(f"{code}{n}" for n in range(1, 3 if at < 2 else 2))
    return members


def _skus(rng: random.Random) -> list[str]:
    chosen = []
    for prefix, models in MODELS.values():
        count = 2 if prefix in ("GPU", "CPU") else rng.choice((1, 2, 2))
        chosen += [f"{prefix}-{model}" for model in rng.sample(list(models), count)]
    return chosen


def _by_category(skus: Sequence[str]) -> dict[str, tuple[str, ...]]:
    return {
        category: tuple(sku for sku in skus if sku.startswith(f"{prefix}-")) for category, (prefix, _) in MODELS.items()
    }


def _supplier(rng: random.Random) -> str:
    name = rng.choice(HEADS) + rng.choice(TAILS)
    return f"{rng.choice(HEADS)} {rng.choice(ENDS)}" if rng.random() < 0.3 else name


def _carrier(rng: random.Random) -> str:
    return f"{rng.choice(HEADS)}{rng.choice(('', 'ic', 'ia', 'line'))} {rng.choice(HAULERS)}"


def _several(rng: random.Random, count: int, make: Callable[[random.Random], str]) -> list[str]:
    names: dict[str, None] = {}
    while len(names) < count:
        names[make(rng)] = None
    return list(names)


def _spaced(names: Sequence[str]) -> list[str]:
    return [name.replace("_", " ") for name in names]
