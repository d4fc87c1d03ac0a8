"""What there is in the synthetic shop's world: categories, what goes with what, and three kinds of style.

An item has three hidden styles. Its *palette* shows in the picture alone, its *occasion* in the texts alone, its *club* (what one
crowd of users buys) in behaviour alone. Each style has ``NUM_STYLES`` values, drawn independently.
"""

from dataclasses import dataclass

NUM_STYLES = 6
RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One category: the words for it, the usual price in EUR, its peak month, and the categories that go with it (one way)."""

    name: str
    department: str
    nouns: tuple[str, ...]
    price: float
    peak_month: int
    goes_with: tuple[str, ...]


def _category(department: str, name: str, nouns: str, price: float, peak_month: int, goes_with: str) -> Category:
    words = tuple(nouns.split(", "))
    return Category(name=name, department=department, nouns=words, price=price, peak_month=peak_month, goes_with=tuple(goes_with.split()))


CATEGORIES: tuple[Category, ...] = (
    _category("sport", "rackets", "racket, tennis racket, racquet", 90, 5, "balls sportbags wristbands"),
    _category("sport", "balls", "ball set, tennis balls, tube of balls", 9, 5, "ballbaskets"),
    _category("sport", "sportbags", "sports bag, kit bag, duffel", 45, 5, "bottles wristbands"),
    _category("sport", "wristbands", "wristband, sweatband, wrist sleeve", 8, 6, "bottles"),
    _category("sport", "ballbaskets", "ball basket, ball hopper, ball carrier", 30, 6, "wristbands"),
    _category("kitchen", "pans", "pan, frying pan, skillet", 40, 11, "spatulas aprons plates"),
    _category("kitchen", "spatulas", "spatula, turner, pan scraper", 9, 11, "potholders"),
    _category("kitchen", "aprons", "apron, cook's pinafore, kitchen smock", 22, 11, "potholders spatulas"),
    _category("kitchen", "plates", "plate, dinner plate, serving dish", 14, 12, "mugs"),
    _category("kitchen", "potholders", "pot holder, oven mitt, heat pad", 7, 12, "plates"),
    _category("fashion", "dresses", "dress, gown, frock", 70, 6, "handbags scarves shoes"),
    _category("fashion", "shoes", "shoes, pumps, loafers", 80, 4, "handbags"),
    _category("fashion", "handbags", "handbag, purse, clutch", 60, 4, "scarves notebooks"),
    _category("fashion", "scarves", "scarf, shawl, wrap", 25, 10, "hats"),
    _category("fashion", "hats", "hat, cap, bonnet", 24, 7, "shoes"),
    _category("office", "lamps", "lamp, desk light, reading lamp", 48, 1, "notebooks pens mugs"),
    _category("office", "notebooks", "notebook, journal, notepad", 11, 9, "pens"),
    _category("office", "pens", "pen, fountain pen, writing pen", 13, 9, "mugs"),
    _category("outdoor", "tents", "tent, canvas shelter, bivouac", 160, 7, "lanterns backpacks bottles"),
    _category("outdoor", "backpacks", "backpack, rucksack, daypack", 75, 7, "bottles lanterns"),
    _category("outdoor", "lanterns", "lantern, camp light, hurricane lamp", 28, 8, "hats"),
    _category("outdoor", "bottles", "bottle, flask, canteen", 19, 7, "lanterns"),
    _category("kitchen", "mugs", "mug, cup, beaker", 12, 12, "potholders"),
)

BRANDS: dict[str, tuple[str, ...]] = {
    "sport": ("Volanta", "Kestrel & Co", "Topspin", "Arvo", "Nordwind", "Baseline"),
    "kitchen": ("Casa Lumo", "Hearth & Hand", "Brasa", "Tindle", "Olla", "Farrow Kitchen"),
    "fashion": ("Mirelle", "Fox & Field", "Odette", "Lark Lane", "Sable", "Quill Street"),
    "office": ("Inkwell", "Paper & Post", "Delta Desk", "Norrbo", "Scriva", "Lumen Works"),
    "outdoor": ("Highmoor", "Pine & Peak", "Talus", "Wayfarer", "Stonebrook", "Ridgeline"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """One picture style: colours that are seen together, and the patterns that usually carry them."""

    name: str
    colours: tuple[RGB, ...]
    patterns: tuple[str, ...]


PATTERNS = ("plain", "stripes", "checks", "dots", "diamonds", "waves")

PALETTES: tuple[Palette, ...] = (
    Palette(name="marine", colours=((28, 52, 120), (96, 170, 222), (240, 244, 248)), patterns=("stripes", "waves")),
    Palette(name="ember", colours=((206, 62, 30), (240, 150, 46), (120, 30, 22)), patterns=("waves", "plain")),
    Palette(name="moss", colours=((52, 100, 50), (142, 156, 74), (98, 70, 42)), patterns=("plain", "dots")),
    Palette(name="graphite", colours=((30, 30, 34), (128, 130, 134), (228, 228, 230)), patterns=("checks", "stripes")),
    Palette(name="sorbet", colours=((244, 150, 184), (156, 224, 196), (250, 226, 132)), patterns=("dots", "diamonds")),
    Palette(name="regal", colours=((96, 44, 136), (204, 164, 62), (118, 24, 66)), patterns=("diamonds", "checks")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """One text style: the ways to say what an item is for, and the materials that it is usually made of."""

    name: str
    phrases: tuple[str, ...]
    materials: tuple[str, ...]


def _occasion(name: str, phrases: str, materials: str) -> Occasion:
    return Occasion(name=name, phrases=tuple(phrases.split(", ")), materials=tuple(materials.split(", ")))


OCCASIONS: tuple[Occasion, ...] = (
    _occasion("beach", "beach days, the seaside, summer at the shore, sand and surf, coastal holidays", "linen, straw, raffia, terry cloth"),
    _occasion("wedding", "weddings, the bridal party, ceremonies, a marriage feast, the big day", "satin, lace, porcelain, silver"),
    _occasion("work", "the office, business meetings, commuting, the working week, professionals", "leather, steel, walnut, aluminium"),
    _occasion("trail", "hiking, the trail, mountain weather, backcountry trips, wilderness treks", "nylon, ripstop, titanium, rubber"),
    _occasion("cosy", "cosy evenings, the fireside, slow winter nights, staying in, a quiet home", "wool, felt, stoneware, oak"),
    _occasion("children", "children, kids' parties, the playroom, school breaks, little ones", "silicone, fleece, bamboo, recycled plastic"),
)

INDEX: dict[str, int] = {category.name: k for k, category in enumerate(CATEGORIES)}
"""Category name -> its number."""
