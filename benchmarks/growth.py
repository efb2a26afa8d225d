"""A plot of what apply, no-op and show take as migrations become more, beside peers: docs/images/growth.svg and .png.

usage: python -m benchmarks.growth [--sizes N ...] [--peers NAME ...] [--rounds N] [--json FILE]
       python -m benchmarks.growth --draw FILE        (draws what an earlier run wrote with --json)
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .compare import compare, report
from .peers import PEERS, Verb, installed
from .tools.measure import Spread
from .tools.results import Circumstances, Results, table
from .tools.server import ROOT, running_server

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IMAGES = ROOT / "docs/images"
SIZES = [1, 10, 100, 1000, 10_000]
VERBS = [Verb.APPLY, Verb.NOOP, Verb.SHOW]
# With a transaction for each migration: in one, no tool gets beyond the server's lock table.
SHOWN = ["psql-each", "bare", "medusa", "django", "alembic-each", "dbmate", "node-pg-migrate-each", "typeorm-each"]
# Tab10 without the blue, which is ours.
COLOURS = ["#7f7f7f", "#bcbd22", "#2ca02c", "#9467bd", "#d62728", "#ff7f0e", "#8c564b", "#e377c2", "#17becf"]


def draw(results: Results, folder: Path) -> list[Path]:
    """Write the plot as SVG and PNG; gives their paths."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "growth", "font.size": 9}
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(VERBS), figsize=(12, 4.4), layout="constrained")
    names = list(dict.fromkeys(peer for _, _, peer in results.taken))
    for panel, verb in zip(panels, VERBS, strict=True):
        _draw_verb(panel, results, verb, names)
    panels[0].set_ylabel("seconds")
    handles = {name: line for panel in panels for line, name in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles), frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"growth.{kind}" for kind in ("svg", "png")]
    for path in paths:
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
    return paths


def _draw_verb(panel: Axes, results: Results, verb: Verb, names: list[str]) -> None:
    colours = dict(zip([name for name in names if name != "medusa"], COLOURS, strict=False)) | {"medusa": "#1f77b4"}
    for name in names:
        points = _points(results, verb, name)
        if not points:
            continue
        medians = [spread.median for spread in points.values()]
        below = [spread.median - spread.least for spread in points.values()]
        above = [spread.largest - spread.median for spread in points.values()]
        width, order = (2.2, 3) if name == "medusa" else (1.2, 2)
        panel.errorbar(
            list(points), medians, yerr=[below, above], label=name, color=colours[name], marker="o", markersize=3,
            linewidth=width, elinewidth=0.8, zorder=order,
        )  # fmt: skip
    panel.set(xscale="log", yscale="log", title=verb, xlabel="migrations")
    panel.xaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_major_formatter("{x:g}")
    panel.grid(alpha=0.3)


def _points(results: Results, verb: Verb, peer: str) -> dict[int, Spread]:
    sizes = sorted({count for kind, count, name in results.taken if (kind, name) == (verb, peer)})
    spreads = {count: results.wall(verb, count, peer) for count in sizes}
    return {count: spread for count, spread in spreads.items() if spread}


def measured(options: argparse.Namespace) -> Results:
    peers = installed(options.peers)
    with running_server() as server, tempfile.TemporaryDirectory() as work:
        results = Results(Circumstances.now(server, options.rounds))
        for count in options.sizes:
            compare(results, server, peers, [count], VERBS, Path(work))
            print(report(results, count), end="\n\n", flush=True)
            if options.json:
                results.save(options.json)  # after each size: all of them take long
    return results


def summary(results: Results) -> str:
    """The table beside the plot: medians in seconds, of the two largest sizes."""
    sizes = sorted({count for _, count, _ in results.taken})[-2:]
    shown = [(verb, count) for verb in VERBS for count in sizes]
    heads = ["seconds", *(f"{verb}, {count:,}" for verb, count in shown)]

    def row(peer: str) -> list[str]:
        spreads = [results.wall(verb, count, peer) for verb, count in shown]
        return [peer, *(f"{spread.median:.2f}" if spread else "–" for spread in spreads)]

    return table(heads, (row(peer) for peer in results.peers(sizes[0])))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help=f"Default: {SIZES}")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=SHOWN, metavar="NAME", help=f"Default: {SHOWN}")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="Default: 5")
    parser.add_argument("--json", type=Path, metavar="FILE", help="Write every round there.")
    parser.add_argument("--draw", type=Path, metavar="FILE", help="Measure nothing; draw what FILE has.")
    parser.add_argument("--images", type=Path, default=IMAGES, metavar="FOLDER", help="Default: docs/images")
    options = parser.parse_args()
    results = Results.load(options.draw) if options.draw else measured(options)
    print(summary(results), results.circumstances.text(), sep="\n\n")
    for path in draw(results, options.images):
        print(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


if __name__ == "__main__":
    main()
