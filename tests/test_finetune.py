"""Making training text, training, judging: through the functions that the commands call."""

from __future__ import annotations

import ast
import json
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from copilot import Answer, Copilot
from copilot.errors import DataError
from copilot.fulfilment.app import app
from copilot.model.weights import sha256
from copilot.testing import Scripted
from finetune import evaluate
from finetune.cli import cli, main
from finetune.compose import composed_pairs
from finetune.examples import Example, read, write
from finetune.fill import SLOT
from finetune.report import write_report
from finetune.right import Bench, right
from finetune.significance import chance_of_worse, wilson
from finetune.synthesize import Report, spoken, synthesize

PUBLIC = Path(__file__).parent.parent.parent / "shared" / "questions" / "public.jsonl"
PAIRS = [
    {"q": "what's free of {sku} in {warehouse}?",
     "p": 'inventory.where(sku={sku}, warehouse={warehouse}).sum("available")'},
    {"q": "cap {city} at {n} a week", "p": "clarify({city})"},
    {"q": "how is the weather", "p": "decline()"},
    {"q": "and in {region}?", "p": "orders.where(region={region}).count()",
     "context": [{"q": "how many orders", "p": "orders.count()"}]},
    {"q": "orders by vendor", "p": 'orders.by("vendor").count()'},
]  # fmt: skip


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    path = tmp_path / "voice.jsonl"
    path.write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    return path


@pytest.fixture
def bench(copilot: Copilot) -> Bench:
    return Bench(copilot.world, copilot.database)


# Training text ----------------------------------------------------------------------------------------------------


def test_examples_are_filled_linked_and_checked(voice: Path) -> None:
    report = Report()
    found = list(synthesize(app, spoken([voice]), 8, 1, (), report))
    assert report.dropped["does not pass the type check"] == 8, "a column that is not there"
    assert report.dropped["repeated"] >= 4, "a phrasing without slots has few forms"
    stock = [example for example in found if example.program and example.program.startswith("inventory")]
    assert len({example.program for example in stock}) > 4, "names are drawn anew"
    for example in stock:
        assert example.program and example.program.split('"')[1] in example.links
    unclear = [example for example in found if (example.program or "").startswith('clarify("')]
    cities = [example for example in unclear if example.question.startswith("cap")]
    assert cities and all("city" in f"{e.links}{e.program}" for e in cities)
    assert any(example.context for example in found)


def test_the_same_seed_makes_the_same_text(voice: Path) -> None:
    first, second, other = ([e.question for e in synthesize(app, spoken([voice]), 4, seed)] for seed in (1, 1, 2))
    assert first == second != other


def test_what_comes_near_a_question_to_avoid_is_dropped(voice: Path) -> None:
    report = Report()
    found = list(synthesize(app, spoken([voice]), 2, 1, ["How is the weather?"], report))
    assert report.dropped["too near an evaluation question"] > 0
    assert not [example for example in found if "weather" in example.question]


