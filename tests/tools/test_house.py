import xml.etree.ElementTree as ElementTree

from tools import house

SVG = "{http://www.w3.org/2000/svg}"


def test_the_committed_picture_shows_the_imports():
    assert house.main(["--check"]) == 0


def test_another_picture_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(house, "ROOT", tmp_path)
    monkeypatch.setattr(house, "PICTURE", tmp_path / "house.svg")
    assert house.main(["--check"]) == 1
    assert "house.svg is not what the imports are" in capsys.readouterr().err
    assert house.main([]) == 0
    assert house.main(["--check"]) == 0


def test_each_name_has_a_box_and_no_text_leaves_its_own():
    picture = ElementTree.fromstring(house.picture())
    names = [text for text in picture.iter(f"{SVG}text") if text.get("class") == "name"]
    boxes = [box for box in picture.iter(f"{SVG}rect") if "box" in box.get("class")]
    rows = (*house.LAYERS, *house.FLOORS)
    assert sorted(text.text for text in names) == sorted(name for row in rows for name in row)
    for text, box in zip(names, boxes, strict=True):
        left, width = float(box.get("x")), float(box.get("width"))
        assert len(text.text) * house.LETTER < width
        assert float(text.get("x")) == left + width / 2
        assert left + width <= house.WIDTH - house.MARGIN
    for text in picture.iter(f"{SVG}text"):
        if text.get("class") == "caption":
            assert float(text.get("x")) + 6.5 * len(text.text) < house.WIDTH - house.MARGIN


def test_imports_are_counted_row_by_row():
    rows = ({"a", "b"}, {"c"}, {"d", "e"})
    imports = {"a": {"b"}, "b": set(), "c": {"a", "c"}, "d": {"a", "c", "e"}, "e": {"a"}}
    assert [house.imports_down(number, rows, imports) for number in (1, 2, 3)] == [
        "no import from another row",
        "↓ 1 import: 1 from row 1",
        "↓ 3 imports: 1 from row 2, 2 from 1",
    ]
