"""Write the tables of README.md and benchmarks/README.md from the committed results.

python benchmarks/report.py            # write
python benchmarks/report.py --check    # exit with 1 where the page and the results disagree
"""

from __future__ import annotations

import json
import math
import sys
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

import pandas
from budget import SHARE

from pycifar import Reproduction, load_reproduction
from pycifar.reproduction.result import with_deviation
from pycifar.shipped import DEFAULT_MODEL, SHIPPED

HERE = Path(__file__).parent
PAGES = (HERE.parent / "README.md", HERE / "README.md")


def main() -> None:
    """Write the pages, or compare them with the results."""
    for page in PAGES:
        before = page.read_text()
        after = with_tables(before)
        if "--check" not in sys.argv:
            page.write_text(after)
        elif before != after:
            sys.exit(f"{page.relative_to(HERE.parent)} and the results disagree")


def with_tables(text: str) -> str:
    """Return the text with each table between its marks."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name}: made by report.py -->", f"<!-- end of {name} -->"
        if start in text:
            before, _, rest = text.partition(start)
            text = f"{before}{start}\n\n{table()}\n\n{end}{rest.partition(end)[2]}"
    return text


def epochs_table() -> str:
    """Compare the stated figures of cnn2 with the measured ones, epoch by epoch."""
    stated = pandas.read_csv(HERE / "stated_cnn2.csv")
    history = pandas.DataFrame(result("doors_10_epochs")["history"])
    history["column"] = (
        history["split"].map({"train": "", "validation": "val_"}) + history["metric"]
    )
    measured = history.pivot(index="epoch", columns="column", values="value").reset_index()
    rows = [["epoch"] + [f"{name} {who}" for name in METRICS for who in ("stated", "measured")]]
    for (_, a), (_, b) in zip(stated.iterrows(), measured.iterrows(), strict=True):
        cells = [f"{frame[name]:.4f}" for name in METRICS for frame in (a, b)]
        rows.append([str(int(a["epoch"])), *cells])
    return markdown(rows)


def doors_table() -> str:
    """Show the cost of a training through each door."""
    report = result("doors_3_epochs")
    rows = [["door", "wall time, s", "of it training, s", "peak memory, MB", "wall time / Python"]]
    for door, found in report["medians"].items():
        ratios = report["wall_ratio_to_python"].get(door)
        ratio = "1" if ratios is None else " ".join(f"{r:.3f}" for r in ratios)
        numbers = [f"{found[name]:.0f}" for name in ("wall", "training", "peak_mb")]
        rows.append([door, *numbers, ratio])
    return markdown(rows)


def mlp_table() -> str:
    """Show how fast `mlp_relu` trains, beside its peers and the machine's limit."""
    report = result("mlp")
    rows = [["", "images a second", "/ pycifar", "share of the sgemm rate"]]
    for name, speed in report["images_per_second"].items():
        version = report["versions"][name.replace("PyTorch", "torch")]
        ratio = report["ratio_to_pycifar"][name]
        rows.append(
            [
                f"{name} {version}",
                f"{speed:,}",
                f"{ratio:.2f}",
                f"{report['share_of_sgemm'][name]:.2f}",
            ]
        )
    square, own = report["sgemm_gflops"], report["own_products_gflops"]
    return (
        f"{markdown(rows)}\n\nSquare matrices of 2048: {square:.0f} GFLOP/s; the two largest "
        f"products of this network alone: {own:.0f} GFLOP/s."
    )


def budget_table(name: str = "budget") -> str:
    """Show what fastnet and its ancestor in PyTorch reach in a given time."""
    report = result(name)
    head = ["", "computed in", "seconds", "passes over the images", "test accuracy"]
    rows = [[*head, "with six views"]]
    runs = [(f"`time_budget = {run['budget']:g}`", run) for run in report["fastnet"]]
    if "ancestor" in report:
        name = f"PyTorch {report['versions']['torch']}, the published ancestor"
        runs.append((name, {**report["ancestor"], "passes": report["ancestor"]["epochs"]}))
    for label, run in runs:
        numbers = [run["precision"], f"{run['seconds']:.0f}", f"{run['passes']:.1f}"]
        views = [f"{run[key]:.4f}" for key in ("test_accuracy", "test_accuracy_six_views")]
        rows.append([label, *numbers, *views])
    return markdown(rows)


