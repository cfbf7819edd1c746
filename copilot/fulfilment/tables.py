"""The base tables of the fulfilment world, normalised.

The copilot never reads these: it reads the views (views.py) that stand on them. Money is in US dollars, quantities in
racks, dates are dates (ISO text on SQLite). A table's name never collides with a view's.
"""

from datetime import date, datetime

from sqlalchemy import JSON, DateTime, ForeignKeyConstraint, Index, MetaData, text
from sqlmodel import Field, SQLModel

SCHEMA_VERSION = 2
"""Raised whenever tables or views change: a database of another version is not read."""


_CURRENT = text("status = 'current'")


class Base(SQLModel):
    """Keeps the fulfilment tables apart from any other SQLModel tables of the process."""

    metadata = MetaData()


class World(Base, table=True):
    """The one row that says a world is complete; it is written last, so a half-built world lacks it.

    `today` is empty in a real database, which uses the real date.
    """

    __tablename__ = "world"
    id: int = Field(default=1, primary_key=True)
    schema_version: int
    size: str
    seed: int
    today: date | None = None


class Rate(Base, table=True):
    """What a rack costs: `late_1` to `late_3` and `early` a day, `unmet` once."""

    __tablename__ = "rate"
    name: str = Field(primary_key=True)
    usd: float


class Warehouse(Base, table=True):
    """Where suppliers deliver racks, and data centers are served from."""

    __tablename__ = "warehouse"
    name: str = Field(primary_key=True)
    region: str


class Datacenter(Base, table=True):
    """Where racks are ordered and docked."""

    __tablename__ = "datacenter"
    name: str = Field(primary_key=True)
    city: str
    region: str


class Supplier(Base, table=True):
    """Who delivers racks; rates are 0..1."""

    __tablename__ = "supplier"
    name: str = Field(primary_key=True)
    country: str
    region: str
    lead_time_days: int
    on_time_rate: float
    defect_rate: float


class Sku(Base, table=True):
    """A kind of rack."""

    __tablename__ = "sku"
    name: str = Field(primary_key=True)
    category: str


class Stock(Base, table=True):
    """Racks of a SKU of one supplier in a warehouse; `reserved` of them are held back."""

    __tablename__ = "stock"
    warehouse: str = Field(primary_key=True, foreign_key="warehouse.name")
    supplier: str = Field(primary_key=True, foreign_key="supplier.name")
    sku: str = Field(primary_key=True, foreign_key="sku.name")
    on_hand: int
    reserved: int = 0


class Delivery(Base, table=True):
    """Racks on their way into a warehouse. A stock row, if only of none, is there before its first delivery."""

    __tablename__ = "delivery"
    __table_args__ = (
        ForeignKeyConstraint(["warehouse", "supplier", "sku"], ["stock.warehouse", "stock.supplier", "stock.sku"]),
    )
    delivery_id: str = Field(primary_key=True)
    warehouse: str
    supplier: str
    sku: str
    quantity: int
    arrival_date: date


class Approval(Base, table=True):
    """A supplier approved for a data center."""

    __tablename__ = "approval"
    supplier: str = Field(primary_key=True, foreign_key="supplier.name")
    datacenter: str = Field(primary_key=True, foreign_key="datacenter.name")


class Lane(Base, table=True):
    """A route; capacity is in racks a week."""

    __tablename__ = "lane"
    warehouse: str = Field(primary_key=True, foreign_key="warehouse.name")
    datacenter: str = Field(primary_key=True, foreign_key="datacenter.name")
    transit_days: int
    cost_per_rack: float
    weekly_capacity: int


class DockCapacity(Base, table=True):
    """What a data center can dock in the week from a Monday, in racks."""

    __tablename__ = "dock_capacity"
    datacenter: str = Field(primary_key=True, foreign_key="datacenter.name")
    week: date = Field(primary_key=True)
    capacity: int


class CustomerOrder(Base, table=True):
    """An order of a data center. Status: open, shipped, docked or cancelled.

    Whether an open order is planned follows from the current plan and is never stored. The figures below the due date
    are those of a shipped or docked order, which is in no plan any more.
    """

    __tablename__ = "customer_order"
    order_id: str = Field(primary_key=True)
    datacenter: str = Field(foreign_key="datacenter.name", index=True)
    sku: str = Field(foreign_key="sku.name", index=True)
    quantity: int
    priority: int
    status: str = Field(index=True)
    created_date: date
    due_date: date
    warehouse: str | None = Field(default=None, foreign_key="warehouse.name")
    supplier: str | None = Field(default=None, foreign_key="supplier.name")
    ship_date: date | None = None
    dock_date: date | None = None
    days_late: int | None = None
    shipping_cost: float | None = None
    lateness_cost: float | None = None
    early_cost: float | None = None


class Consignment(Base, table=True):
    """Racks on the way to a data center, or arrived. Status: in_transit, delivered or delayed.

    `days_late` is what it arrived, or is known to arrive, after the expected date.
    """

    __tablename__ = "consignment"
    shipment_id: str = Field(primary_key=True)
    order_id: str = Field(foreign_key="customer_order.order_id", index=True)
    warehouse: str = Field(foreign_key="warehouse.name")
    supplier: str = Field(foreign_key="supplier.name")
    carrier: str
    quantity: int
    status: str
    ship_date: date
    expected_date: date
    arrival_date: date | None = None
    days_late: int = 0
    cost: float


class Plan(Base, table=True):
    """A plan that was computed. Status: current (one), draft or superseded; `basis` is what it was made on."""

    __tablename__ = "plan"
    __table_args__ = (
        Index("plan_one_current", "status", unique=True, sqlite_where=_CURRENT, postgresql_where=_CURRENT),
    )
    plan_id: str = Field(primary_key=True)
    name: str
    status: str = Field(index=True)
    created_at: datetime = Field(sa_type=DateTime)
    shipping_cost: float
    lateness_cost: float
    early_cost: float
    unmet_cost: float
    orders_planned: int
    orders_late: int
    racks_unmet: int
    solve_seconds: float
    basis: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    adopted_by: str | None = None
    adopted_at: datetime | None = Field(default=None, sa_type=DateTime)


class PlanLine(Base, table=True):
    """What a plan decides for an order, once for each lot and week that serves it.

    Data center, SKU and due date are those of the plan's own scenario, which may hold orders that the book does not.
    """

    __tablename__ = "plan_line"
    plan_id: str = Field(primary_key=True, foreign_key="plan.plan_id")
    line: int = Field(primary_key=True)
    order_id: str
    datacenter: str = Field(foreign_key="datacenter.name")
    sku: str = Field(foreign_key="sku.name")
    due_date: date
    lot_id: str
    warehouse: str = Field(foreign_key="warehouse.name")
    supplier: str = Field(foreign_key="supplier.name")
    quantity: int
    ship_date: date
    dock_date: date
    days_late: int
    shipping_cost: float
    lateness_cost: float
    early_cost: float


class PlanOrder(Base, table=True):
    """What a plan's lines for an order come to: racks and costs summed, the rest of the line that docks last.

    It follows from the lines and is written with them: to work it out in every question would take most of its time.
    """

    __tablename__ = "plan_order"
    plan_id: str = Field(primary_key=True, foreign_key="plan.plan_id")
    order_id: str = Field(primary_key=True)
    warehouse: str = Field(foreign_key="warehouse.name")
    supplier: str = Field(foreign_key="supplier.name")
    ship_date: date
    dock_date: date
    days_late: int
    quantity: int
    shipping_cost: float
    lateness_cost: float
    early_cost: float
