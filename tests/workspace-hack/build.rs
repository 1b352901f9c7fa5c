//! Nothing: without a build script cargo does not look at the build-dependencies.

fn main() {}
