"""find_issues beside cleanlab's Datalab: `python -m benchmarks.beside_datalab --data DIR`.

The sets hold labels that people got wrong (roman numerals whose errors were found by hand, CIFAR-10N's human
labels), each with published out-of-sample probabilities. Both get the same labels and probabilities, nothing
else; counted are the lines that a user types after loading them, the seconds (of the second call, so that
neither pays for imports) and the area under the precision-recall curve. Prints a table and one JSON line.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

OURS = """
import curate
issues = curate.find_issues(labels, pred_probs, classes=classes)
wrong = issues.probability_wrong()
"""

DATALAB = """
from cleanlab import Datalab
lab = Datalab({"label": labels}, label_name="label", verbosity=0)
lab.find_issues(pred_probs=pred_probs, issue_types={"label": {}})
wrong = 1 - lab.get_issues("label")["label_score"].to_numpy()
"""


def main() -> None:
    """Run both on every set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    rows = [row for one in sets(parser.parse_args().data) for row in measure(*one)]
    frame = pd.DataFrame(rows)
    print(frame.to_string(index=False, float_format="{:.3f}".format))
    print(json.dumps(rows))


def sets(data: Path) -> list[tuple[str, dict[str, Any], NDArray[np.bool_]]]:
    """Return the name, the inputs and the truth of each set."""
    sets = []
    for path in sorted(data.glob("*/pred_probs.*.npz")):
        which = path.stem.removeprefix("pred_probs.").split(".")
        folder, noise = path.parent, which[0] if len(which) > 1 else ""
        loaded = np.load(path)
        labels = pd.read_csv(folder / (f"labels_{noise}.csv" if noise else "labels.csv"))
        truth = pd.read_csv(folder / "truth.csv").set_index("filepath").loc[loaded["filepaths"]]
        given = labels.set_index("filepath").loc[loaded["filepaths"], "label"].to_numpy(dtype=object)
        wrong = truth[f"{noise}_wrong" if noise else "wrong"].to_numpy().astype(bool)
        order = np.argsort(loaded["classes"])
        inputs = {
            "labels": given,
            "pred_probs": loaded["pred_probs"][:, order].astype(float),
            "classes": loaded["classes"][order],
        }
        sets.append((f"{folder.name} {' '.join(which)}", inputs, wrong))
    return sets


def measure(name: str, inputs: dict[str, Any], truth: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Run both on one set."""
    rows = []
    for tool, code in (("find_issues", OURS), ("Datalab", DATALAB)):
        for _ in range(2):
            scope = dict(inputs)
            began = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                exec(code, scope)
            seconds = time.perf_counter() - began
        score = average_precision_score(truth, scope["wrong"])
        lines = len(code.strip().splitlines())
        rows.append({"set": name, "tool": tool, "lines": lines, "seconds": seconds, "AUPRC": score})
    return rows


if __name__ == "__main__":
    main()
