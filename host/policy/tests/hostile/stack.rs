//! Recursion without an end.

use signalbox_policy::FaultKind;

use crate::{attack::Attack, guest::Guest};

const STACK: &str = "it recursed until the stack was used up";

pub(crate) fn attacks() -> Vec<Attack> {
    let attack = |name, guest: Guest| Attack::new(name, &guest, FaultKind::Trap, STACK);
    let deep = "(func $deep (param i64) (result i64)
        (i64.add (local.get 0) (call $deep (i64.add (local.get 0) (i64.const 1)))))";
    vec![
        attack(
            "a function that calls itself",
            Guest::invoking("(drop (call $deep (i64.const 0)))").parts(deep),
        ),
        attack(
            "two functions that call each other by a table",
            Guest::invoking("(call $ping)").parts(
                "(type $f (func)) (table 2 2 funcref) (elem (i32.const 0) $ping $pong)
                 (func $ping (call_indirect (type $f) (i32.const 1)) (drop (call $now)))
                 (func $pong (call_indirect (type $f) (i32.const 0)) (drop (call $now)))",
            ),
        ),
        attack(
            "recursion in the start function",
            Guest {
                start: "(drop (call $deep (i64.const 0)))",
                ..Guest::default().parts(deep)
            },
        )
        .during("describe"),
        attack(
            "recursion in the allocator",
            Guest {
                realloc: "(drop (call $deep (i64.const 0)))",
                ..Guest::default().parts(deep)
            },
        )
        .during("validate-settings"),
        attack(
            "recursion after the reply was read",
            Guest {
                after_invoke: "(drop (call $deep (i64.const 0)))",
                ..Guest::default().parts(deep)
            },
        ),
        attack(
            "an export that enters itself",
            Guest::invoking("(drop (call $invoke (local.get $args)))"),
        ),
        attack(
            "frames of a thousand variables",
            Guest::invoking("(call $wide)").parts(format!(
                "(func $wide (local {}) (call $wide) {})",
                "i64 ".repeat(1000),
                (0..1000)
                    .map(|n| format!("(local.set {n} (call $now)) "))
                    .collect::<String>()
            )),
        ),
    ]
}
