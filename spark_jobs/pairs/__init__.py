"""Who met whom how often: counted in numpy inside Arrow batches, kept in a ledger that only grows, measured when it is published.

``entries`` (which item lies in which unit) -> ``kernel`` (every meeting, one 64-bit key) -> ``ledger`` (sorted blocks of signed counts,
appended) -> ``publish`` (folded, joined with the items' own counts, measured): the table ``item_pairs``.
"""
