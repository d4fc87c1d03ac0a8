"""Tables of the item graph: counted pairs, their scores, verdicts on them, and the typed relations."""

from datetime import timedelta

import pyarrow as pa

from goeswith.catalogue.rules import Between, DegreeDrift, Differ, Drift, OneOf, References, RowCountChange, null_rates, row_counts
from goeswith.catalogue.schema import TIMESTAMP, Layer, Table, Writer, field
from goeswith.catalogue.sources import KNOWN_AT, UPDATED_AT

GRAPHS = ("evaluation", "full")
SUBSTITUTE, COMPLEMENT = RELATION_TYPES = ("substitute", "complement")
LABELS = (*RELATION_TYPES, "neither")
"""What a verdict says of a pair."""
TYPE_OF = {
    "co_view": SUBSTITUTE,
    "bought_instead": SUBSTITUTE,
    "also_viewed": SUBSTITUTE,
    "type_2": SUBSTITUTE,
    "co_purchase": COMPLEMENT,
    "then_bought": COMPLEMENT,
    "same_day": COMPLEMENT,
    "in_window": COMPLEMENT,
    "also_bought": COMPLEMENT,
    "bought_together": COMPLEMENT,
    "type_1": COMPLEMENT,
}
"""What a relation says of its pairs until a judge says otherwise. GATNE's two unnamed types are read as also_bought and also_viewed."""
PAIR_RELATIONS = tuple(TYPE_OF)

GRAPH = field("graph", pa.string(), "'evaluation' leaves the holdout out; 'full' counts everything and is what is published")
SRC = field("src", pa.string(), "from item")
DST = field("dst", pa.string(), "to item")

_ENDS = (
    Differ(left="src", right="dst"),
    References(column="src", table="items", to="item_id"),
    References(column="dst", table="items", to="item_id"),
)

ITEM_NUMBERS = Table(
    name="item_numbers",
    doc="A small integer for each item that was ever counted, for life: the ledger knows items by it.",
    layer=Layer.GRAPH,
    writer=Writer.SPARK,
    owner="graph team",
    key=("item_id",),
    schema=pa.schema([field("item_id", pa.string(), "the item"), field("number", pa.int64(), "1 to 2^27 - 1, scattered")]),
    rules=(Between(column="number", low=1, high=2**27 - 1), RowCountChange(low=1.0, severity="stop")),
)

PAIR_LEDGER = Table(
    name="pair_ledger",
    doc="Signed counts of meetings as sorted blocks, a batch a commit: the sum over all batches is exact after any history of increments.",
    layer=Layer.GRAPH,
    writer=Writer.SPARK,
    owner="graph team",
    key=("kind", "relation", "held", "bucket", "batch", "part"),
    partition_by=("kind",),
    schema=pa.schema(
        [
            field("relation", pa.int32(), "the relation's code in spark_jobs/pairs/relations.py"),
            field("kind", pa.string(), "pair, item (in how many units it stands) or left_out (units that were too large, by size)"),
            field("held", pa.bool_(), "reserved for evaluation: counts in the graph 'full' only"),
            field("bucket", pa.int32(), "first byte of the keys"),
            field("batch", pa.int64(), "0 is the last rebuild; each increment adds one"),
            field("part", pa.int32(), "which part of a block that is too large for one row"),
            field("keys", pa.binary(), "ascending 64-bit keys (spark_jobs/pairs/keys.py), each as the difference to the one before"),
            field("n", pa.binary(), "meetings of each key, integers as narrow as they fit; below zero where they were taken back", unit="units"),
            field("amount", pa.binary(), "what these amount to, as narrow as well: weights in 2^-20ths, or days; empty where all are zero"),
            field("events", pa.int64(), "the version of events that is counted with this batch"),
            field("holdout", pa.int64(), "the version of holdout that is counted with this batch"),
            field("settings", pa.string(), "the job's settings, as JSON: others need a rebuild"),
        ]
    ),
    rules=(OneOf(column="kind", values=("pair", "item", "left_out")), Between(column="bucket", low=0, high=255), Between(column="batch", low=0)),
)

