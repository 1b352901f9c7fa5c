//! Calls of the host: too many, and at times when none is allowed.

use signalbox_policy::{FaultKind, Limits};

use crate::{
    attack::{Attack, limits},
    guest::Guest,
};

/// `describe-statement` of the id `{}`, which is a text like any other.
const DESCRIBE: &str =
    "(call $describe (i32.const 96) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 4096))";

pub(crate) fn attacks() -> Vec<Attack> {
    let attack = |name, guest: Guest, kind, says| Attack::new(name, &guest, kind, says);
    let leave = "cannot leave component instance";
    vec![
        attack(
            "a flood of calls of a service",
            // Each reply is put where the last one was, so that memory does not end first.
            Guest::invoking(&format!(
                "(loop $again (global.set $next (i32.const 8192)) {DESCRIBE} (br $again))"
            )),
            FaultKind::HostCalls,
            "it made more than the 200 host calls",
        )
        .within(Limits {
            guest_time_ms: 10_000,
            ..limits()
        }),
        attack(
            "a flood of statement ids of 15 MiB",
            Guest {
                memory: "242",
                ..Guest::invoking(
                    "(loop $again
                       (global.set $next (i32.const 8192))
                       (call $describe (i32.const 65536) (i32.const 15728640) (i32.const 0) (i32.const 0)
                         (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 4096))
                       (br $again))",
                )
            },
            FaultKind::HostCalls,
            "it made more than the 20 host calls",
        )
        .within(Limits {
            guest_time_ms: 10_000,
            // What is refused 20 times, and kept, is seen in the host's memory.
            host_calls: 20,
            ..limits()
        }),
        attack(
            "a flood of calls of the clock",
            Guest::invoking("(loop $again (drop (call $now)) (br $again))"),
            FaultKind::Timeout,
            "150 ms of guest time",
        ),
        attack(
            "a flood of log lines",
            Guest::invoking(
                "(loop $again
                   (call $log (i32.const 0) (i32.const 96) (i32.const 2) (i32.const 0) (i32.const 0))
                   (br $again))",
            ),
            FaultKind::Timeout,
            "150 ms of guest time",
        ),
        attack(
            "a flood of log lines of 15 MiB",
            Guest {
                memory: "242",
                ..Guest::invoking(
                    "(loop $again
                       (call $log (i32.const 0) (i32.const 65536) (i32.const 15728640) (i32.const 0) (i32.const 0))
                       (br $again))",
                )
            },
            FaultKind::Timeout,
            "150 ms of guest time",
        ),
        attack(
            "a call from the start function",
            Guest {
                start: "(drop (call $now)) (loop $again (br $again))",
                ..Guest::default()
            },
            FaultKind::Timeout,
            "150 ms of guest time",
        )
        .during("describe"),
        attack(
            "a call from the allocator",
            Guest {
                realloc: "(drop (call $now))",
                ..Guest::default()
            },
            FaultKind::Trap,
            leave,
        )
        .during("validate-settings"),
        attack(
            "a call from the allocator, within a call",
            Guest {
                realloc: "(if (global.get $inside) (then (drop (call $now))))",
                ..Guest::invoking(&format!("(global.set $inside (i32.const 1)) {DESCRIBE}"))
            }
            .parts("(global $inside (mut i32) (i32.const 0))"),
            FaultKind::Trap,
            leave,
        ),
        attack(
            "a call after the reply was read",
            Guest {
                after_invoke: "(drop (call $now))",
                ..Guest::default()
            },
            FaultKind::Trap,
            leave,
        ),
    ]
}
