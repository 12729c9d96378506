# The default sweep on the CPU.
bench *ARGS:
    cargo run --release -- bench {{ARGS}}

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

# Speed, against the saved baseline if there is one.
criterion *ARGS:
    cargo bench --workspace -- {{ARGS}}

# API documentation, without warnings.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
