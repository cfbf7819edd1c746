"""The fulfilment app: its views, names, tasks and words, handed over as any integrator would."""

from __future__ import annotations

from copilot.app import App
from copilot.fulfilment import store, tasks, vocabulary
from copilot.fulfilment.surface import VIEWS

app = App(
    "fulfilment",
    about="stock, orders, shipments, deliveries, suppliers, lanes, docks and plans of data-center racks",
    words=vocabulary.WORDS,
    nearest=vocabulary.NEAREST,
    examples=vocabulary.EXAMPLES,
    today=store.today,
    adopt=store.adopt,
    adoptions=store.adoptions,
    saves={"what_if": "plan"},
    measures=vocabulary.MEASURES,
    labels=vocabulary.LABELS,
)

for view in VIEWS:
    app.view(view)

app.names("warehouse", "lanes.warehouse", plural="warehouses", narrowed="warehouse_region")
app.names("datacenter", "lanes.datacenter", plural="datacenters", narrowed="region")
app.names("city", "lanes.city", within="datacenter")
app.names("region", "lanes.region", aliases=vocabulary.region)
app.names("sku", "inventory.sku", aliases=vocabulary.sku)
app.names("category", "inventory.category", aliases=vocabulary.category, within="sku")
app.names("supplier", "suppliers.supplier", aliases=vocabulary.supplier)
app.names("carrier", "shipments.carrier", aliases=vocabulary.supplier)
app.names("order", "orders.order_id", parameters=("order_id",), aliases=vocabulary.numbered)
app.names("shipment", "shipments.shipment_id", aliases=vocabulary.numbered)
app.names("delivery", "deliveries.delivery_id", aliases=vocabulary.numbered)
app.names("plan", "plans.plan_id", parameters=("a", "b"), aliases=vocabulary.plan, also=store.plan_names)

for task in tasks.TASKS:
    app.task(task)