def seeds_table(names: tuple[str, ...]) -> str:
    """Show how accurate `fastnet` is in a share of its ancestor's seconds, by seed.

    Args:
        names: of results, each of one seed.
    """
    accuracies = ["test accuracy", "with six views"]
    head = ["seed", "computed in", "`fastnet`, seconds", *accuracies]
    head += ["the ancestor, seconds", *accuracies, "share of its seconds"]
    keys, digits = ("seconds", "test_accuracy", "test_accuracy_six_views"), (0, 4, 4, 0, 4, 4, 2)
    rows, labels = [], []
    for name in names:
        report = result(name)
        theirs = report["ancestor"]
        ours = [run for run in report["fastnet"] if run["seconds"] <= SHARE * theirs["seconds"]][-1]
        values = [run[key] for run in (ours, theirs) for key in keys]
        labels.append([str(ours["seed"]), ours["precision"]])
        rows.append([*values, ours["seconds"] / theirs["seconds"]])
    labels.append(["mean", ""])
    rows.append([mean(column) for column in zip(*rows, strict=True)])
    cells = [
        [*label, *(f"{value:.{n}f}" for value, n in zip(row, digits, strict=True))]
        for label, row in zip(labels, rows, strict=True)
    ]
    return markdown([head, *cells])


def five_minutes_table() -> str:
    """Show what `fastnet` reaches in five minutes that include the measuring."""
    rows = [["seed", "`time_budget`", "seconds", "and of measuring", "with six views"]]
    for name in ("budget_seed2", "budget_seed3"):
        run = result(name)["fastnet"][0]
        seconds = [f"{run[key]:.0f}" for key in ("budget", "seconds", "seconds_of_six_views")]
        rows.append([str(run["seed"]), *seconds, f"{run['test_accuracy_six_views']:.4f}"])
    return markdown(rows)


def step_rate_table(name: str = "step_rate") -> str:
    """Show images a second, and the ratio of pycifar to each of its peers."""
    found = result(name)["speeds"]
    rows = [["network", "batch", *found[0]["images_per_second"]]]
    for row in found:
        cells = [
            f"{speed:,} (×{row['pycifar_to'][peer]:.2f})"
            if peer in row["pycifar_to"]
            else f"{speed:,}"
            for peer, speed in row["images_per_second"].items()
        ]
        rows.append([f"`{row['architecture']}`", str(row["batch_size"]), *cells])
    return markdown(rows)


def limit_table() -> str:
    """Show what the machine multiplies, and what a step of fastnet uses of it.

    Also show the operations that take the time of a step.
    """
    report = result("limit")
    rows = [["", "GFLOP/s"]]
    for name, speed in report["gflops"].items():
        dtype, _, side = name.partition(" ")
        rows.append(
            [f"products of {dtype}, {side} × {side}" if side else f"`{name}`", f"{speed:.0f}"]
        )
    shares = ", ".join(f"{kind} {part:.1%}" for kind, part in report["shares_of_a_step"].items())
    return (
        f"{markdown(rows)}\n\nShare of the best bfloat16 rate: "
        f"{report['fastnet_share_of_bfloat16']:.2f}. Of the time of a step's operations: {shares}."
    )


def precision_table() -> str:
    """Compare bfloat16 with float32, without speeds where bfloat16 was emulated."""
    files = "precision", "precision_cnn4", "precision_resnet50_v2"
    found = [network for file in files for network in result(file)["networks"]]
    head = [
        "network",
        "epochs",
        "held-out accuracy, float32",
        "bfloat16",
        "difference of the means",
        "images a second, float32",
        "bfloat16",
        "ratio",
    ]
    rows = [head]
    for row in found:
        cells = [f"`{row['architecture']}`", str(row["epochs"])]
        for accuracies in row["accuracy"].values():
            cells.append(" ".join(f"{value:.4f}" for value in accuracies))
        cells.append(f"{row['mean_difference']:+.4f}")
        if "images_per_second" in row:
            cells += [f"{speed:,}" for speed in row["images_per_second"].values()]
            cells.append(f"{row['bfloat16_to_float32']:.2f}")
        else:
            cells += ["–"] * 3
        rows.append(cells)
    return markdown(rows)


