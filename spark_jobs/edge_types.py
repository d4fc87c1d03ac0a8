"""From counted pairs, pruning and verdicts to typed edges: which pairs stay, as what, how strong, and on what evidence."""

import math
from collections.abc import Mapping
from functools import reduce
from operator import mul
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from goeswith.catalogue.graph import COMPLEMENT, SUBSTITUTE, TYPE_OF

DIRECTED = "then_bought"
RULES_JUDGE = "rules"
FATE = "fate"
PRUNED, WEAK, DROPPED, MOVED, KEPT = "pruned", "weak", "dropped", "moved", "kept"
PAIR = ("graph", "relation", "src", "dst")
_CODES = {name: code for code, name in enumerate(TYPE_OF)}
_NAMES = {code: name for name, code in _CODES.items()}
EVIDENCE_OF_VERDICT = ("judge", "prompt_hash", "p_type")
SEEN = ("recency", "season_cos", "season_sin")
VERDICT = ("judge", "prompt_hash", "p_substitute", "p_complement", "p_neither")


def add_scores(pairs: DataFrame, scores: DataFrame) -> DataFrame:
    """Add ``pruned``: the pair was scored and its rule dropped it. Pairs that were never scored stay."""
    dropped = scores.where(~F.col("kept")).select(*PAIR, F.lit(True).alias("pruned"))
    return pairs.join(dropped, on=list(PAIR), how="left").fillna(False, ["pruned"])


def add_verdicts(pairs: DataFrame, verdicts: DataFrame) -> DataFrame:
    """Add what the judge of the newest verdict says of the two items; nulls where nobody judged them.

    A judge may have been asked both ways round. What replaces what is symmetric: the mean of both answers stands. What goes with what is not:
    ``p_there`` speaks of src -> dst, ``p_back`` of dst -> src, and the greater one decides about the pair.
    """
    told, forth = F.struct("judged_at", *VERDICT), F.col("src") < F.col("dst")
    ways = (F.max(F.when(forth, told)).alias("forth"), F.max(F.when(~forth, told)).alias("back"))
    by_judge = verdicts.groupBy(*_unordered(), F.col("judge").alias("by")).agg(*ways)
    newest = F.max_by(F.struct("forth", "back"), F.struct(F.greatest("forth.judged_at", "back.judged_at"), "by"))
    judged = by_judge.groupBy("a", "b").agg(newest.alias("v")).select("a", "b", *_both_ways("v.forth", "v.back"))
    joined = pairs.select("*", *_unordered()).join(judged, on=["a", "b"], how="left")
    ways_of = {"p_there": ("forth", "back"), "p_back": ("back", "forth")}
    by_direction = {name: F.when(F.col("src") == F.col("a"), F.col(one)).otherwise(F.col(other)) for name, (one, other) in ways_of.items()}
    return joined.withColumns(by_direction).drop("a", "b", "forth", "back")


def _both_ways(forth: str, back: str) -> list[Column]:
    """Return a verdict's columns from the answers to both questions, of which one may lack; complements by direction, as ``forth`` and ``back``."""
    one, other = ({name: F.coalesce(f"{way}.{name}", f"{rest}.{name}") for name in VERDICT} for way, rest in ((forth, back), (back, forth)))
    later = F.coalesce(F.col(f"{back}.judged_at") > F.col(f"{forth}.judged_at"), F.lit(False))
    mean = {name: (one[name] + other[name]) / 2 for name in ("p_substitute", "p_neither")}
    return [
        one["judge"].alias("judge"),
        F.when(later, other["prompt_hash"]).otherwise(one["prompt_hash"]).alias("prompt_hash"),
        mean["p_substitute"].alias("p_substitute"),
        F.greatest(one["p_complement"], other["p_complement"]).alias("p_complement"),
        mean["p_neither"].alias("p_neither"),
        one["p_complement"].alias("forth"),
        other["p_complement"].alias("back"),
    ]


def _unordered() -> tuple[Column, Column]:
    return F.least("src", "dst").alias("a"), F.greatest("src", "dst").alias("b")


def decide_pairs(pairs: DataFrame, *, min_npmi: float, move_at: float, drop_at: float) -> DataFrame:
    """Add type, strength and ``fate`` of each pair.

    A pair is *pruned* where ``prune_pairs`` says so, *weak* where its items do not meet more often than by chance, *dropped* where the
    verdict is clearly 'neither', *moved* where it is clearly the other type, else *kept*. Graded rules over categories know less
    than a shop that declares an edge: their verdict neither weighs, moves nor drops declared edges. A verdict whose greatest
    chance two answers share decides nothing, whatever the thresholds: its chances become null.
    """
    pairs = _without_undecided(pairs)
    own = _one_of(TYPE_OF, F.col("relation"))
    p_own, p_other = (
        F.when(own == SUBSTITUTE, F.col(a)).otherwise(F.col(b)) for a, b in (("p_substitute", "p_complement"), ("p_complement", "p_substitute"))
    )
    declared = F.col("n").isNull()
    may_change = F.col("judge").isNotNull() & ~(declared & (F.col("judge") == RULES_JUDGE))
    dropped = may_change & (F.col("p_neither") >= drop_at) & (F.col("p_neither") > F.greatest(p_own, p_other))
    moved = may_change & (p_other >= move_at) & (p_other > p_own)
    weak = ~declared & (F.col("npmi") <= min_npmi)
    fate = F.when(F.col("pruned"), PRUNED).when(weak, WEAK).when(dropped, DROPPED).when(moved, MOVED).otherwise(KEPT)
    other = F.when(own == SUBSTITUTE, COMPLEMENT).otherwise(SUBSTITUTE)
    decided = pairs.withColumns({FATE: fate, "declared": declared, "strength": strength()})
    return decided.withColumns(
        {"type": F.when(F.col(FATE) == MOVED, other).otherwise(own), "p_type": F.when(F.col(FATE) == MOVED, p_other).otherwise(p_own)}
    )


