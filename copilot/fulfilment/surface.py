"""The read surface: the views the copilot reads, described once. The SQL behind them is in views.py."""

from copilot.query import Column, View

ORDER_STATUSES = ("open", "planned", "shipped", "docked", "cancelled")
SHIPMENT_STATUSES = ("in_transit", "delivered", "delayed")
PLAN_STATUSES = ("current", "draft", "superseded")

_CITY = Column("city", "text", "city of the data center", names="city")
_DATACENTER = Column("datacenter", "text", "data center", names="datacenter")
_REGION = Column("region", "text", "region of the data center", names="region")
_SKU = Column("sku", "text", "kind of rack", names="sku")
_CATEGORY = Column("category", "text", "category of the SKU", names="category")
_SUPPLIER = Column("supplier", "text", "supplier", names="supplier")
_WAREHOUSE = Column("warehouse", "text", "warehouse", names="warehouse")
_WAREHOUSE_REGION = Column("region", "text", "region of the warehouse", names="region")
_ORDER = Column("order_id", "text", "order", names="order")
_PLAN = Column("plan_id", "text", "plan", names="plan")
_DUE = Column("due_date", "date", "day it is due")
_SHIPPING = Column("shipping_cost", "float", "US dollars for lanes", unit="USD")
_LATENESS = Column(
    "lateness_cost", "float", "US dollars for docking after the due date, weighted by priority", unit="USD"
)
_EARLY = Column("early_cost", "float", "US dollars for docking before the due date", unit="USD")
_UNMET = Column("racks_unmet", "int", "racks that the plan does not serve", unit="racks")

INVENTORY = View(
    "inventory",
    "stock of a SKU of one supplier in a warehouse",
    (
        _WAREHOUSE,
        _WAREHOUSE_REGION,
        _SKU,
        _CATEGORY,
        _SUPPLIER,
        Column("on_hand", "int", "racks there", unit="racks"),
        Column("reserved", "int", "racks held back (safety stock, other programmes)", unit="racks"),
        Column("available", "int", "racks that can be planned: on_hand - reserved", unit="racks"),
        Column("inbound", "int", "racks on their way in", unit="racks"),
        Column("next_arrival", "date", "day of the next delivery; empty if none"),
    ),
    key=("warehouse", "sku", "supplier"),
)

ORDERS = View(
    "orders",
    "an order of a data center, with its line in the current plan",
    (
        _ORDER,
        _DATACENTER,
        _CITY,
        _REGION,
        _SKU,
        _CATEGORY,
        Column("quantity", "int", "racks ordered", unit="racks"),
        Column("priority", "int", "1 is highest, 3 lowest"),
        Column("status", "text", "open (nothing serves it), planned, then shipped, docked", values=ORDER_STATUSES),
        Column("created_date", "date", "day it was raised"),
        _DUE,
        _UNMET,
        Column("warehouse", "text", "warehouse that serves it", names="warehouse"),
        Column("supplier", "text", "supplier whose racks serve it", names="supplier"),
        Column("ship_date", "date", "day it ships"),
        Column("dock_date", "date", "day it docks"),
        Column("days_late", "int", "days docked after the due date; 0 if on time, empty if not planned", unit="days"),
        _SHIPPING,
        _LATENESS,
        _EARLY,
        Column("total_cost", "float", "US dollars: shipping, lateness, early and unmet cost", unit="USD"),
    ),
    key="order_id",
)

SHIPMENTS = View(
    "shipments",
    "a consignment on the way or arrived",
    (
        Column("shipment_id", "text", "consignment", names="shipment"),
        _ORDER,
        _DATACENTER,
        _CITY,
        _REGION,
        _WAREHOUSE,
        _SUPPLIER,
        _SKU,
        _CATEGORY,
        Column("quantity", "int", "racks", unit="racks"),
        Column("carrier", "text", "who carries it", names="carrier"),
        Column("status", "text", "where it stands", values=SHIPMENT_STATUSES),
        Column("ship_date", "date", "day it left"),
        Column("expected_date", "date", "day it was expected"),
        Column("arrival_date", "date", "day it arrived; empty until delivered"),
        Column("days_late", "int", "days after the expected date, arrived or known", unit="days"),
        Column("cost", "float", "US dollars paid to the carrier", unit="USD"),
    ),
    key="shipment_id",
)