def ablation_table() -> str:
    """Show what changes when one ingredient of fastnet does."""
    report = result("ablation")
    rows = [["", "held-out accuracy", "with six views", "seconds"]]
    for row in report["variants"]:
        views = [f"{row[key]:.4f}" for key in ("accuracy", "accuracy_six_views")]
        rows.append([row["variant"], *views, f"{row['seconds']:.0f}"])
    seeds = f"{report['seeds']} seed" + ("s" if report["seeds"] > 1 else "")
    return f"{markdown(rows)}\n\n{report['epochs']} epochs, {seeds}."


def augmentation_times_table() -> str:
    """Show how long augmenting a batch takes, beside a step of training on it."""
    found = result("augmentation")["times"]
    rows = [["batch", "a step, ms", *(f"{name}, ms" for name in found[0]["ratio"])]]
    for row in found:
        cells = [
            f"{ms:.1f} (×{row['ratio'][name]:.3f})" for name, ms in row["augmentation_ms"].items()
        ]
        rows.append(
            [f"{row['batch_size']} of {row['side']} pixels", f"{row['step_ms']:.0f}", *cells]
        )
    return markdown(rows)


def augmentation_table() -> str:
    """Show what augmentation does for the accuracy on photographs."""
    found = result("augmentation")["photographs"]
    rows = [["augmentation", "validation accuracy, by seed", "mean"]]
    for row in found["variants"]:
        seeds = " ".join(f"{value:.4f}" for value in row["accuracies"])
        rows.append([row["augmentation"], seeds, f"{row['accuracy']:.4f}"])
    counts = found["images"]
    return (
        f"{markdown(rows)}\n\n`fastnet`, {found['epochs']} epochs, {counts['train']:,} photographs "
        f"of {found['side']} pixels in {found['classes']} classes; measured on "
        f"{counts['validation']:,} others."
    )


def inference_table() -> str:
    """Show how fast models predict."""
    rows = [["network", "one image, ms", "Keras", "10,000 images, a second", "Keras", "ratio"]]
    for row in result("inference")["networks"]:
        one = [f"{row[key]:.1f}" for key in ("one_image_ms", "keras_one_image_ms")]
        many = [f"{row[key]:,}" for key in ("images_per_second", "keras_images_per_second")]
        rows.append([f"`{row['architecture']}`", *one, *many, f"{row['ratio']:.2f}"])
    return markdown(rows)


def scaling_table() -> str:
    """Show time and memory by the number of images, and the time of loading."""
    report = result("scaling")
    rows = [
        [
            "training images",
            "seconds of an epoch",
            "ms an image",
            "peak memory, MB",
            "of it for training",
        ]
    ]
    for row in report["growing"]:
        memory = [f"{row[key]:,}" for key in ("peak_mb", "training_mb")]
        rows.append(
            [
                f"{row['images']:,}",
                f"{row['seconds']:.1f}",
                f"{row['milliseconds_per_image']:.3f}",
                *memory,
            ]
        )
    loading = report["loading"]
    return (
        f"{markdown(rows)}\n\nLoading both splits: {loading['pycifar_ms']:.0f} ms; the reader of "
        f"`keras.datasets` on the same files: {loading['keras_ms']:.0f} ms, "
        f"{loading['ratio']:.1f} times as long."
    )


def larger_than_memory_table() -> str:
    """Show how fast images that are not in memory are trained on, and the peak of memory."""
    report = result("larger_than_memory")
    rows = [["network", "images a second, in memory", "from files", "from a cache"]]
    for row in report["speeds"]:
        speeds = row["images_per_second"]
        cells = [f"{speeds[k]:.0f} (×{row['to_memory'][k]:.2f})" for k in ("files", "cache")]
        rows.append([f"`{row['network']}`", f"{speeds['memory']:.0f}", *cells])
    head = ["read from", "pictures", "they would take, GB", "loading, s", "an epoch, s"]
    epochs = [[*head, "peak memory, GB"]]
    for row in report["epochs"]:
        cells = [f"{row['pictures']:,}", f"{row['gb_in_memory']:.1f}"]
        cells += [f"{row[name]:.0f}" for name in ("loading_seconds", "epoch_seconds")]
        epochs.append([row["kind"], *cells, f"{row['peak_mb'] / 1000:.2f}"])
    return f"{markdown(rows)}\n\n{markdown(epochs)}"