def test_our_own_question_files_are_kept_away_without_being_named(tmp_path: Path) -> None:
    unseen = read(Path(__file__).parent.parent / "fixtures" / "questions" / "unseen.jsonl")
    asked = next(example.question for example in unseen if example.outcome == "declined")
    (tmp_path / "voices").mkdir()
    pairs = [{"q": asked, "p": "decline()"}, {"q": "how is the weather", "p": "decline()"}]
    (tmp_path / "voices" / "a.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    words = ["synthesize", str(tmp_path / "made.jsonl"), "--voices", str(tmp_path / "voices"), "--composed", "0"]
    main(lambda: cli(words, standalone_mode=False))
    assert {example.question.lower().rstrip("?") for example in read(tmp_path / "made.jsonl")} & {"how is the weather"}
    assert asked not in [example.question for example in read(tmp_path / "made.jsonl")]


def test_composed_questions_are_as_well_formed_as_spoken_ones() -> None:
    report = Report()
    found = list(synthesize(app, composed_pairs(app, 150, 3), 1, 3, (), report))
    assert len(found) > 130, report.bad
    assert "does not pass the type check" not in report.dropped, report.bad
    assert {"queries", "changes"} == set(report.made)
    changes = [example for example in found if (example.program or "").startswith("what_if(")]
    assert max(example.program.count("(") - 1 for example in changes if example.program) > 1, "several at once"


def test_fragments_put_together_speak_of_different_names() -> None:
    pairs = [pair for _, pair in composed_pairs(app, 400, 4)]
    assert all(set(SLOT.findall(pair.p)) <= set(SLOT.findall(pair.q + str(pair.context))) for pair in pairs)


def _changes(program: str) -> list[str]:
    call = ast.parse(program, mode="eval").body
    assert isinstance(call, ast.Call)
    return [ast.unparse(change) for change in call.args]


def test_a_what_if_is_followed_by_a_change_more_one_less_or_another_in_its_place() -> None:
    kinds = Counter[tuple[int, int]]()
    for _, pair in composed_pairs(app, 2_000, 6):
        if pair.context and pair.p.startswith("what_if("):
            before, after = _changes(pair.context[0].p), _changes(pair.p)
            kinds[len(set(after) - set(before)), len(set(before) - set(after))] += 1
            assert [change for change in before if change in after] == [c for c in after if c in before], "their order"
    assert set(kinds) == {(1, 0), (0, 1), (1, 1)}


def test_a_query_is_followed_by_its_best_its_first_and_its_share() -> None:
    pairs = [pair for _, pair in composed_pairs(app, 3_000, 7) if pair.context and not pair.p.startswith("what_if(")]
    added = [(pair.context[0].p, pair.p) for pair in pairs]
    best = [after for before, after in added if re.search(r"\.sort\(\S+\)\.top\(", after) and ".sort(" not in before]
    for program in best:
        (column,) = re.findall(r'\.sort\("-?(\w+)"\)', program)
        assert ".select(" not in program or f'"{column}"' in program.partition(".select(")[2], program
    assert best
    assert [after for before, after in added if re.fullmatch(re.escape(before) + r"\.top\(\{n\d*\}\)", after)]
    assert [after for before, after in added if ".share(" in after and ".count()" in before]


def test_two_figures_are_asked_at_once_and_two_things_compared() -> None:
    programs = [pair.p for _, pair in composed_pairs(app, 3_000, 8) if not pair.context]
    assert [p for p in programs if re.search(r"\.(count|sum|avg)\([^)]*\)\.(count|sum|avg|max)\(", p)]
    compared = [p for p in programs if re.search(r'(\w+)__in=\[[^]]*\][^)]*\)\.by\("\1"\)\.[a-z_]+\([^)]*\)$', p)]
    assert compared
    for program in compared:
        (column,) = re.findall(r'\.by\("(\w+)"\)', program)
        assert len(re.findall(rf"\b{column}(?:__[a-z]+)?=", program)) == 1, "a thing compared is named once"


def test_the_unseen_questions_are_frozen() -> None:
    folder = Path(__file__).parent.parent / "fixtures" / "questions"
    told = re.search(r"[0-9a-f]{64}", (folder / "README.md").read_text())
    assert told and told[0] == sha256(folder / "unseen.jsonl")
    questions = read(folder / "unseen.jsonl")
    assert len(questions) == 333
    assert not [e.id for e in questions if (e.program or "").startswith(("decline(", "clarify(")) and not e.outcome]


def test_a_question_says_where_once_but_else_what_it_likes() -> None:
    wheres = [pair.p for _, pair in composed_pairs(app, 3_000, 5) if pair.p.startswith("orders.where(")]
    assert not [p for p in wheres if "city=" in p and "datacenter=" in p]
    assert [p for p in wheres if "status=" in p and "warehouse=" in p], "a status does not keep a name away"


def test_a_bad_line_of_a_voice_is_told_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"q": "a", "p": "decline()"}\n{"q": "b"}\n')
    with pytest.raises(DataError, match="line 2"):
        list(spoken([path]))


