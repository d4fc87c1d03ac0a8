"""What a training of CIRP was given, and what came of it: figures for its folder, for the tables and for whoever asks why nothing was learned."""

from dataclasses import asdict
from typing import Any

from training.cirp.inputs import ItemInputs
from training.cirp.maps import MapChoice, seconds_of
from training.cirp.neighbours import ItemGraph
from training.dataset import TrainingSet
from training.trainer.checkpoint import fingerprint
from training.trainer.loop import Row


def describe_data(training: TrainingSet) -> dict[str, str]:
    """Return what of the training set decides the result."""
    items, pairs = training.items, training.pairs
    arrays = (pairs.src, pairs.dst, pairs.weights)
    return {
        "items": fingerprint({"ids": items.ids, "texts": items.texts(), "images": items.images}),
        "pairs": fingerprint({"arrays": [a.tolist() for a in arrays], "relations": pairs.relations.tolist()}),
    }


def summarise(training: TrainingSet, inputs: ItemInputs, graph: ItemGraph, curve: list[Row], maps: MapChoice | None) -> dict[str, Any]:
    """Return figures about what was trained on what, and what the source lacked."""
    there = inputs.modalities
    counts = {
        "items": len(training.items),
        "edges": len(graph.edges),
        "held_out_edges": len(graph.held),
        **{f"with_{name}": n for name, n in there.items()},
    }
    best = max((row["score"] for row in curve if "score" in row), default=None)
    updates = int(curve[-1]["items"]) if curve else 0
    seconds = round(seconds_of(curve) + (maps.seconds if maps else 0.0), 1)
    done = {"epochs": len(curve), "item_updates": updates, "train_s": seconds, "validation_mrr": best}
    chosen = {"maps": asdict(maps)} if maps else {}
    return {"graph": training.graph, **counts, **done, **chosen, "notes": _notes(there, graph)}


def _notes(there: dict[str, int], graph: ItemGraph) -> list[str]:
    notes = [
        f"no item has {'a text' if name == 'text' else 'a picture'}: CIC is {'intra-modal only' if any(there.values()) else 'empty'}, ITC is empty"
        for name, n in there.items()
        if not n
    ]
    if not len(graph.edges):
        notes.append("no items were bought together: ITC only, no relation is learned")
    return notes