def faults_table() -> str:
    """Show which faults and hostile inputs were tried, and how many were handled."""
    rows = [["", "tried", "handled"]]
    for row in result("faults")["faults"]:
        rows.append([row["fault"], f"{row['tried']:,}", f"{row['handled']:,}"])
    return markdown(rows)


def from_r_table() -> str:
    """Compare prediction from R with prediction from Python."""
    found = result("from_r")
    many = [f"{median(found[key]):.2f}" for key in ("seconds_in_r", "seconds_in_python")]
    one = [f"{found[key]:.1f}" for key in ("one_image_ms_in_r", "one_image_ms_in_python")]
    rows = [["", "from R", "from Python", "R / Python"]]
    rows.append(["10,000 images, s", *many, f"{found['ratio']:.2f}"])
    rows.append(["one image, ms", *one, ""])
    return markdown(rows)


def search_table() -> str:
    """Show the best settings that were found, and their accuracy on held-out images."""
    columns = ("learning_rate", "schedule", "batch_size", "l2", "augmentation", "normalised")
    rows = [[*columns, "epochs", "held-out accuracy"]]
    last = result("search_mlp_relu")["rounds"][-1]
    for one in last["found"]:
        cells = [str(one[column]) for column in columns]
        rows.append([*cells, str(last["epochs"]), f"{one['accuracy']:.4f}"])
    return markdown(rows)


def learning_rates_table() -> str:
    """Show the best rate of each network, and what a search suggests.

    Also show how many suggestions of each rule are near the best rate.
    """
    networks = result("learning_rates")["networks"]
    rows = [["network", "recipe", "best of the grid", "suggested, by seed", "suggested / best"]]
    for row in networks:
        suggested = row["suggestions"]["find_learning_rate"]
        ratios = [None if rate is None else rate / row["best"] for rate in suggested]
        rows.append(
            [
                f"`{row['architecture']}`",
                f"{row['recipe']:g}",
                f"{row['best']:.2g}",
                " ".join("none" if rate is None else f"{rate:.2g}" for rate in suggested),
                " ".join("–" if ratio is None else f"{ratio:.2g}" for ratio in ratios),
            ]
        )
    rules = [["rule", "within a factor of 3 of the best", "within 6", "farthest factor"]]
    for rule in networks[0]["suggestions"]:
        pairs = [(rate, row["best"]) for row in networks for rate in row["suggestions"][rule]]
        factors = [max(rate / best, best / rate) for rate, best in pairs if rate is not None]
        counts = [f"{sum(f <= limit for f in factors)} of {len(pairs)}" for limit in (3, 6)]
        name = f"`{rule}`" if rule.isidentifier() else rule
        rules.append([name, *counts, f"{max(factors):,.2g}"])
    return f"{markdown(rows)}\n\n{markdown(rules)}"


def short_reproduction_table() -> str:
    """Compare the accuracy of each network on the test images with the stated one."""
    rows = [["system", "network", "parameters", "trained for", "test accuracy", "stated"]]
    for row in reproduction().table.to_dict("records"):
        rows.append(
            [
                row["system"],
                f"`{row['architecture']}`",
                f"{row['parameters']:,}",
                row["budget"],
                accuracy(row, "test"),
                share(row["stated_test"]),
            ]
        )
    return markdown(rows)


def reproduction_table() -> str:
    """Show all that was measured of each network, and the calls that measured it."""
    found = reproduction()
    head = ["system", "network", "trained for", "epochs", "seeds", "training accuracy", "stated"]
    head += ["test accuracy", "stated", "difference", "seconds", "images a second"]
    rows = [head]
    for row in found.table.to_dict("records"):
        rows.append(
            [
                row["system"],
                f"`{row['architecture']}`",
                row["budget"],
                str(row["epochs"]),
                ", ".join(map(str, row["seeds"])),
                accuracy(row, "train"),
                share(row["stated_train"]),
                accuracy(row, "test"),
                share(row["stated_test"]),
                "" if math.isnan(row["difference"]) else f"{row['difference']:+.4f}",
                f"{row['seconds']:.0f}",
                f"{row['images_per_second']:,.0f}",
            ]
        )
    machines = " and ".join(sorted(set(found.table["machine"])))
    data = " and ".join(sorted({name[:16] for name in found.table["data"]}))
    calls = "\n".join(f"    {call}" for call in found.calls)
    return f"{markdown(rows)}\n\nMachine: {machines}; data: {data}…; calls:\n\n{calls}"


