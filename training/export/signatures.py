"""The served models' names and signatures: the one typed spec that every Triton config comes from."""

from dataclasses import dataclass

from goeswith.model_contract import ModelSpec, Step, TensorSpec

RAW_FIELDS = ("title", "description", "brand", "category", "image")
"""An item as a shop gives it; ``category`` is the path with ' > ' between its names, ``image`` the bytes of a JPEG or PNG, '' for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Lengths that come from the recipes: tokens a text, pixels a side, widths of feature and content."""

    tokens: int
    image_px: int
    feature: int
    content: int


def model_specs(sizes: Sizes) -> tuple[ModelSpec, ...]:
    """Return the five models; the ensemble stands last, behind what it is made of."""
    return (_item_preprocess(sizes), _item_encoder(sizes), _relations(sizes), _bundle(), _new_item(sizes))


def _strings(*names: str, optional: bool = False) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name=name, dtype="STRING", dims=(1,), optional=optional) for name in names)


def _k() -> TensorSpec:
    return TensorSpec(name="k", dtype="INT32", dims=(1,))


def _encoded(sizes: Sizes) -> tuple[TensorSpec, ...]:
    return (
        TensorSpec(name="input_ids", dtype="INT64", dims=(sizes.tokens,)),
        TensorSpec(name="attention_mask", dtype="INT64", dims=(sizes.tokens,)),
        TensorSpec(name="pixels", dtype="FP32", dims=(3, sizes.image_px, sizes.image_px)),
        TensorSpec(name="has_text", dtype="UINT8", dims=(1,)),
        TensorSpec(name="has_image", dtype="UINT8", dims=(1,)),
    )


def _ranked(*more: TensorSpec) -> tuple[TensorSpec, ...]:
    ids = TensorSpec(name="item_ids", dtype="STRING", dims=(-1,))
    return (ids, TensorSpec(name="scores", dtype="FP32", dims=(-1,)), *more)


def _basis() -> tuple[TensorSpec, ...]:
    """Return what an answer rests on, and the items that a new one is most similar to."""
    return tuple(TensorSpec(name=name, dtype="STRING", dims=(-1,)) for name in ("source", "similar"))


def _feature(sizes: Sizes) -> TensorSpec:
    return TensorSpec(name="feature", dtype="FP32", dims=(sizes.feature,))


def _content(sizes: Sizes, *, optional: bool = False) -> TensorSpec:
    return TensorSpec(name="content", dtype="FP32", dims=(sizes.content,), optional=optional)


def _item_preprocess(sizes: Sizes) -> ModelSpec:
    texts: dict[str, str | int] = dict.fromkeys(RAW_FIELDS, "")
    warm_up = {**texts, "title": "warm-up"}
    return ModelSpec(name="item_preprocess", platform="python", inputs=_strings(*RAW_FIELDS), outputs=_encoded(sizes), pure=True, warm_up=warm_up)


def _item_encoder(sizes: Sizes) -> ModelSpec:
    warm_up = {"input_ids": 0, "attention_mask": 1, "pixels": 0, "has_text": 1, "has_image": 1}
    outputs = (_feature(sizes), _content(sizes))
    return ModelSpec(name="item_encoder", platform="onnx", inputs=_encoded(sizes), outputs=outputs, pure=True, warm_up=warm_up)


def _relations(sizes: Sizes) -> ModelSpec:
    filters = _strings("category_filter", "brand_filter", optional=True)
    candidates = TensorSpec(name="candidates", dtype="STRING", dims=(-1,), optional=True)
    inputs = (*_strings("item_id", optional=True), _content(sizes, optional=True), *_strings("type"), _k(), *filters, candidates)
    standing = TensorSpec(name="standing", dtype="FP32", dims=(-1,))
    warm_up: dict[str, str | int] = {"content": 0, "type": "substitute", "k": 1}
    return ModelSpec(name="relations", platform="python", inputs=inputs, outputs=_ranked(standing, *_basis()), pure=True, warm_up=warm_up)


def _bundle() -> ModelSpec:
    """It names items in every request, and no item is in every catalogue: there is no request to warm it up with."""
    given = TensorSpec(name="given", dtype="STRING", dims=(-1,))
    return ModelSpec(name="bundle", platform="python", inputs=(given, _k()), outputs=_ranked(), pure=True)


def _new_item(sizes: Sizes) -> ModelSpec:
    encoded = {tensor.name: tensor.name for tensor in _encoded(sizes)}
    steps = (
        Step(model="item_preprocess", inputs={name: name for name in RAW_FIELDS}, outputs=encoded),
        Step(model="item_encoder", inputs=encoded, outputs={"feature": "feature", "content": "content"}),
        Step(
            model="relations",
            inputs={name: name for name in ("content", "type", "k")},
            outputs={name: name for name in ("item_ids", "scores", "source", "similar")},
        ),
    )
    inputs = (*_strings(*RAW_FIELDS, "type"), _k())
    return ModelSpec(name="new_item", platform="ensemble", inputs=inputs, outputs=_ranked(*_basis(), _feature(sizes)), steps=steps)
