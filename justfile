# The default sweep on the CPU.
bench *ARGS:
    cargo run --release -- bench {{ARGS}}

# Every part once, on as little as possible. No number of it means anything.
smoke:
    cargo run --release -- bench --smoke --results "$(mktemp -d)"

# Everything that needs no GPU.
test:
    cargo test --release --workspace

# Format, lints, licences.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo deny check

# Tables, plot and page of a sweep again.
report NAME="default":
    cargo run --release -- report results/{{NAME}}

benches := "--bench blocks --bench families --bench label_mapping --bench prefix_scoring --bench steps --bench records"

# Saves how fast everything is, to be compared with.
criterion-save *ARGS:
    cargo bench --workspace {{benches}} -- --save-baseline saved {{ARGS}}

# Speed against the saved baseline; fails where a bench is more than a tenth slower (what waits for the disk excepted).
criterion *ARGS:
    cargo bench --workspace {{benches}} -- --baseline-lenient saved {{ARGS}}
    python3 benchmarks/regressions.py --ignore "commit of a trial"

# API documentation, without warnings.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Is a rerun of the default sweep worse than the committed one? Exit code 1 where it is.
regression:
    #!/usr/bin/env bash
    set -euo pipefail
    results="$(mktemp -d)"
    cargo run --release -- bench --results "$results"
    cargo run --release -- compare results/reference/default "$results/default" --margin 0.02
