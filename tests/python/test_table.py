import pandas

from pycifar.table import as_html, as_text, paragraph

FEW = pandas.DataFrame({"class": ["cat", "<b>dog</b>"], "recall": [0.5, 1 / 3], "support": [2, 3]})
MANY = pandas.DataFrame({"class": [f"class {i}" for i in range(1000)], "support": range(1000)})


def test_floats_are_shown_in_the_format_that_is_asked_for():
    lines = as_text(FEW, ".2f").splitlines()
    assert [line.split() for line in lines] == [
        ["class", "recall", "support"],
        ["cat", "0.50", "2"],
        ["<b>dog</b>", "0.33", "3"],
    ]


def test_names_of_rows_are_shown_where_they_are_asked_for():
    named = FEW.set_index("class")
    assert "cat" in as_text(named, index=True)
    assert "cat" in as_html(named, index=True)
    assert "cat" not in as_text(named)
    assert "cat" not in as_html(named)


def test_of_many_rows_the_first_and_the_last_are_shown_and_counted():
    for shown in (as_text(MANY), as_html(MANY)):
        assert "class 4" in shown
        assert "class 995" in shown
        assert "class 5<" not in shown
        assert "1000 rows" in shown
    assert len(as_text(MANY).splitlines()) < 15
    assert "rows" not in as_text(FEW) + as_html(FEW)


def test_who_sets_the_rows_that_pandas_shows_gets_as_many():
    with pandas.option_context("display.max_rows", None):
        assert len(as_text(MANY).splitlines()) == 1001
    with pandas.option_context("display.max_rows", 4, "display.min_rows", None):
        assert "class 2" not in as_text(MANY)


def test_nothing_in_a_table_or_a_paragraph_becomes_markup():
    shown = as_html(FEW.rename(columns={"recall": "<i>"}))
    assert "&lt;b&gt;dog&lt;/b&gt;" in shown
    assert "&lt;i&gt;" in shown
    assert "<b>" not in shown
    assert "<i>" not in shown
    assert paragraph("of <script>\nand more") == "<p>of &lt;script&gt;<br>and more</p>\n"


def test_a_long_cell_is_shown_whole():
    table = pandas.DataFrame({"path": ["x" * 300]})
    assert "x" * 300 in as_text(table)
    assert "x" * 300 in as_html(table)