def test_examples_go_to_a_file_and_back(tmp_path: Path) -> None:
    path, examples = (
        tmp_path / "data.jsonl",
        [Example(question="a", program="decline()"), Example(question="b", outcome="empty")],
    )
    write(path, examples)
    assert read(path) == examples
    path.write_text(path.read_text() + "nonsense\n")
    with pytest.raises(DataError, match="line 3"):
        read(path)
    assert read(path, skip_bad=True) == examples


# Judging ----------------------------------------------------------------------------------------------------------


def judged(bench: Bench, copilot: Copilot, gold: Example, program: str) -> str:
    copilot._writer = Scripted({}, otherwise=program)
    answer: Answer = copilot.ask(gold.question)
    return right(gold, answer, [bench])


@pytest.mark.parametrize(("gold", "program", "is_right"), [
    ("orders.count()", "orders.count()", True),
    ("orders.count()", "plans.count()", False),
    ('orders.where(status="open").select("order_id")', 'orders.where(status="open")', True),
    ('orders.where(status="open")', 'orders.where(status="open").select("order_id")', False),
    ('orders.by("region").count()', 'orders.by("region").count().sort("-count")', True),
    ('orders.where(city="Dublin").count()', 'orders.where(datacenter="Dublin").count()', True),
    ('lanes.sort("cost_per_rack").top(3)', 'lanes.sort("-cost_per_rack").top(3)', False),
    ('orders.where(quantity__gt=9999, priority=1).select("order_id")',
     'orders.where(priority=1, quantity__gt=9999).select("order_id", "sku")', True),
    ('orders.where(quantity__gt=9999).select("order_id", "sku")',
     'orders.where(quantity__gt=9999).select("order_id")', False),
    ('orders.where(quantity__gt=9999).select("order_id")', 'orders.where(quantity__gt=9998).select("order_id")', False),
    ("orders.where(quantity__gt=9999)", 'orders.where(quantity__gt=9999).select("order_id")', False),
    ('orders.where(quantity__gt=9999).select("order_id")', "orders.where(quantity__gt=9999)", True),
    ('orders.where(quantity__gt=9999).select("order_id")',
     'late = orders.where(quantity__gt=9999)\nlate.select("order_id")', False),
    ('what_if(close_warehouse("Memphis"))', 'what_if(close_warehouse(warehouse="memphis"))', True),
    ('what_if(close_warehouse("Memphis"))', 'what_if(close_warehouse("Reno"))', False),
    ('what_if(cancel_order("ORD-1001"), scale_demand(5))', 'what_if(scale_demand(5), cancel_order("ORD-1001"))', True),
    ('what_if(cancel_order("ORD-1001"), scale_demand(5))', "what_if(scale_demand(5))", False),
    ("bottlenecks()", "bottlenecks(top=5)", True),
    ("bottlenecks()", "bottlenecks(3)", False),
    ('compare("PLN-1", "PLN-2")', 'compare("pln-2", "current")', True),
    ('explain("ORD-1001")', 'orders.where(order_id="ORD-1001")', False),
    ("orders.count()", "decline()", False),
    ('orders.sum("shipping_cost")', 'number(orders.sum("shipping_cost"))', True),
])  # fmt: skip
def test_when_an_answer_is_right(bench: Bench, copilot: Copilot, gold: str, program: str, is_right: bool) -> None:
    why = judged(bench, copilot, Example(question="q", program=gold, outcome="answered"), program)
    assert (why == "") is is_right, why


def test_another_outcome_is_right_if_it_is_the_same_and_offers_the_choices(bench: Bench, copilot: Copilot) -> None:
    gold = Example(question="q", outcome="clarify", choices=("DUB1", "DUB2"))
    assert judged(bench, copilot, gold, 'clarify("Dublin")') == ""
    assert "lack" in judged(bench, copilot, gold, 'clarify("Ashburn")')
    assert judged(bench, copilot, gold, "decline()") == "declined, where clarify is due"
    either = Example(question="q", outcome="declined", accept=("steered",))
    assert judged(bench, copilot, either, 'unsupported("x")') == ""