ITEM_PAIRS = Table(
    name="item_pairs",
    doc="How often two items met, per relation, and what follows from it. Undirected relations hold each pair once, src < dst.",
    layer=Layer.GRAPH,
    writer=Writer.SPARK,
    owner="graph team",
    key=("graph", "relation", "src", "dst"),
    partition_by=("graph", "relation"),
    event_time="known_at",
    freshness=timedelta(days=7),
    schema=pa.schema(
        [
            GRAPH,
            field(
                "relation",
                pa.string(),
                "co_purchase, same_day, in_window, co_view; directed: then_bought, bought_instead, declared ones",
            ),
            SRC,
            DST,
            field("n", pa.int64(), "units (baskets, sessions, users) that hold both; null for declared edges", unit="units", null=True),
            field("n_src", pa.int64(), "those that hold src", unit="units", null=True),
            field("n_dst", pa.int64(), "those that hold dst", unit="units", null=True),
            field("n_total", pa.int64(), "all of them", unit="units", null=True),
            field("weighted", pa.float64(), "the same as n, but a unit counts 1 / (its size - 1): each item gives out one in all", null=True),
            field("projection", pa.float64(), "weighted / n_src: where a random walk from src over its baskets leads", null=True),
            field("lag_days", pa.float64(), "mean days between the two purchases", unit="days", null=True),
            field("npmi", pa.float64(), "normalised pointwise mutual information", null=True),
            field("lift", pa.float64(), "n * n_total / (n_src * n_dst)", null=True),
            field("lift_low", pa.float64(), "lower bound of the lift, by Wilson's 95% interval of both conditional shares", null=True),
            field(
                "swing",
                pa.float64(),
                "Swing: how many pairs of users (or baskets) share both and little else; null where it was left out",
                null=True,
            ),
            field("clean", pa.bool_(), "never met in the relation that speaks for the other type (co_view against co_purchase)", null=True),
            field("decayed", pa.float64(), "n, where a meeting counts half a half-life (a year) before the newest event", unit="units", null=True),
            field("season", pa.list_(pa.float32()), "share of the meetings in January, February, ... December", null=True),
            field("first_seen", TIMESTAMP, "beginning of the month of the earliest meeting", null=True),
            field("last_seen", TIMESTAMP, "end of the month of the latest meeting, or the newest event", null=True),
            KNOWN_AT,
            UPDATED_AT,
        ]
    ),
    rules=(
        OneOf(column="graph", values=GRAPHS),
        OneOf(column="relation", values=PAIR_RELATIONS),
        Between(column="n", low=1),
        Between(column="npmi", low=-1.0, high=1.0),
        Between(column="lift", low=0.0),
        Between(column="lift_low", low=0.0),
        *_ENDS,
        *row_counts("graph", "relation"),
        DegreeDrift(by=("graph", "relation"), most=0.25),
    ),
)

PAIR_SCORES = Table(
    name="pair_scores",
    doc="What pruning gave each pair, and whether it was kept (CIRP, section on relation pruning).",
    layer=Layer.GRAPH,
    writer=Writer.TRAINING,
    owner="models team",
    key=("graph", "relation", "src", "dst"),
    partition_by=("graph",),
    schema=pa.schema(
        [
            GRAPH,
            field("relation", pa.string(), "as in item_pairs"),
            SRC,
            DST,
            field("run", pa.string(), "the run that scored it"),
            field("scorer", pa.string(), "lightgcn, spectral, or a control: degree, random; null in older rows", null=True),
            field("score", pa.float32(), "what it gave the pair: e_src . e_dst of LightGCN"),
            field("kept", pa.bool_(), "whether the rule kept it"),
            field("rule", pa.string(), "global or degree"),
            field("rate", pa.float32(), "share of pairs that the rule drops"),
            UPDATED_AT,
        ]
    ),
    rules=(
        OneOf(column="graph", values=GRAPHS),
        OneOf(column="rule", values=("global", "degree", "none")),
        Between(column="rate", low=0.0, high=1.0),
        *_ENDS,
        *row_counts("graph"),
    ),
)

JUDGES = ("rules", "flan-t5", "openai", "distilled", "supervised")
"""Who may say what a pair is; the last two are models of our own (job ``train_judge``)."""