def transfer_table() -> str:
    """Show the accuracy on photographs of each way of training, and what it takes."""
    found = pandas.DataFrame(result("transfer")["results"])
    rows = [["training", "pixels", "epochs", "seconds", "test accuracy", "by seed"]]
    for way, part in found.groupby("way", sort=False):
        accuracies = part["test_accuracy"]
        rows.append(
            [
                str(way),
                f"{part['image_size'].iloc[0]}",
                f"{part['epochs'].iloc[0]}",
                f"{part['seconds'].median():.0f}",
                f"{accuracies.mean():.4f}",
                ", ".join(f"{one:.4f}" for one in accuracies),
            ]
        )
    return markdown(rows)


def reference_table() -> str:
    """Show how near `efficientnet_lite0` is to its source."""
    report = result("pretrained_reference")
    difference = report["largest_difference_of_a_probability"]
    head = ["photographs", "same first class", "largest difference of a probability"]
    return markdown(
        [
            head,
            [
                f"{report['photographs']:,}",
                f"{report['same_first_class']:.4f}",
                f"{difference:.1e}",
            ],
        ]
    )


def frozen_table() -> str:
    """Show how fast the last layer learns alone, beside Keras."""
    report = result("transfer_speed")["frozen"]
    rows = [["images a second in epoch", *(str(n + 1) for n in range(len(report["pycifar"])))]]
    for name in ("pycifar", "Keras fit"):
        rows.append([name, *(f"{one:,.0f}" for one in report[name])])
    return markdown(rows)


def whole_table() -> str:
    """Show how fast all of `efficientnet_lite0` learns, beside Keras and PyTorch."""
    rows = [["all layers", "ms a step of 32", "images a second", "its time / pycifar's"]]
    for name, found in result("transfer_speed")["whole_network"].items():
        ratio = f"{found['ratio_to_pycifar']:.2f}"
        rows.append([name, f"{found['ms_a_step']:,.0f}", f"{found['images_a_second']:.1f}", ratio])
    return markdown(rows)


def photographs_table() -> str:
    """Show how fast photographs are read, beside Keras."""
    report = result("photographs")
    clocks = {"wall": "by the clock", "processors": "of the processors"}
    head = ["files", "read by"]
    for clock in clocks.values():
        head += [f"ms an image {clock}", "/ Keras"]
    names = {
        "Keras": "Keras",
        "Keras, kept": "Keras, kept in memory",
        "bilinear": '`"bilinear"`',
        "lanczos": '`"lanczos"`',
    }
    rows = [head]
    for files, found in report["reading"].items():
        for name, label in names.items():
            row = [f"{found['images']:,} {files}", label]
            for clock in clocks:
                own = found[clock][name]
                row += [f"{own['ms_an_image']:.2f}", f"{own['ratio_to_keras']:.2f}"]
            rows.append(row)
    return markdown(rows)


def rules_table() -> str:
    """Show how near each rule of resizing is to others, and how accurate a network is by it."""
    report = result("photographs")
    others = list(next(iter(report["likeness"].values())))
    rows = [["`resize`", *(f"dB to {other}" for other in others), "test accuracy by seed"]]
    for rule, near in report["likeness"].items():
        accuracies = ", ".join(f"{value:.4f}" for value in report["training"][rule])
        rows.append([rule, *(f"{near[other]:.1f}" for other in others), accuracies])
    return markdown(rows)


def shipped_table() -> str:
    """Show how the model that is part of the package was made, and how accurate it is."""
    report = json.loads(SHIPPED[DEFAULT_MODEL].with_suffix(".json").read_text())
    head = ["epochs", "seed", "trained in", "seconds", "bytes", "test accuracy", "with six views"]
    numbers = [report["epochs"], report["seed"], report["trained_in"], f"{report['seconds']:,}"]
    names = ("test_accuracy", "test_accuracy_tta", "test_accuracy_unrounded")
    accuracies = [f"{report[name]:.4f}" for name in names]
    row = [*map(str, numbers), f"{report['bytes']:,}", *accuracies]
    return markdown([[*head, "before rounding"], row])


