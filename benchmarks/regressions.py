"""Speed against a saved baseline: exits with 1 where a bench is slower than allowed.

    just criterion-save        # on the commit to compare with
    just criterion             # on the other one; ends with this script

Reads what criterion wrote. A bench counts as slower when the whole 95 % interval of its mean's change lies above the
threshold, so that noise alone rarely does it. Compare on one machine, idle, in one sitting.
"""

import argparse
import json
import os
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    parser.add_argument("--criterion", type=Path, default=target / "criterion", help="criterion's folder")
    parser.add_argument("--threshold", type=float, default=0.1, help="largest allowed change of the mean, 0.1 is 10 %%")
    parser.add_argument("--ignore", action="append", default=[], help="benches whose names hold this are listed, but may be slower")
    args = parser.parse_args()
    rows = []
    for path in sorted(args.criterion.glob("**/change/estimates.json")):
        saved = path.parents[1] / "saved" / "estimates.json"
        if not saved.exists() or saved.stat().st_mtime > path.stat().st_mtime:
            continue  # Compared with something else, earlier.
        mean = json.loads(path.read_text())["mean"]
        name = json.loads((path.parents[1] / "new" / "benchmark.json").read_text())["full_id"]
        interval = mean["confidence_interval"]
        rows.append((name, mean["point_estimate"], interval["lower_bound"], interval["upper_bound"]))
    if not rows:
        print(f"error: nothing to compare in {args.criterion}\n  help: `just criterion-save` saves a baseline", file=sys.stderr)
        return 2
    slower = [row for row in rows if row[2] > args.threshold and not any(word in row[0] for word in args.ignore)]
    width = max(len(row[0]) for row in rows)
    for name, change, low, high in rows:
        mark = "  slower" if low > args.threshold else ""
        print(f"{name:<{width}}  {change:+7.1%}  [{low:+.1%}, {high:+.1%}]{mark}")
    print(f"{len(slower)} of {len(rows)} benches are more than {args.threshold:.0%} slower than the baseline")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
