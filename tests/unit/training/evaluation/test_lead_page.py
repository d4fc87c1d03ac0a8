"""What is served, and by how much it leads."""

from goeswith.results import Figure
from training.evaluation.lead_page import lead_markdown, lead_rows
from training.evaluation.pages import figures_markdown


def lead(over: str, value: float, part: str = "all", model: str = "cirp+trees", metric: str = "recall@20") -> Figure:
    low, high = value - 0.125, value + 0.125
    return Figure(task="bundle", data="tiny", slice=part, model=model, metric=f"{metric} over {over}", value=value, low=low, high=high)


def test_only_what_is_served_is_shown_and_only_in_the_main_metric() -> None:
    shown = lead("tfidf", 0.25)
    rest = [lead("tfidf", 0.25, model="cirp"), lead("tfidf", 0.25, metric="ndcg@10"), lead("tfidf", 0.25, part="prune_90")]
    assert lead_rows([*rest, shown]) == [shown]


def test_the_narrowest_lead_comes_first_and_a_loss_is_shown_as_one() -> None:
    table = lead_markdown("tiny", "bundle", [lead("random", 0.5), lead("boosted", -0.25), lead("random", 0.5, part="cold")])
    assert table.splitlines()[3:] == [
        "| model | all | cold |",
        "| --- | --- | --- |",
        "| boosted | -.250 [-.375, -.125] |  |",
        "| random | .500 [.375, .625] | .500 [.375, .625] |",
    ]


def test_rows_that_are_level_stand_by_name() -> None:
    rows = [lead(name, 0.25) for name in "dbca"]
    assert [line[2] for line in lead_markdown("tiny", "bundle", rows).splitlines()[5:]] == ["a", "b", "c", "d"]


def test_a_page_without_leads_has_no_such_table() -> None:
    main = Figure(task="bundle", data="tiny", slice="all", model="cirp", metric="recall@20", value=0.5)
    assert "lead of" not in figures_markdown([main])
    assert "lead of cirp+trees over" in figures_markdown([main, lead("tfidf", 0.25)])