DELIVERIES = View(
    "deliveries",
    "a delivery on its way into a warehouse",
    (
        Column("delivery_id", "text", "delivery", names="delivery"),
        _WAREHOUSE,
        _WAREHOUSE_REGION,
        _SKU,
        _CATEGORY,
        _SUPPLIER,
        Column("quantity", "int", "racks", unit="racks"),
        Column("arrival_date", "date", "day it arrives"),
    ),
    key="delivery_id",
)

APPROVALS = View(
    "approvals",
    "a supplier approved for a data center",
    (_SUPPLIER, _DATACENTER, _CITY, _REGION),
    key=("supplier", "datacenter"),
)

SUPPLIERS = View(
    "suppliers",
    "a supplier",
    (
        _SUPPLIER,
        Column("country", "text", "country of the supplier"),
        Column("region", "text", "region of the supplier", names="region"),
        Column("lead_time_days", "int", "days from ordering to delivery", unit="days"),
        Column("on_time_rate", "float", "part of its deliveries that came on time, 0..1", unit="share"),
        Column("defect_rate", "float", "part of its racks that had a defect, 0..1", unit="share"),
        Column("racks_on_hand", "int", "its racks in all warehouses", unit="racks"),
        Column("racks_inbound", "int", "its racks on their way into all warehouses", unit="racks"),
    ),
    key="supplier",
)

LANES = View(
    "lanes",
    "a route from a warehouse to a data center",
    (
        _WAREHOUSE,
        Column("warehouse_region", "text", "region of the warehouse", names="region"),
        _DATACENTER,
        _CITY,
        _REGION,
        Column("transit_days", "int", "days from ship to dock", unit="days"),
        Column("cost_per_rack", "float", "US dollars", unit="USD"),
        Column("weekly_capacity", "int", "racks a week", unit="racks"),
    ),
    key=("warehouse", "datacenter"),
)

DOCKS = View(
    "docks",
    "a data center's dock in one week",
    (
        _DATACENTER,
        _CITY,
        _REGION,
        Column("week", "date", "Monday of the week"),
        Column("capacity", "int", "racks it can dock that week", unit="racks"),
        Column("booked", "int", "racks of the current plan and of what is under way", unit="racks"),
        Column("free", "int", "racks it can still dock: capacity - booked", unit="racks"),
        Column("utilisation", "float", "booked / capacity", unit="share"),
    ),
    key=("datacenter", "week"),
)

PLANS = View(
    "plans",
    "a plan that was computed",
    (
        _PLAN,
        Column("name", "text", "what it was called"),
        Column("status", "text", "whether it is followed", values=PLAN_STATUSES),
        Column("created_at", "datetime", "when it was computed"),
        Column("total_cost", "float", "US dollars: shipping, lateness, early and unmet cost", unit="USD"),
        _SHIPPING,
        _LATENESS,
        _EARLY,
        Column("unmet_cost", "float", "US dollars for racks not served", unit="USD"),
        Column("orders_planned", "int", "orders it serves", unit="orders"),
        Column("orders_late", "int", "orders it docks late", unit="orders"),
        _UNMET,
        Column("solve_seconds", "float", "how long it took to compute", unit="seconds"),
    ),
    key="plan_id",
)

PLAN_LINES = View(
    "plan_lines",
    "what a plan decides for an order (several lines, if split)",
    (
        _PLAN,
        _ORDER,
        _DATACENTER,
        _REGION,
        _SKU,
        _CATEGORY,
        Column("quantity", "int", "racks of this line", unit="racks"),
        _WAREHOUSE,
        _SUPPLIER,
        Column("ship_date", "date", "day it ships"),
        Column("dock_date", "date", "day it docks"),
        _DUE,
        Column("days_late", "int", "days docked after the due date; 0 if on time", unit="days"),
        _SHIPPING,
        _LATENESS,
        _EARLY,
        Column("total_cost", "float", "US dollars: shipping, lateness and early cost", unit="USD"),
    ),
    key=("plan_id", "order_id"),
)

VIEWS: tuple[View, ...] = (
    INVENTORY,
    ORDERS,
    SHIPMENTS,
    DELIVERIES,
    APPROVALS,
    SUPPLIERS,
    LANES,
    DOCKS,
    PLANS,
    PLAN_LINES,
)
"""The whole read surface; names and columns are the contract of DOMAIN.md, in its order."""