EDGE_VERDICTS = Table(
    name="edge_verdicts",
    doc="The judge's cache: one verdict for a pair, a judge and a prompt, kept also when an item leaves the shop. Content only, so graph-free.",
    layer=Layer.GRAPH,
    writer=Writer.SPARK,
    owner="models team",
    key=("src", "dst", "judge", "prompt_hash"),
    event_time="known_at",
    schema=pa.schema(
        [
            SRC,
            DST,
            field(
                "judge",
                pa.string(),
                "rules, flan-t5 or openai; or a model of ours: distilled (taught by such a judge), supervised (by people)",
            ),
            field("prompt_hash", pa.string(), "sha256 of the prompt (or rule set) version, the model revision and both items' texts"),
            field("p_substitute", pa.float64(), "probability that dst can be bought instead of src"),
            field("p_complement", pa.float64(), "probability that dst goes with src"),
            field("p_neither", pa.float64(), "probability of neither"),
            field("model_revision", pa.string(), "revision of the model, or of the rules"),
            field("reason", pa.string(), "what a rule saw, or the model's label", null=True),
            field("judged_at", TIMESTAMP, "when the verdict was given"),
            field("seconds", pa.float64(), "how long the judge took: a pair's share of its batch, or a request", null=True),
            field("tokens", pa.int64(), "tokens read and written, as the model's tokenizer or the endpoint counts them", null=True),
            field("cost", pa.float64(), "money that the verdict cost, in the currency of the settings' prices", null=True),
            KNOWN_AT,
        ]
    ),
    rules=(
        OneOf(column="judge", values=JUDGES),
        Between(column="p_substitute", low=0.0, high=1.0),
        Between(column="p_complement", low=0.0, high=1.0),
        Between(column="p_neither", low=0.0, high=1.0),
        Differ(left="src", right="dst"),
        RowCountChange(low=0.5),
    ),
)

RELATIONS = Table(
    name="relations",
    doc="The typed, directed graph that training reads, with the evidence of each edge. Substitutes stand in both directions.",
    layer=Layer.GRAPH,
    writer=Writer.SPARK,
    owner="graph team",
    key=("graph", "type", "src", "dst"),
    partition_by=("graph", "type"),
    event_time="known_at",
    freshness=timedelta(days=7),
    schema=pa.schema(
        [
            GRAPH,
            field("type", pa.string(), "substitute or complement"),
            SRC,
            DST,
            field("weight", pa.float64(), "strength in (0, 1]: association times the verdict's probability"),
            field("relation", pa.string(), "the counted or declared relation that it comes from"),
            field("n", pa.int64(), "count of that relation", unit="baskets", null=True),
            field("npmi", pa.float64(), "of that relation", null=True),
            field("lift", pa.float64(), "of that relation", null=True),
            field("first_seen", TIMESTAMP, "beginning of the month in which both met first, in any relation of the type", null=True),
            field(
                "recency", pa.float64(), "decayed / n of that relation: 1 where all meetings are new, .5 where they are a half-life old", null=True
            ),
            field("season_cos", pa.float64(), "mean of cos(2 pi (month - .5) / 12) over the meetings, January being month 1", null=True),
            field("season_sin", pa.float64(), "the same of the sine: both are near 0 where an edge has no season", null=True),
            field("judge", pa.string(), "who judged it; null where nobody did", null=True),
            field("prompt_hash", pa.string(), "which verdict", null=True),
            field("p_type", pa.float64(), "the verdict's probability of this type", null=True),
            field("moved", pa.bool_(), "whether the verdict moved the edge here from the other type"),
            KNOWN_AT,
            UPDATED_AT,
        ]
    ),
    rules=(
        OneOf(column="graph", values=GRAPHS),
        OneOf(column="type", values=RELATION_TYPES),
        Between(column="weight", low=0.0, high=1.0),
        *_ENDS,
        *row_counts("graph", "type"),
        *null_rates("npmi", "p_type"),
        Drift(column="weight", most=0.25),
        DegreeDrift(by=("graph", "type"), most=0.25),
    ),
)
