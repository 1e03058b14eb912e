# `just` lists the recipes, in their order.

# List the recipes
default:
    @{{ quote(just_executable()) }} --list --unsorted

# Run the article's program
[group('start here')]
demo:
    cargo run --example initializer_worker

# Run the tests (README's command)
[group('start here')]
test *arguments:
    cargo test {{ arguments }}

# Run a program on real parts; without a name, list them
[group('start here')]
recipe name="" *arguments:
    @{{ if name == "" { "sed -nE 's/^[|] .`([a-z_]+)`[^|]*[|] ([^|]*).*/\\1: \\2/p' examples/recipes/README.md" } else { "cargo run --quiet --package procpool-recipes --bin " + quote(name) + " -- " + arguments } }}

# Run and judge pools on a real Slurm over five hosts made of namespaces (takes root)
[group('start here')]
hosts *arguments:
    cargo test --package procpool-hosts --test slurm -- --include-ignored {{ arguments }}
    crates/hosts/tests/slurm/suite {{ arguments }}

# Record a run (article, failures) as a picture and for ui.perfetto.dev
[group('start here')]
timeline program="article":
    cargo run --quiet --package procpool-timeline --example {{ quote(program) }}
    @echo 'See target/timeline/'{{ quote(program) }}'.svg, and open .json in https://ui.perfetto.dev'

# Build the book into book/book/ and say where it is
[group('start here')]
book:
    cargo run --package procpool-book -- build

# Build the crate's documentation
[group('start here')]
doc:
    RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps

# Check an adapter against the contract
[group('judge a pool')]
adapter-check command:
    cargo run --quiet --package procpool-conformance --bin conformance -- check {{ quote(command) }}

# Judge all pools that have an adapter; the book shows it
[group('judge a pool')]
conformance-all *arguments:
    #!/usr/bin/env bash
    # Arguments: `-j N` judges N at a time; a part of a name, only those.
    crates/bench/peers/install || echo 'some pools are missing'
    # With the cases that take minutes.
    CONFORMANCE_TIER=all crates/conformance/run-all {{ arguments }}
    code=$?
    # Those that are not as expected belong there, too; what could not be judged, and a part, do not.
    if [ "$code" -lt 2 ] && {{ if arguments =~ '^(-j *[0-9]+)?$' { "true" } else { "false" } }}; then
        cargo run --package procpool-book -- adopt target/conformance/all/results.json || code=2
    fi
    exit "$code"

# Show the known faults of other pools without the suite
[group('judge a pool')]
faults *names:
    crates/bench/peers/install || echo 'some pools are missing'
    python3 crates/conformance/adapters/test_faults.py {{ names }}

# Measure; the modes full and scale write the book's numbers
[group('measure')]
bench mode="full" *arguments:
    {{ if mode == "full" { "crates/bench/peers/install || echo 'some pools are missing'" } else { "" } }}
    {{ if mode == "full" { "cargo build --release --package procpool-peers" } else { "" } }}
    cargo run --release --package procpool-bench -- {{ mode }} {{ arguments }}
    {{ if mode + arguments == "full" { "cargo run --package procpool-book -- adopt target/bench/results.json" } else { "" } }}
    {{ if mode == "scale" { "cargo run --package procpool-book -- adopt target/bench/scale.json" } else { "" } }}

# See by perf(1) where the time goes; the book shows it
[group('measure')]
profile:
    cargo run --release --package procpool-bench -- profile
    cargo run --package procpool-book -- adopt target/bench/profile.json

# Check formatting and lints
[group('change it')]
lint:
    cargo fmt --all -- --check
    cargo clippy --workspace --all-targets -- --deny warnings

# Regenerate the book's transcripts and figures, by running them
[group('change it')]
bless:
    cargo run --package procpool-book -- bless

# Model-check the link's protocol and futures
[group('change it')]
loom:
    RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom --package procpool-link --package procpool --lib model

# Feed the decoders made-up bytes: a target or all, seconds for each
[group('change it')]
fuzz target="all" seconds="120":
    bash .ci/fuzz {{ target }} {{ seconds }}

# Run everything that must pass before a change lands
[group('change it')]
ci:
    bash .ci/run
