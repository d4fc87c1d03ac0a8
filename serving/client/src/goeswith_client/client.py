"""The client: what replaces an item, what goes with it, what completes a bundle, and why."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from goeswith_client import checks
from goeswith_client.answers import Answer, Explanation, Health, Item, RankedItem, Scores, Source, Trial, Type, Versions
from goeswith_client.bundles import Completing, make_bundle
from goeswith_client.chain import Chain
from goeswith_client.choosing import say_left_out
from goeswith_client.config import ClientConfig
from goeswith_client.errors import ClientError, FeaturesUnavailable, FreshnessError, UnknownItem
from goeswith_client.evidence import explain
from goeswith_client.experiments import Experiments, Placed
from goeswith_client.feast_features import FeastFeatures
from goeswith_client.features import Features
from goeswith_client.filters import Filters
from goeswith_client.many import ReadAhead, Result, answer_each
from goeswith_client.new_items import Introducing
from goeswith_client.online_reads import OnlineReads
from goeswith_client.published import PublishedModels
from goeswith_client.ranking import Preference, Ranking, ShopValues
from goeswith_client.rerank import Reranker
from goeswith_client.scores import score_pairs
from goeswith_client.triton import Models, TritonModels

AWAY = "the online store is away: what was read from it before is answered with"


class Wish(NamedTuple):
    """How many answers, what they must be, what is preferred, and the arm of an experiment."""

    k: int
    filters: Filters
    reranker: Reranker | None
    placed: Placed


class Client:
    """Answers over Feast and Triton. Make one, keep it: it holds a channel and, for Feast, seconds of imports.

    Every answer falls down the same chain: precomputed neighbours, the model, what sells best in the category; the answer's
    ``source`` says which, its ``notes`` why not an earlier one. The merchandisers' rules hold for each of them. ``reranker`` puts the
    candidates in order where a question brings no ``ranking`` of its own. Thread-safe.
    """

    def __init__(
        self,
        config: ClientConfig | None = None,
        *,
        features: Features | None = None,
        models: Models | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        self.config = config or ClientConfig()
        self.features = features or _open_features(self.config)
        self.models = models or TritonModels(self.config)
        self._published = PublishedModels(self.config.manifest)
        self._reranker = reranker
        self._values = ShopValues(self.config.values)
        self.experiments = Experiments(self.config.features)

    def __enter__(self) -> Self:
        """Return the client; leaving the block closes it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the client."""
        self.close()

    def close(self) -> None:
        """Close the channel to Triton."""
        if isinstance(self.models, TritonModels):
            self.models.close()

    def item(self, item_id: str) -> Item:
        """Return what the shop says of an item. Raises ``UnknownItem``."""
        return self._known([item_id])[0]

    def substitutes(self, item_id: str, k: int = 10, filters: Filters | None = None, ranking: Preference = None, unit: str = "") -> Answer:
        """Return what can be bought instead of an item. ``unit`` is who asks, for experiments: opaque, hashed and not kept; '' is in none.

        Raises ``UnknownItem``, ``InvalidRequest`` (k), ``FreshnessError``, ``RulesUnavailable``, ``RerankerFailed``, and ``ModelUnavailable``
        where no step has an answer.
        """
        return self._related("substitute", item_id, k, filters, ranking, unit)

    def complements(self, item_id: str, k: int = 10, filters: Filters | None = None, ranking: Preference = None, unit: str = "") -> Answer:
        """Return what goes with an item. Raises as ``substitutes`` does."""
        return self._related("complement", item_id, k, filters, ranking, unit)

    def substitutes_of_each(
        self, item_ids: Sequence[str], k: int = 10, filters: Filters | None = None, ranking: Preference = None, unit: str = ""
    ) -> tuple[Result, ...]:
        """Return for each item, in order, what ``substitutes`` returns, or the error that it raises; features are read in bulk.

        Raises ``InvalidRequest`` (k, no item or too many, what can be no id), ``FreshnessError`` and ``FeaturesUnavailable``.
        """
        return self._related_each("substitute", item_ids, k, filters, ranking, unit)

    def complements_of_each(
        self, item_ids: Sequence[str], k: int = 10, filters: Filters | None = None, ranking: Preference = None, unit: str = ""
    ) -> tuple[Result, ...]:
        """Return for each item, in order, what ``complements`` returns, or the error that it raises. Raises as ``substitutes_of_each`` does."""
        return self._related_each("complement", item_ids, k, filters, ranking, unit)

    def score(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """Return what the model gives ordered pairs in both relations, whatever stands between them.

        Raises ``InvalidRequest``, ``UnknownItem``, and ``ModelUnavailable`` or ``DeadlineExceeded``: nothing else can answer this.
        """
        asked = checks.check_pairs(pairs)
        self._known(list(dict.fromkeys(item for pair in asked for item in pair)))
        found, version, notes = score_pairs(self.models, asked)
        return Scores(pairs=found, versions=self._versions(version), notes=self._noted(notes))

    def bundle(self, item_ids: Sequence[str], k: int = 10, filters: Filters | None = None, ranking: Preference = None, unit: str = "") -> Answer:
        """Return what completes a bundle of given items; without the model, what goes with them one by one.

        Raises as ``substitutes`` does, and ``InvalidRequest`` for no item or too many, or where only sure answers are asked for.
        """
        given = checks.check_given(item_ids)
        wish = self._wish("bundle", k, filters, ranking, unit)
        answer = self._completing(self._known(given), wish.filters, wish.reranker).answer(k, self._versions)
        return answer.model_copy(update={"trial": wish.placed.trial, "notes": self._noted(answer.notes)})

    def make_bundle(self, item_id: str, size: int = 4, budget: float | None = None, filters: Filters | None = None) -> Answer:
        """Return a bundle of ``size`` items with the given one in it: one after another, what completes it best, each of another kind.

        ``budget`` bounds the price of all of them; items without a price cost nobody knows what and stay out then. An answer of fewer
        items says why. Raises as ``bundle`` does.
        """
        checks.check_size(size)
        checks.check_budget(budget)
        self._check_age()
        seed = self._known([item_id])[0]
        answer = make_bundle(self._completing([seed], filters, self._reranker), size, budget, self._versions)
        return answer.model_copy(update={"notes": self._noted(answer.notes)})

    def new_item(
        self,
        *,
        title: str = "",
        description: str = "",
        brand: str = "",
        category: str = "",
        image: bytes | Path | None = None,
        type: Type = "substitute",
        k: int = 10,
    ) -> Answer:
        """Return what replaces, or goes with, an item that the shop does not have yet, from its texts and picture.

        ``category`` is the path joined by ' > '; ``image`` a JPEG or PNG, as bytes or as a file.
        Raises ``InvalidRequest``, and ``ModelUnavailable``: nothing else can answer this.
        """
        checks.check_k(k)
        texts = checks.check_texts(title=title, description=description, brand=brand, category=category)
        picture = checks.check_image(image)
        if not picture and not any(texts.values()):
            raise checks.nothing_given()
        checks.check_type(type)
        rules = self.features.rules()
        asked = Introducing(self.features, self.models, texts, picture, type, k, self._reranker, rules)
        chosen = asked.choose()
        items = asked.explain(chosen)
        source: Source = "content" if items and all(item.basis == "content" for item in items) else "model"
        notes = [*rules.notes, *say_left_out(chosen.left_out)]
        return self._answer((title or "new item",), type, items, source, asked.version, notes)

    def explain(self, a: str, b: str) -> Explanation:
        """Return why two items are related, or that nothing says so. Raises ``UnknownItem``."""
        known = self._known([a, b])
        return explain(self.features, known[0], known[-1], self._versions(None))

    def health(self) -> Health:
        """Return what answers now; never raises."""
        notes: list[str] = []
        try:
            self._check_age()
            notes += self._noted(self.features.rules().notes)
            versions, has_features = self._versions(None), True
        except ClientError as error:
            notes.append(error.what)
            versions, has_features = Versions(), False
        live = self.models.is_live()
        breaker = "open" if self.models.breaker.is_open else "closed"
        return Health(features=has_features, triton=live, models=self.models.ready(), breaker=breaker, versions=versions, notes=tuple(notes))

    def _related(self, kind: Type, item_id: str, k: int, filters: Filters | None, ranking: Preference, unit: str) -> Answer:
        return self._fall_down(self.features, kind, item_id, self._wish(kind, k, filters, ranking, unit))

    def _related_each(
        self, kind: Type, item_ids: Sequence[str], k: int, filters: Filters | None, ranking: Preference, unit: str
    ) -> tuple[Result, ...]:
        wish, asked = self._wish(kind, k, filters, ranking, unit), checks.check_many(item_ids)
        features = ReadAhead(self.features, kind, asked)
        return answer_each(asked, lambda item_id: self._fall_down(features, kind, item_id, wish))

    def _wish(self, kind: str, k: int, filters: Filters | None, ranking: Preference, unit: str) -> Wish:
        """Return what is asked for, with the treatment of the unit's arm where the caller says nothing."""
        checks.check_k(k)
        self._check_age()
        placed = self.experiments.place(kind, checks.check_unit(unit))
        wanted = placed.treatment.fill(checks.check_filters(filters or Filters()))
        return Wish(k, wanted, self._preferred(ranking, placed.treatment.ranking), placed)

    def _fall_down(self, features: Features, kind: Type, item_id: str, wish: Wish) -> Answer:
        """Return what the first step of the chain gives that has enough."""
        rules, known, steps = features.rules(), known_items(features, [item_id])[0], wish.placed.treatment.steps
        chain = Chain(features, self.models, known, kind, wish.k, wish.filters, wish.reranker, rules, steps, [*rules.notes])
        found = chain.answer()
        if found is None and chain.failure:
            raise type(chain.failure)(f"nothing answers for {item_id!r}: {'; '.join(chain.notes)}", chain.failure.remedy)
        items, source, version = (found.items, found.source, found.model_version) if found else ((), "model", None)
        return self._answer((item_id,), kind, items, source, version, chain.notes, wish.placed.trial)

    def _completing(self, given: Sequence[Item], filters: Filters | None, reranker: Reranker | None) -> Completing:
        rules, wanted = self.features.rules(), checks.check_bundle_filters(filters or Filters())
        return Completing(self.features, self.models, given, wanted, reranker, rules, [*rules.notes])

    def _preferred(self, ranking: Preference, treatment: Ranking | None) -> Reranker | None:
        """Return how candidates are put in order: as the question says, else as the unit's arm does, else by the client's own re-ranker."""
        said = treatment if ranking is None or (isinstance(ranking, Ranking) and not ranking.says_something) else ranking
        if said is None:
            return self._reranker
        return said.build(self._values.read) if isinstance(said, Ranking) else said

    def _answer(
        self,
        query: Sequence[str],
        kind: str,
        items: Sequence[RankedItem],
        source: Source,
        version: str | None,
        notes: Sequence[str],
        trial: Trial | None = None,
    ) -> Answer:
        versions, told = self._versions(version), self._noted(notes)
        return Answer(query=tuple(query), type=kind, items=tuple(items), source=source, versions=versions, notes=told, trial=trial)

    def _noted(self, notes: Sequence[str]) -> tuple[str, ...]:
        """Return an answer's notes, with what is wrong with the features now."""
        return (*notes, *([AWAY] if self.features.state().away else []))

    def _known(self, item_ids: Sequence[str]) -> list[Item]:
        return known_items(self.features, item_ids)

    def _check_age(self) -> None:
        """Feast enforces no age online, so this does."""
        age = datetime.now(UTC) - self.features.state().released_at
        if age > self.config.max_age:
            days = age.total_seconds() / 86_400
            raise FreshnessError(f"the features were released {days:.1f} days ago", "publish a new release, or raise max_age")

    def _versions(self, model_version: str | None) -> Versions:
        state = self.features.state()
        age = (datetime.now(UTC) - state.released_at).total_seconds()
        return Versions(release=state.release, model_version=self._published.name(model_version), features_age_s=round(age, 1))


def known_items(features: Features, item_ids: Sequence[str]) -> list[Item]:
    """Return what the shop says of items. Raises ``UnknownItem`` for the first that it does not know, and ``InvalidRequest`` for no id."""
    for item_id in item_ids:
        checks.check_id(item_id)
    known = features.items(item_ids)
    for item_id in item_ids:
        if item_id not in known:
            raise UnknownItem(item_id)
    return [known[item_id] for item_id in item_ids]


def _open_features(config: ClientConfig) -> Features:
    if config.features is None:
        raise FeaturesUnavailable("no feature store was named", "set ClientConfig.features to the folder with feature_store.yaml")
    return FeastFeatures(config.features, OnlineReads(config.features, last_good_s=config.last_good_s))
