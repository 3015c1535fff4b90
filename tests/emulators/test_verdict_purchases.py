import ast
import importlib.util
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import emulators.verdict
from emulators.verdict import Purchase, read_purchases


def cdnow(name: str) -> Path:
    found = importlib.util.find_spec("lifetimes")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "datasets" / name


def test_the_sample_holds_6919_purchases_of_2357_customers() -> None:
    purchases = list(read_purchases(cdnow("CDNOW_sample.txt")))
    assert purchases[0] == Purchase(4, Decimal("29.33"))
    assert len(purchases) == 6919
    assert len({purchase.customer_id for purchase in purchases}) == 2357


def test_the_master_holds_69659_purchases_of_23570_customers_and_a_line_of_names() -> None:
    purchases = list(read_purchases(cdnow("CDNOW_master.txt")))
    assert purchases[0] == Purchase(1, Decimal("11.77"))
    assert len(purchases) == 69659
    assert len({purchase.customer_id for purchase in purchases}) == 23570


def test_purchases_get_the_ids_of_the_shops_orders_oldest_first(tmp_path: Path) -> None:
    path = tmp_path / "CDNOW_sample.txt"
    path.write_text(" 00004 0001 19970101  2   29.33\n 00004 0001 19970118  2   29.73\n")
    purchases = list(read_purchases(path, {4: [107, 112]}))
    assert [purchase.order_id for purchase in purchases] == [107, 112]
    with pytest.raises(ValueError, match="Customer 4 has 1 orders in the shop, but more purchases"):
        list(read_purchases(path, {4: [107]}))


def test_a_line_of_another_form_is_refused_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "CDNOW_sample.txt"
    path.write_text(" 00004 0001 19970101  2   29.33\n 00004 0001\n")
    with pytest.raises(ValueError, match=r"Line 2 of .* has 2 fields"):
        list(read_purchases(path))


def test_the_judge_imports_nothing_but_the_standard_library_and_the_ledger() -> None:
    folder = Path(emulators.verdict.__file__).parent
    imported = {
        name
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    foreign = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name for name in foreign if not name.startswith("emulators.verdict")} == {"emulators.ledger"}
