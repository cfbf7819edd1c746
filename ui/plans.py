"""Plans: the current one and the drafts, any two of them side by side, and adopting one, which takes a person."""

from __future__ import annotations

from typing import Any

import streamlit as st

from copilot import Copilot, CopilotError
from ui import answers, tables
from ui.opening import opened
from ui.words import amount, dated, literal, moment

Plan = dict[str, Any]
FIGURES = ("total_cost", "orders_planned", "orders_late", "racks_unmet")


def page() -> None:
    """Draw the plans."""
    copilot = opened()
    st.header("Plans", anchor=False)
    found = copilot.browse("plans")
    plans = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    if not plans:
        st.info("There is no plan yet. Ask for one: “Make a plan”.", icon=":material/route:")
        return
    _current(copilot, plans)
    st.subheader("All plans", anchor=False)
    about = {column.name: column for column in copilot.app.views["plans"].columns}
    tables.show(copilot, found.columns, found.rows, "plans", about)
    _compare(copilot, plans)
    _adopt(copilot, [plan for plan in plans if plan["status"] != "current"])


def _current(copilot: Copilot, plans: list[Plan]) -> None:
    for plan in (plan for plan in plans if plan["status"] == "current"):
        st.markdown(f"**{literal(_called(plan))}** is the current plan. {_adopted(copilot, plan)}")
        with st.container(horizontal=True, gap="medium"):
            for name in FIGURES:
                st.metric(copilot.label(name), amount(plan[name], _unit(copilot, name)), width="content")


def _unit(copilot: Copilot, name: str) -> str:
    return copilot.unit(name) if copilot.unit(name) == "USD" else ""


def _adopted(copilot: Copilot, plan: Plan) -> str:
    for adoption in copilot.adoptions():
        if adoption.plan_id == plan["plan_id"]:
            return f"{literal(adoption.by)} adopted it on {moment(adoption.at)}."
    return ""


def _called(plan: Plan) -> str:
    return f"{plan['plan_id']} “{plan['name']}”"


def _compare(copilot: Copilot, plans: list[Plan]) -> None:
    st.subheader("Side by side", anchor=False)
    if len(plans) < 2:
        st.caption("There is only one plan.")
        return
    names = {plan["plan_id"]: _called(plan) for plan in plans}
    current = next((at for at, plan in enumerate(plans) if plan["status"] == "current"), 0)
    left, right = st.columns(2)
    a = left.selectbox("Before", names, current, format_func=names.__getitem__, key="before")
    others = [plan_id for plan_id in names if plan_id != a]
    b = right.selectbox("After", others, len(others) - 1, format_func=names.__getitem__, key="after")
    if st.button("Compare", type="primary", icon=":material/compare_arrows:"):
        st.session_state["compared"] = (a, b, copilot.run(f'compare("{a}", "{b}")'))
    _side_by_side(copilot, a, b)


def _side_by_side(copilot: Copilot, a: str, b: str) -> None:
    compared = st.session_state.get("compared")
    if compared and compared[:2] == (a, b):
        st.markdown(f"**{literal(dated(compared[2].text))}**")
        answers.result(copilot, compared[2])


def _adopt(copilot: Copilot, plans: list[Plan]) -> None:
    st.subheader("Adopt a plan", anchor=False)
    if not plans:
        st.caption("There is no other plan to adopt.")
        return
    names = {plan["plan_id"]: f"{_called(plan)}, {plan['status']}" for plan in reversed(plans)}
    wanted = st.selectbox("The plan that becomes the current one", names, format_func=names.__getitem__, key="wanted")
    if st.button("Adopt…", icon=":material/task_alt:"):
        _confirm(copilot, wanted, names[wanted])


@st.dialog("Make it the current plan?")
def _confirm(copilot: Copilot, plan_id: str, called: str) -> None:
    confirm(copilot, plan_id, called)


def confirm(copilot: Copilot, plan_id: str, called: str) -> None:
    """Ask for a name and a yes, then make the plan the current one."""
    st.markdown(f"**{literal(called)}** becomes the plan that is followed; the current one is kept as superseded.")
    by = st.text_input("Your name", key="by", help="It is recorded with the time.")
    if st.button("Yes, adopt it", type="primary", disabled=not by.strip()):
        try:
            copilot.adopt(plan_id, by=by.strip())
        except CopilotError as error:
            st.error(str(error))
        else:
            st.session_state.pop("compared", None)
            st.rerun()
