"""What features speak of: an item, or an ordered pair of items."""

from feast import Entity, ValueType

ITEM = Entity(name="item", join_keys=["item_id"], value_type=ValueType.STRING, description="an item of the shop")
SRC = Entity(name="src_item", join_keys=["src"], value_type=ValueType.STRING, description="the first item of a pair")
DST = Entity(name="dst_item", join_keys=["dst"], value_type=ValueType.STRING, description="the second item of a pair")

ITEM_PAIR = (SRC, DST)
"""Feast allows one join key an entity, so the entity 'item pair' is these two, in this order."""

ENTITIES = (ITEM, SRC, DST)