def reproduction() -> Reproduction:
    """Load the committed reproduction."""
    return load_reproduction(HERE / "results" / "reproduction.json")


def accuracy(row: dict[str, Any], split: str) -> str:
    """Format a mean over the seeds with its deviation."""
    return with_deviation(row[f"{split}_accuracy"], row[f"{split}_sd"])


def share(value: float) -> str:
    """Format a share with four digits; return an empty text where there is none."""
    return "" if math.isnan(value) else f"{value:.4f}"


METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")


def result(name: str) -> dict[str, Any]:
    """Load a committed result."""
    return json.loads((HERE / "results" / f"{name}.json").read_text())


def operations_table() -> str:
    """Show which operations a training step spends its time on."""
    rows = [["network", "computes in", "share of the time of all processors"]]
    for name, found in result("operations")["networks"].items():
        for precision, shares in found["shares"].items():
            kinds = {kind.removeprefix("MklNative"): share for kind, share in shares.items()}
            listed = ", ".join(f"{kind} {share:.0%}" for kind, share in kinds.items())
            rows.append([f"`{name}`", precision, listed])
    return markdown(rows)


def step_ways_table() -> str:
    """Show what a step takes an image in float32, in bfloat16, folded and with Keras's own."""
    head = ["network", "float32, ms", "bfloat16, ms", "ratio", "folded, ms", "ratio", "folded"]
    rows = [[*head, "Keras's convolutions, ms", "ratio"]]
    for name, found in result("operations")["networks"].items():
        times = found["ms_an_image"]
        row = [f"`{name}`", f"{times['float32']:.1f}"]
        for way in ("bfloat16", "folded", "keras"):
            took = times.get(way)
            row += [f"{took:.1f}", f"{took / times['float32']:.2f}"] if took else ["", ""]
            row += [found["folded"]] if way == "folded" else []
        rows.append(row)
    return markdown(rows)


FORMAT_NAMES = ("ONNX", "LiteRT", "OpenVINO", "SavedModel")


def exports_table() -> str:
    """Show how far the probabilities of exports are from those of the network."""
    rows = [["network", "computes in", "pixels", *FORMAT_NAMES, "rounding"]]
    for name, found in result("exports")["differences"].items():
        far = [f"{found[kind]['largest_difference']:.1g}" for kind in FORMAT_NAMES]
        rounding = f"{found['rounding']:.1g}" if found["precision"] != "float32" else "none"
        rows.append([f"`{name}`", found["precision"], str(found["pixels"]), *far, rounding])
    return markdown(rows)


def int8_table() -> str:
    """Show what int8 costs in accuracy, and saves in bytes."""
    rows = [["network", "format", "accuracy", "in int8", "MB", "in int8"]]
    for name, found in result("exports")["int8"].items():
        for kind in ("ONNX", "LiteRT"):
            accuracies = (found["accuracy"], found[kind]["accuracy_int8"])
            sizes = (f"{found[kind][key] / 1e6:.2f}" for key in ("bytes", "bytes_int8"))
            rows.append([f"`{name}`", kind, *(f"{share:.4f}" for share in accuracies), *sizes])
    return markdown(rows)


def onnx_table() -> str:
    """Show the time of ONNX files beside that of `predict`."""
    head = ["network", "computes in", "pictures", "`predict`, ms", "ONNX, ms", "ratio"]
    rows = [[*head, "in int8, ms", "ratio", "by OpenVINO, ms", "ratio"]]
    for name, found in result("exports")["speed"].items():
        for pictures, times, digits in (
            ("1", found["one"], ".3g"),
            ("10,000", found["many"], ",.0f"),
        ):
            row = [f"`{name}`", found["precision"], pictures, f"{1000 * times['predict']:{digits}}"]
            for which in ("onnx", "int8", "openvino"):
                row += [f"{1000 * times[which]:{digits}}", f"{times[f'{which}_ratio']:.2f}"]
            rows.append(row)
    return markdown(rows)


