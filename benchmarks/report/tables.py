"""Sets the LaTeX tables of results folders, in one column and in two, and fails where something does not fit.

    python3 benchmarks/report/tables.py results/reference/* [--keep FOLDER]

Each `table.tex` and `table-grid.tex` is put into a document of the class `article`, once as it is and once in `twocolumn`. What LaTeX finds too wide
or too high for the page is a fault, and so is every error. `--keep` keeps the documents, and the pages as PNG where `pdftoppm` is there.

Needs `pdflatex` with booktabs. Exit codes: 0 all fit, 1 one does not, 77 nothing was tried, and why.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

DOCUMENT = r"""\documentclass[%s]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{booktabs,graphicx}
\begin{document}
\input{%s}
\end{document}
"""
FAULTS = re.compile(r"^(!.*|Overfull \\hbox \((?:[2-9]|\d\d+)\..*|.*Float too large.*)$", re.MULTILINE)


def set_table(table, columns, folder):
    name = f"{table.parent.name}-{table.stem}-{columns}"
    (folder / f"{name}.tex").write_text(DOCUMENT % (columns, table.resolve()))
    ran = subprocess.run(["pdflatex", "-interaction=nonstopmode", f"{name}.tex"], cwd=folder, capture_output=True, text=True, errors="replace")
    faults = FAULTS.findall(ran.stdout)
    if shutil.which("pdftoppm") and (folder / f"{name}.pdf").exists():
        subprocess.run(["pdftoppm", "-r", "70", "-png", f"{name}.pdf", name], cwd=folder, check=True)
    print(f"{table} ({columns}): {'; '.join(faults) or 'ok'}")
    return ran.returncode == 0 and not faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    if shutil.which("pdflatex") is None:
        print("not run: there is no `pdflatex` on the path")
        sys.exit(77)
    tables = [path for folder in arguments.folders for path in (folder / "table.tex", folder / "table-grid.tex") if path.exists()]
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        fit = [set_table(table, columns, folder) for table in tables for columns in ("onecolumn", "twocolumn")]
    sys.exit(0 if fit and all(fit) else 1)


if __name__ == "__main__":
    main()
