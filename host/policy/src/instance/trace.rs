//! Where a guest trapped, by the names of its functions.

use std::fmt::Write as _;

use wasmtime::WasmBacktrace;

/// How many functions of a backtrace are named.
const FRAMES: usize = 4;

/// What the functions are called that Rust runs between a panic and the trap.
const MACHINERY: [&str; 8] = [
    "__rust", "rust_", "alloc::", "core::", "std::", "<alloc::", "<core::", "<std::",
];

/// The innermost functions, as the end of a sentence; empty if nothing is known of them.
///
/// A guest without a name section has only numbers to show.
pub(crate) fn describe(trace: &WasmBacktrace) -> String {
    let frames = trace
        .frames()
        .iter()
        .map(|frame| match frame.func_name() {
            Some(name) => format!("`{}`", readable(name)),
            None => format!("function {}", frame.func_index()),
        })
        .collect::<Vec<_>>();
    list(&frames)
}

fn list(frames: &[String]) -> String {
    let own = frames.iter().position(|frame| !is_machinery(frame));
    let mut text = String::new();
    for (n, frame) in frames
        .iter()
        .skip(own.unwrap_or_default())
        .take(FRAMES)
        .enumerate()
    {
        let joint = if n == 0 { "; in " } else { " < " };
        // Writing to a `String` does not fail.
        let _ = write!(text, "{joint}{frame}");
    }
    text
}

fn is_machinery(frame: &str) -> bool {
    frame
        .strip_prefix('`')
        .is_some_and(|name| MACHINERY.iter().any(|prefix| name.starts_with(prefix)))
}

/// A name as it is written in the source, without the digest that compilers append.
fn readable(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_panic_is_where_it_was_raised() {
        let trace = frames(&[
            "`std::panicking::rust_panic`",
            "`__rustc::rust_begin_unwind`",
            "`core::panicking::panic_fmt`",
            "`my_policy::rules::check`",
            "`my_policy::invoke`",
        ]);
        assert_eq!(
            list(&trace),
            "; in `my_policy::rules::check` < `my_policy::invoke`"
        );
    }

    #[test]
    fn where_all_is_machinery_or_nameless_the_innermost_are_shown() {
        assert_eq!(
            list(&frames(&["`std::process::abort`", "`core::ops::f`"])),
            "; in `std::process::abort` < `core::ops::f`"
        );
        assert_eq!(
            list(&frames(&["function 7", "function 8"])),
            "; in function 7 < function 8"
        );
        assert_eq!(list(&[]), "");
    }

    #[test]
    fn names_are_as_in_the_source() {
        assert_eq!(
            readable("_ZN6hostil5deeds4trap17h0123456789abcdefE"),
            "hostil::deeds::trap"
        );
        assert_eq!(readable("plain"), "plain");
    }
}