def calibration_table() -> str:
    """Show the calibration error before and after, on images that fitted nothing."""
    rows = [["network", "accuracy", "temperature", "error before", "after", "loss before", "after"]]
    for name, found in result("calibration")["models"].items():
        keys = (
            "accuracy",
            "temperature",
            "error_before",
            "error_after",
            "loss_before",
            "loss_after",
        )
        shown = name if name == "published" else f"`{name}`"
        rows.append([shown, *(f"{found[key]:.4f}" for key in keys)])
    return markdown(rows)


def coverage_table() -> str:
    """Show the coverage of prediction sets, and how many classes they have."""
    rows = [["network", "stated", "coverage", "lowest half", "classes in a set"]]
    for name, found in result("calibration")["models"].items():
        for stated, sets in found.get("sets", {}).items():
            measured = (
                f"{sets['coverage']:.4f}",
                f"{sets['lowest']:.4f}",
                f"{sets['classes']:.2f}",
            )
            rows.append([f"`{name}`", stated, *measured])
    return markdown(rows)


def serving_table() -> str:
    """Show what the server answers beside what `predict` does."""
    rows = [
        [
            *("model", "pictures in a request", "pictures a second", "`predict`", "ratio"),
            *("requests", "errors", "ms, median", "ms, 99 %", "memory, MB", "at most"),
        ]
    ]
    for name, found in result("serving")["models"].items():
        for load in found["loads"]:
            memory = load["memory_mb"]
            rows.append(
                [
                    f"`{name}`",
                    str(load["pictures_in_a_request"]),
                    f"{load['pictures_a_second']:,.0f}",
                    f"{load['predict']:,.0f}",
                    f"{load['ratio']:.2f}",
                    f"{load['requests']:,}",
                    f"{load['refused'] + load['lost']:,}",
                    f"{load['median']:.0f}",
                    f"{load['99 %']:.0f}",
                    f"{memory['second quarter']:,} → {memory['last quarter']:,}",
                    f"{memory['most']:,}",
                ]
            )
    return markdown(rows)


def hostile_table() -> str:
    """Show what hostile requests get, and what they take."""
    rows = [["model", "answers", "memory before, MB", "at most", "a picture after it"]]
    for name, found in result("serving")["models"].items():
        hostile = found["hostile"]
        statuses = ", ".join(f"{n} × {status}" for status, n in sorted(hostile["statuses"].items()))
        sizes = f"{hostile['memory_before_mb']:,}", f"{hostile['memory_most_mb']:,}"
        rows.append([f"`{name}`", statuses, *sizes, str(hostile["answers_after"])])
    return markdown(rows)


def markdown(rows: list[list[str]]) -> str:
    """Format a Markdown table whose first row is its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


TABLES = {
    "epochs": epochs_table,
    "doors": doors_table,
    "larger_than_memory": larger_than_memory_table,
    "mlp": mlp_table,
    "search": search_table,
    "budget": budget_table,
    "budget without bfloat16": partial(budget_table, "budget_float32"),
    "budget with AVX2": partial(budget_table, "budget_avx2"),
    "seeds": partial(
        seeds_table,
        ("budget_float32", "budget_seed2", "budget_seed3", "budget_avx2_seed2"),
    ),
    "five minutes": five_minutes_table,
    "transfer": transfer_table,
    "reference": reference_table,
    "the last layer alone": frozen_table,
    "all layers": whole_table,
    "photographs": photographs_table,
    "rules of resizing": rules_table,
    "step rate": step_rate_table,
    "step rate without bfloat16": partial(step_rate_table, "step_rate_float32"),
    "step rate with AVX2": partial(step_rate_table, "step_rate_avx2"),
    "limit": limit_table,
    "precision": precision_table,
    "ablation": ablation_table,
    "augmentation times": augmentation_times_table,
    "augmentation": augmentation_table,
    "inference": inference_table,
    "from R": from_r_table,
    "learning rates": learning_rates_table,
    "operations": operations_table,
    "ways of a step": step_ways_table,
    "exports": exports_table,
    "int8": int8_table,
    "ONNX": onnx_table,
    "calibration": calibration_table,
    "coverage": coverage_table,
    "serving": serving_table,
    "hostile requests": hostile_table,
    "scaling": scaling_table,
    "faults": faults_table,
    "shipped": shipped_table,
    "reproduction": reproduction_table,
    "reproduction in short": short_reproduction_table,
}


if __name__ == "__main__":
    main()
