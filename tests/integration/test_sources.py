"""Each source against files in its real format: every line arrives, as it came, and what is missing is said."""

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import DataFrame, SparkSession

from goeswith.errors import ConfigError, SourceUnreadable
from goeswith.profile import Profile
from goeswith.results import read_figures
from spark_jobs.ingest import build_quarantine
from spark_jobs.intake import parse_source, settle_tables
from spark_jobs.robots import Limits
from spark_jobs.sources import RawTables, build_source
from spark_jobs.sources.base import PICTURES
from spark_jobs.sources.reading import read_csv
from spark_jobs.sources.seen import seen_path, write_seen
from training.evaluation.variants import SOURCES

pytestmark = pytest.mark.spark

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there: real data is never copied into the project")


def rows_of(frame: DataFrame | None, *columns: str) -> list[tuple[Any, ...]]:
    assert frame is not None
    return sorted((tuple(row) for row in frame.select(*columns).collect()), key=repr)


def read(spark: SparkSession, profile: Profile, name: str, folder: Path | None, **options: Any) -> RawTables:
    return build_source(name, folder, options, profile).read(spark)


def write(folder: Path, **files: str | bytes) -> Path:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def packed(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.txt.gz").write_bytes(gzip.compress(text.encode()))
    return folder


def test_csv_lines_that_do_not_fit_or_are_not_utf8_are_marked_and_none_is_lost(spark: SparkSession, tmp_path: Path) -> None:
    lines = [b"id,name,price", b'1,"a, ""b""",2', b"2,cut", b"3,x,1,2", b"4,caf\xe9,5", "5,café €,6".encode(), b"6,,"]
    write(tmp_path, t__csv=b"\n".join(lines))
    rows = {row["id"]: row for row in read_csv(spark, tmp_path / "t.csv").collect()}
    assert {key: row["_problem"] for key, row in rows.items()} == {
        "1": None, "2": "row_incomplete", "3": "row_incomplete", "4": "text_not_utf8", "5": None, "6": None,
    }  # fmt: skip
    assert rows["1"]["name"] == 'a, "b"'
    assert rows["4"]["name"] == r"caf\xE9"
    assert rows["5"]["name"] == "café €"
    assert rows["6"]["name"] is None
    assert rows["3"]["_line"] == "3,x,1,2"


def test_a_byte_order_mark_and_carriage_returns_are_no_part_of_the_names(spark: SparkSession, tmp_path: Path) -> None:
    write(tmp_path, t__csv=b"\xef\xbb\xbfid;name\r\n1;x\r\n")
    frame = read_csv(spark, tmp_path / "t.csv", ";")
    assert rows_of(frame, "id", "name", "_problem") == [("1", "x", None)]


def test_an_empty_csv_is_unreadable(spark: SparkSession, tmp_path: Path) -> None:
    write(tmp_path, t__csv="")
    with pytest.raises(SourceUnreadable, match="is empty"):
        read_csv(spark, tmp_path / "t.csv")


FILES = {
    "items": {
        "file": "items.csv",
        "format": "csv",
        "columns": {"item_id": "sku", "title": "name", "image": "photo"},
        "category": ["tree"],
        "category_separator": ">",
        "attributes": ["colour"],
    },
    "events": {"file": "events.jsonl", "format": "jsonl", "columns": {"basket_id": "order", "item_id": "sku", "user_id": "mail"}},
    "images": "photos",
}


@pytest.fixture
def own_files(tmp_path: Path) -> Path:
    write(
        tmp_path,
        mapping__yaml=yaml.safe_dump(FILES),
        items__csv="sku,name,photo,tree,colour,cost\nA,Pan,a/pan.png,Home > Kitchen,red,3\nB,Lid,../up.png,Home,,\n",
    )
    write(tmp_path, events__jsonl='{"order": 7, "sku": "A", "mail": "x@y.z"}\n{"order": 8, "sku": "B", "mail":\n')
    (tmp_path / "photos" / "a").mkdir(parents=True)
    write(tmp_path / "photos" / "a", pan__png=b"png")
    write(tmp_path, up__png=b"outside")
    return tmp_path


def test_the_users_own_files_are_read_by_their_mapping(spark: SparkSession, profile: Profile, own_files: Path) -> None:
    raw = read(spark, profile, "files", own_files)
    items = {row.item_id: row for row in raw.items.collect()}
    assert items["A"].category == ["Home", "Kitchen"]
    assert [(a.name, a.value) for a in items["A"].attributes] == [("colour", "red")]
    assert items["B"].attributes == []
    assert json.loads(items["A"]["_row"])["cost"] == "3"
    assert "price" not in raw.items.columns
    assert raw.bundles is None
    assert build_source("files", own_files, {}, profile).lacks == ("times", "views", "prices", "bundles", "brands")


def test_a_picture_outside_of_the_folder_is_missing(spark: SparkSession, profile: Profile, own_files: Path) -> None:
    pictures = read(spark, profile, "files", own_files).pictures
    assert pictures is not None
    assert pictures.schema.simpleString() == PICTURES.simpleString()
    assert rows_of(pictures, "item_id", "reference", "content") == [("A", "a/pan.png", bytearray(b"png")), ("B", "../up.png", None)]


def test_a_users_id_stands_in_the_row_under_one_name_only(spark: SparkSession, profile: Profile, own_files: Path) -> None:
    events = read(spark, profile, "files", own_files).events
    assert rows_of(events, "basket_id", "item_id", "user_id", "_problem")[0] == ("7", "A", "x@y.z", None)
    assert events is not None
    whole, cut = sorted(events.collect(), key=lambda row: row["_problem"] or "")
    assert cut["_problem"] == "row_incomplete"
    assert json.loads(whole["_row"])["user_id"] == "x@y.z"
    assert whole["_row"].count("x@y.z") == 1


def test_parquet_and_delta_arrive_as_text_with_their_arrays(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    frame = spark.createDataFrame([(1, 2.5, ["Home", "Kitchen"])], "sku int, price double, path array<string>")
    table = {"columns": {"item_id": "sku", "price": "price"}, "category": ["path"]}
    for kind in ("parquet", "delta"):
        frame.write.format(kind).save(str(tmp_path / kind))
        write(tmp_path, mapping__yaml=yaml.safe_dump({"items": {"file": kind, "format": kind} | table}))
        items = read(spark, profile, "files", tmp_path).items
        assert rows_of(items, "item_id", "price", "category", "_problem") == [("1", "2.5", ["Home", "Kitchen"], None)]


@pytest.mark.parametrize("name", ["items.csv.gz", "items.jsonl.gz"])
def test_packed_text_is_read_as_it_is(spark: SparkSession, profile: Profile, tmp_path: Path, name: str) -> None:
    text = "sku,name\n1,Pan\n2\n" if "csv" in name else '{"sku": 1, "name": "Pan"}\n{"sku": 2, "na\n'
    (tmp_path / name).write_bytes(gzip.compress(text.encode()))
    table = {"file": name, "format": name.split(".")[1], "columns": {"item_id": "sku", "title": "name"}}
    write(tmp_path, mapping__yaml=yaml.safe_dump({"items": table}))
    raw = read(spark, profile, "files", tmp_path)
    assert rows_of(raw.items, "title", "_problem") == [("Pan", None), (None, "row_incomplete")]
    assert raw.columns == {"items": dict.fromkeys(("name", "sku"), "text" if "csv" in name else "json")}


def test_a_column_that_a_file_lost_since_it_was_taken_in_is_told_with_all_columns(spark: SparkSession, profile: Profile, own_files: Path) -> None:
    seen = read(spark, profile, "files", own_files).columns
    for table, columns in seen.items():
        write_seen(seen_path(profile, "files", table), columns, {})
    write(own_files, items__csv="sku,name,photo,tree,colour,cost,new\nA,Pan,a/pan.png,Home,red,3,x\n")
    assert read(spark, profile, "files", own_files).columns["items"]["new"] == "text"
    write(own_files, items__csv="sku,title,photo,tree,colour,cost\nA,Pan,a/pan.png,Home,red,3\n")
    with pytest.raises(SourceUnreadable, match=r"'name' \(for title\) is gone") as caught:
        read(spark, profile, "files", own_files)
    assert "- name text" in caught.value.what
    assert "+ title text" in caught.value.what


def test_a_mapped_column_that_the_file_lacks_is_named(spark: SparkSession, profile: Profile, own_files: Path) -> None:
    write(own_files, items__csv="sku,title,photo,tree,colour\nA,Pan,p,Home,red\n")
    with pytest.raises(SourceUnreadable, match=r"items\.csv has no column 'name' \(for title\)") as caught:
        read(spark, profile, "files", own_files)
    assert "sku, title, photo" in caught.value.remedy
    write(own_files, items__csv="sku,name,photo,tree,colour\nA,Pan,p,Home,red\n", events__jsonl='{"order": 7, "item": "A", "mail": "m"}\n')
    with pytest.raises(SourceUnreadable, match=r"events\.jsonl has no column 'sku'"):
        read(spark, profile, "files", own_files)


def test_the_synthetic_shop_lacks_nothing_and_says_its_ceilings(spark: SparkSession, profile: Profile) -> None:
    raw = read(spark, profile, "synthetic", None, size=100, seed=5)
    planted = json.loads((profile.truth / "dirt.json").read_text())
    problems = {row["_problem"]: row["count"] for row in raw.items.groupBy("_problem").count().collect()}
    assert problems["row_incomplete"] == planted["item_row_incomplete"]
    assert problems["text_not_utf8"] == planted["item_text_not_utf8"]
    assert raw.events is not None
    assert raw.events.where("_problem = 'row_incomplete'").count() == 1
    assert raw.pictures is not None
    assert raw.pictures.where("content is null").count() == planted["picture_missing"]
    figures = read_figures(profile, "ceilings")
    assert {figure.seed for figure in figures} == {5}
    assert {figure.model for figure in figures} == {f"oracle-{s}" for s in ("pictures", "texts", "behaviour", "all")}


def make_tar(path: Path, **files: bytes) -> None:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"images/{name}.jpg")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def test_hm_takes_customer_and_day_for_a_basket_and_pictures_out_of_the_tar(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    names = "article_id,prod_name,product_type_name,colour_group_name,index_group_name,detail_desc,product_code,"
    names += "product_group_name,graphical_appearance_name,department_name,index_name,section_name,garment_group_name\n"
    articles = names + '0100,Top,Vest top,Black,Ladieswear,"Soft, thin",010,,,,,,\n0200,Cap,Cap,,Menswear,,020,,Solid,,Men,,\n'
    bought = "t_dat,customer_id,article_id,price,sales_channel_id\n"
    bought += "2020-01-01,c1,0100,0.02,1\n2020-01-01,c1,0200,0.01,1\n2020-01-01,c1,0200,0.01,1\n2020-01-02,c1,0100,0.02,2\n"
    write(tmp_path, articles_named__csv=articles, transactions_train_sample__csv=bought)
    make_tar(tmp_path / "images_short192.tar", **{"0100": b"jpeg" * 300, "0999": b"other"})
    raw = read(spark, profile, "hm", tmp_path)
    assert rows_of(raw.items, "item_id", "variant_of", "category") == [
        ("0100", "010", ["Ladieswear", "Vest top"]),
        ("0200", "020", ["Menswear", "Men", "Cap"]),
    ]
    assert rows_of(raw.events, "basket_id", "item_id", "quantity") == [
        ("c1|2020-01-01", "0100", "1"),
        ("c1|2020-01-01", "0200", "2"),
        ("c1|2020-01-02", "0100", "1"),
    ]
    assert rows_of(raw.pictures, "item_id", "reference", "content") == [("0100", "0100.jpg", bytearray(b"jpeg" * 300)), ("0200", "0200.jpg", None)]


def test_bundlerec_splits_categories_between_names_and_groups_bundles_by_session(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    categories = '1,"[[Clothing, Shoes & Jewelry,Women],[Clothing, Shoes & Jewelry,Novelty, Costumes & More,Hats]]"\n'
    write(
        tmp_path,
        item_titles__csv='item ID,titles\n1,"A hat,\nred"\n2,Scarf\n',
        item_categories__csv=f"item ID,categories\n{categories}",
        session_item__csv="session ID,item ID\n9,1\n9,2\n8,2\n",
        user_session__csv="user ID,session ID,timestamp\n5,9,1404864000\n",
        bundle_item__csv="bundle ID,item ID\n0,1\n0,2\n",
        session_bundle__csv="session ID,bundle ID\n9,0\n",
        bundle_intent__csv="bundle ID,intent\n0,warm head\n",
        user_bundle__csv="user ID,bundle ID,timestamp\n5,0,1404864000\n",
    )
    raw = read(spark, profile, "bundlerec", tmp_path)
    hats = ["Clothing, Shoes & Jewelry", "Novelty, Costumes & More", "Hats"]
    assert rows_of(raw.items, "item_id", "title", "category") == [("1", "A hat,\nred", hats), ("2", "Scarf", None)]
    assert rows_of(raw.events, "basket_id", "item_id", "user_id") == [("8", "2", None), ("9", "1", "5"), ("9", "2", "5")]
    assert rows_of(raw.bundles, "bundle_id", "item_id", "group_id", "title", "known_at")[0] == ("0", "1", "9", "warm head", "1404864000")


TITLED_FILES = {
    "item_titles__csv": 'item ID,titles\n1,"A hat, red"\n2,Scarf\n3,Boots\n',
    "item_categories__csv": 'item ID,categories\n1,"[[Clothing, Shoes & Jewelry,Hats]]"\n',
}
EDGES = "bundlerec_item_id_a,bundlerec_item_id_b,asin_a,asin_b,relation\n"


def test_bundlerec_with_relations_is_the_titled_items_of_their_edges_alone(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    (tmp_path / "clothing").mkdir()
    write(tmp_path / "clothing", **TITLED_FILES)
    write(tmp_path, edges__csv=f"{EDGES}1,2,A,B,also_bought\n2,1,B,A,also_viewed\n")
    raw = read(spark, profile, "bundlerec", tmp_path / "clothing", relations="../edges.csv")
    assert rows_of(raw.items, "item_id", "title", "category") == [
        ("1", "A hat, red", ["Clothing, Shoes & Jewelry", "Hats"]),
        ("2", "Scarf", None),
    ]
    edges = rows_of(raw.declared_relations, "kind", "src", "dst", "_problem")
    assert edges == [("also_bought", "1", "2", None), ("also_viewed", "2", "1", None)]
    assert raw.events is None
    assert raw.bundles is None
    assert {"events", "bundles", "users"} <= set(build_source("bundlerec", tmp_path, {"relations": "../edges.csv"}, profile).lacks)


def test_every_faulty_edge_of_the_titled_join_is_kept_once_or_refused_by_its_rule(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    write(tmp_path, **TITLED_FILES)
    faulty = "1,2,A,B,also_bought\n1,2,A,B,also_bought\n1,99,A,X,also_bought\n3,2\n2,2,B,B,also_viewed\n1,3,A,C,nearby\n"
    write(tmp_path, edges__csv=EDGES + faulty)
    source = build_source("bundlerec", tmp_path, {"relations": "edges.csv"}, profile)
    settled = settle_tables(parse_source(source.read(spark), source.name, profile), Limits())
    account = settled["declared_relations"].account
    assert (account.as_row()["in"], account.kept, account.duplicates) == (6, 1, 1)
    refused = build_quarantine(settled, source.name).where("target = 'declared_relations'")
    assert {rule for (rule,) in rows_of(refused, "rule")} >= {"row_incomplete", "item_unknown", "edge_to_itself"}
    assert refused.count() == 4


def test_bundlerec_names_the_file_of_relations_that_is_missing(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    write(tmp_path, **TITLED_FILES)
    with pytest.raises(SourceUnreadable, match=r"no file .*edges\.csv"):
        read(spark, profile, "bundlerec", tmp_path, relations="edges.csv")
    with pytest.raises(ConfigError, match="relations"):
        build_source("bundlerec", tmp_path, {"edges": "edges.csv"}, profile)


def test_amazon_relations_reads_line_numbers_and_keeps_to_the_products(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    packed(
        tmp_path,
        product="A\nB\nC\n",
        related_product="X\nB\nA\n",
        brand="Prada\nCoty\n",
        brand_p_b="1\n\n0\n",
        category="Beauty\nHair\nNails\n",
        category_p_c="1 0\n0\n0 2\n",
        also_bought_p_p="1 0\n\n2 1\n",
        also_viewed_p_p="\n2\n\n",
        bought_together_p_p="\n\n1\n",
    )
    raw = read(spark, profile, "amazon-relations", tmp_path)
    assert rows_of(raw.items, "item_id", "brand", "category") == [
        ("A", "Coty", ["Beauty", "Hair"]),
        ("B", None, ["Beauty"]),
        ("C", "Prada", ["Beauty", "Nails"]),
    ]
    assert rows_of(raw.declared_relations, "kind", "src", "dst") == [
        ("also_bought", "A", "B"),
        ("also_bought", "C", "A"),
        ("also_bought", "C", "B"),
        ("also_viewed", "B", "A"),
        ("bought_together", "C", "B"),
    ]


def test_amazon_meta_keeps_dirt_duplicates_and_cut_lines(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    product = {"title": "<span", "brand": "A &amp; B", "price": "$9.99", "category": ["Mags"], "description": ["One.", "", "Two."], "feature": []}
    first = product | {"asin": "1", "also_buy": ["2", "77"], "also_view": []}
    second = product | {"asin": "2", "also_buy": [], "also_view": ["1"]}
    lines = [json.dumps(first), json.dumps(second), json.dumps(second), json.dumps(first)[:40]]
    (tmp_path / "meta_Mags.json.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    raw = read(spark, profile, "amazon-meta", tmp_path)
    whole = raw.items.where("_problem is null")
    assert rows_of(whole, "item_id", "brand", "price", "description")[0] == ("1", "A &amp; B", "$9.99", "One. Two.")
    assert rows_of(whole, "item_id") == [("1",), ("2",), ("2",)]
    assert rows_of(raw.items.where("_problem is not null"), "_problem") == [("row_incomplete",)]
    assert set(rows_of(raw.declared_relations, "kind", "src", "dst")) == {("also_bought", "1", "2"), ("also_viewed", "2", "1")}


def test_instacart_names_products_by_department_and_aisle(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    def save(name: str, rows: list[tuple[Any, ...]], schema: str) -> None:
        spark.createDataFrame(rows, schema).toPandas().to_parquet(tmp_path / f"{name}.parquet")

    save("products", [(1, "Tea", 5, 7)], "product_id long, product_name string, aisle_id long, department_id long")
    save("aisles", [(5, "teas")], "aisle_id long, aisle string")
    save("departments", [(7, "drinks")], "department_id long, department string")
    save("order_products__train", [(3, 1, 1, 0)], "order_id long, product_id long, add_to_cart_order long, reordered long")
    raw = read(spark, profile, "instacart", tmp_path)
    assert rows_of(raw.items, "item_id", "title", "category") == [("1", "Tea", ["drinks", "teas"])]
    assert rows_of(raw.events, "basket_id", "item_id", "kind") == [("3", "1", "purchase")]


def test_gatne_gives_ids_and_typed_edges_only(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    write(tmp_path, train__txt="1 10 20\n2 20 30\n1 40\n")
    raw = read(spark, profile, "gatne", tmp_path)
    assert rows_of(raw.items, "item_id") == [("10",), ("20",), ("30",)]
    edges = rows_of(raw.declared_relations, "kind", "src", "dst", "_problem")
    assert edges == [("type_1", "10", "20", None), ("type_1", "40", None, "row_incomplete"), ("type_2", "20", "30", None)]


def test_a_source_says_which_of_its_files_is_missing(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    write(tmp_path, articles_named__csv="article_id,prod_name\n1,x\n")
    with pytest.raises(SourceUnreadable, match="has no column 'detail_desc'"):
        read(spark, profile, "hm", tmp_path)
    with pytest.raises(SourceUnreadable, match=r"train\.txt"):
        read(spark, profile, "gatne", tmp_path)


REAL = [
    ("hm", "hm", {"items": 17_033}),
    ("bundlerec", "bundlerec/clothing", {"items": 4_487, "bundles": 6_326, "events": 6_793}),
    ("bundlerec", "bundlerec/electronic", {"items": 3_499, "bundles": 6_165}),
    ("amazon-relations", "amazon2014_relations/Beauty", {"items": 12_101}),
    ("amazon-meta", "amazon2018_meta", {"items": 3_385}),
    ("instacart", "instacart", {"items": 49_688, "events": 1_384_617}),
    ("gatne", "gatne_amazon", {"declared_relations": 126_535}),
]


@needs_data
@pytest.mark.real_data
@pytest.mark.parametrize(("name", "folder", "counts"), REAL)
def test_the_published_files_are_read_whole_and_without_a_problem(
    spark: SparkSession, profile: Profile, name: str, folder: str, counts: dict[str, int]
) -> None:
    raw = read(spark, profile, name, DATA / folder)
    for table, expected in counts.items():
        frame = getattr(raw, table)
        assert rows_of(frame.groupBy("_problem").count(), "_problem", "count") == [(None, expected)]


@needs_data
@pytest.mark.real_data
def test_the_titled_join_is_read_whole(spark: SparkSession, profile: Profile) -> None:
    titled = SOURCES["clothing-titled"]
    raw = read(spark, profile, titled.kind, DATA / titled.folder, **dict(titled.options))
    assert rows_of(raw.items.groupBy("_problem").count(), "_problem", "count") == [(None, 1_502)]
    assert raw.declared_relations is not None
    assert rows_of(raw.declared_relations.groupBy("_problem").count(), "_problem", "count") == [(None, 8_760)]


@needs_data
@pytest.mark.real_data
def test_hm_has_a_picture_of_every_article_and_no_piece_is_lost(spark: SparkSession, profile: Profile) -> None:
    raw = read(spark, profile, "hm", DATA / "hm")
    assert raw.pictures is not None
    assert raw.events is not None
    assert rows_of(raw.pictures.limit(50).selectExpr("hex(substring(content, 1, 2)) as magic").distinct(), "magic") == [("FFD8",)]
    assert rows_of(raw.events.selectExpr("sum(cast(quantity as int)) as pieces"), "pieces") == [(31_662,)]