def _without_undecided(pairs: DataFrame) -> DataFrame:
    chances = [F.col(name) for name in ("p_substitute", "p_complement", "p_neither")]
    shared = F.size(F.filter(F.array(*chances), lambda chance: chance == F.greatest(*chances))) > 1
    return pairs.withColumns({name: F.when(~shared, F.col(name)) for name in ("p_substitute", "p_complement", "p_neither", "p_there", "p_back")})


def _one_of(choices: Mapping[Any, Any], value: Column) -> Column:
    return F.create_map(*(F.lit(part) for pair in choices.items() for part in pair))[value]


def strength() -> Column:
    """Return a pair's association in (0, 1]: NPMI shrunk by n / (n + 1), for one meeting proves little; 1 for declared edges."""
    counted = F.col("npmi") * F.col("n") / (F.col("n") + 1)
    return F.when(F.col("n").isNull(), F.lit(1.0)).otherwise(F.greatest(F.lit(1e-6), counted))


def seen() -> dict[str, Column]:
    """Return when a pair met: how much of its count is left by decay, and the first harmonic of its months; null where nobody knows.

    Two numbers say of the twelve shares what matters, and can be aggregated by hash.
    """
    angles = [2 * math.pi * (month + 0.5) / 12 for month in range(12)]
    of = {"season_cos": math.cos, "season_sin": math.sin}
    waves = {name: sum((F.get("season", F.lit(m)) * wave(angle) for m, angle in enumerate(angles)), F.lit(0.0)) for name, wave in of.items()}
    return {"recency": F.col("decayed") / F.col("n"), **waves}


def join_edges(decided: DataFrame, unsure: float) -> DataFrame:
    """Return typed, directed edges, one a (graph, type, src, dst), from the pairs that stayed.

    Both directions, but for then_bought, which counts for its own only. Strengths of several relations add up as independent
    reasons, 1 - prod(1 - s); the strongest one gives the evidence. Weight = strength times the verdict's probability, or times ``unsure``
    where no verdict decides; declared edges of which only rules spoke keep their strength.
    """
    one_way = (F.col("relation") == DIRECTED) & (F.col("type") == COMPLEMENT)
    there, back = _way("src", "dst", "p_there"), _way("dst", "src", "p_back")
    ways = F.when(one_way, F.array(there)).otherwise(F.array(there, back))
    stayed = decided.where(F.col(FATE).isin(KEPT, MOVED)).withColumns(seen()).withColumn("way", F.explode(ways)).drop("src", "dst", "p_type")
    directed = stayed.select("*", "way.*", _one_of(_CODES, F.col("relation")).alias("code"))
    # Equal strengths must not fall by chance; codes differ by far less than two different strengths do.
    order = F.col("strength") - F.col("code") * 1e-12
    evidence = [F.max_by(name, order).alias(name) for name in ("code", "n", "npmi", "lift", *SEEN)]
    parts = [F.max(F.when(F.col("code") == code, F.col("strength"))).alias(f"_{name}") for name, code in _CODES.items()]
    rest = [F.bool_and(F.col(FATE) == MOVED).alias("moved"), F.bool_or("declared").alias("declared"), F.max("known_at").alias("known_at")]
    rest.append(F.min("first_seen").alias("first_seen"))
    # One edge has one verdict, so its columns are part of the key: numbers alone are aggregated, which Spark does by hash.
    joined = directed.groupBy("graph", "type", "src", "dst", *EVIDENCE_OF_VERDICT).agg(*evidence, *parts, *rest)
    doubt = reduce(mul, (1 - F.coalesce(F.col(f"_{name}"), F.lit(0.0)) for name in _CODES))
    by_rules = F.col("declared") & (F.coalesce("judge", F.lit("")) == RULES_JUDGE)
    sure = F.when(by_rules, F.lit(1.0)).otherwise(F.coalesce("p_type", F.lit(unsure)))
    told = {"weight": (1 - doubt) * sure, "relation": _one_of(_NAMES, F.col("code"))}
    return joined.withColumns(told).drop("code", *(f"_{name}" for name in _CODES))


def _way(src: str, dst: str, p_complement: str) -> Column:
    """Return an edge's ends, and the verdict's probability of its type: a complement's by direction."""
    p_type = F.when(F.col("type") == COMPLEMENT, F.col(p_complement)).otherwise(F.col("p_type"))
    return F.struct(F.col(src).alias("src"), F.col(dst).alias("dst"), p_type.alias("p_type"))


def choose_types(edges: DataFrame) -> DataFrame:
    """Let counted edges between two items stand in one type only, that of the greater weight; declared ones stand as declared."""
    pair = Window.partitionBy("graph", *_unordered())
    substitute, complement = (F.max(F.when(F.col("type") == kind, F.col("weight"))).over(pair) for kind in (SUBSTITUTE, COMPLEMENT))
    chosen = F.when(F.coalesce(substitute > complement, substitute.isNotNull()), SUBSTITUTE).otherwise(COMPLEMENT)
    return edges.withColumn("chosen", chosen).where(F.col("declared") | (F.col("type") == F.col("chosen"))).drop("chosen", "declared")
