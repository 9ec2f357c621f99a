//! Nothing: this crate is its benches.