def test_a_report_has_the_figures_of_the_contract(bench: Bench, copilot: Copilot) -> None:
    programs = {"a": "orders.count()", "b": "plans.count()", "c": "decline()", "d": 'clarify("plan")', "e": "decline()"}
    golds = [
        Example(question="a", program="orders.count()", family="data"),
        Example(question="b", program="orders.count()", family="data"),
        Example(question="c", outcome="declined", family="decline"),
        Example(question="d", program="plans.count()", family="data"),
        Example(question="e", program="plans.count()", family="data"),
    ]
    copilot._writer = Scripted(programs)
    figures = evaluate.report(evaluate.evaluate(copilot, golds, [bench]), copilot)
    assert (figures["questions"], figures["right"], figures["silently_wrong"]) == (5, 0.4, 0.2)
    assert figures["asked_needlessly"] == 0.2
    assert figures["out_of_scope"] == {"precision": 0.5, "recall": 1.0, "f1": 0.6667}
    assert figures["by_family"]["data"] == {"questions": 4, "right": 0.25}
    assert set(figures["ms"]["stages"]) == {"link", "write", "check", "run", "show"}
    assert {miss["question"] for miss in figures["misses"]} == {"b", "d", "e"}
    assert figures["by_task"]["plans"] == {"questions": 2, "right": 0.0}
    assert figures["intervals"]["right"] == pytest.approx((0.118, 0.769), abs=1e-3)
    assert figures["intervals"]["by_task"]["declined"][1] == 1.0


def test_a_report_is_one_file_with_every_miss(bench: Bench, copilot: Copilot, tmp_path: Path) -> None:
    golds = [
        Example(question="orders <b>late</b>?", program="orders.count()", family="data"),
        Example(question="sing", outcome="declined", family="decline"),
    ]
    copilot._writer = Scripted({"sing": "decline()"}, otherwise="plans.count()")
    path = tmp_path / "report.html"
    write_report(evaluate.report(evaluate.evaluate(copilot, golds, [bench]), copilot), "tiny on golds", path)
    html = path.read_text()
    assert html.count("<svg") == 6 and "1 misses" in html and "50.0%" in html
    assert "orders &lt;b&gt;late&lt;/b&gt;?" in html and "plans.count()" in html and "another meaning" in html
    assert not re.search(r"(src|href)=|@import", html.replace("xlink:href", "")), "it needs nothing beside it"


@pytest.mark.parametrize(("part", "whole", "low", "high"), [
    (0, 0, 0, 1), (0, 10, 0, 0.278), (10, 10, 0.722, 1), (86, 131, 0.572, 0.732),
])  # fmt: skip
def test_wilsons_interval(part: int, whole: int, low: float, high: float) -> None:
    """Checked against published tables."""
    assert wilson(part, whole) == pytest.approx((low, high), abs=1e-3)


@pytest.mark.parametrize(("lost", "won", "chance"), [(0, 0, 1), (5, 0, 1 / 32), (0, 5, 1), (8, 2, 56 / 1024)])
def test_mcnemars_exact_chance(lost: int, won: int, chance: float) -> None:
    assert chance_of_worse(lost, won) == pytest.approx(chance)


def test_every_public_gold_passes_and_agrees_with_its_sql(demo_world: Path, home: Path) -> None:
    if not PUBLIC.exists():
        pytest.skip(f"the question set is not beside this checkout: {PUBLIC}")
    copilot = Copilot(app, database_url=f"sqlite:///{demo_world}", model=Scripted({}))
    assert evaluate.check_gold(read(PUBLIC), Bench(copilot.world, copilot.database)) == []


def test_names_are_drawn_from_far_more_than_the_demo_world() -> None:
    from finetune.drawn import draw

    seen = {name for seed in range(60) for name in draw(app, random.Random(seed)).by_kind["supplier"]}
    assert len(seen) > 300
