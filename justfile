# Every recipe is one line of help: `just` lists them.

# List the recipes
default:
    @just --list

# Run the article's program
demo:
    cargo run --example initializer_worker

# Run the tests (README's command)
test *arguments:
    cargo test {{ arguments }}

# Build the book into book/book/ and say where it is
book:
    cargo run --package procpool-book -- build

# Regenerate the book's transcripts and figures, by running what they show
bless:
    cargo run --package procpool-book -- bless

# Check formatting and lints
lint:
    cargo fmt --all -- --check
    cargo clippy --workspace --all-targets -- --deny warnings

# Build the crate's documentation
doc:
    RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps

# Check the link's protocol and a future's state in every interleaving, and that planted bugs are found
loom:
    RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom --package procpool --lib model

# Feed the decoders with made-up bytes: all targets or one, for so many seconds each
fuzz target="all" seconds="120":
    bash .ci/fuzz {{ target }} {{ seconds }}

# Measure against the machine's limits and other pools; alone, it writes the book's numbers too
bench mode="full" *arguments:
    {{ if mode == "full" { "crates/bench/peers/install || echo 'some pools are missing'" } else { "" } }}
    {{ if mode == "full" { "cargo build --release --package procpool-bench-procspawn" } else { "" } }}
    cargo run --release --package procpool-bench -- {{ mode }} {{ arguments }}
    {{ if mode + arguments == "full" { "cargo run --package procpool-book -- adopt target/bench/results.json" } else { "" } }}

# See by perf(1) where the time goes, and write it into the book
profile:
    cargo run --release --package procpool-bench -- profile
    cargo run --package procpool-book -- adopt target/bench/profile.json

# Judge an adapter: whether it keeps to the conformance contract, before its pool is judged
adapter-check command:
    cargo run --quiet --package procpool-conformance --bin conformance -- check {{ quote(command) }}

# Judge every pool that has an adapter, `-j N` at a time; all of them, or by a part of a name. All go into the book
conformance-all *arguments:
    #!/usr/bin/env bash
    crates/bench/peers/install || echo 'some pools are missing'
    crates/conformance/run-all {{ arguments }}
    code=$?
    # Those that are not as expected belong there, too; what could not be judged, and a part, do not.
    if [ "$code" -lt 2 ] && {{ if arguments =~ '^(-j *[0-9]+)?$' { "true" } else { "false" } }}; then
        cargo run --package procpool-book -- adopt target/conformance/all/results.json || code=2
    fi
    exit "$code"

# Show the known faults of other pools without the suite, or those with a part of a name
faults *names:
    crates/bench/peers/install || echo 'some pools are missing'
    python3 crates/conformance/adapters/test_faults.py {{ names }}

# Run everything that must pass before a change lands
ci:
    bash .ci/run
