//! Values that are none, or enormous.

use signalbox_policy::{FaultKind, Limits};

use crate::{
    attack::{Attack, limits},
    guest::Guest,
};

/// A line of log: this text, and so many fields.
fn log(text: &str, length: &str, fields: &str) -> Guest {
    Guest::invoking(&format!(
        "(call $log (i32.const 0) (i32.const {text}) (i32.const {length}) (i32.const 0) (i32.const {fields}))"
    ))
}

/// A reply of `invoke` whose text is there and so long.
fn reply(at: &str, length: &str) -> Guest {
    Guest::replying(&format!(
        "(i32.store (i32.const 4100) (i32.const {at})) (i32.store (i32.const 4104) (i32.const {length}))
         (i32.const 4096)"
    ))
}

pub(crate) fn attacks() -> Vec<Attack> {
    let trap = |name, guest: Guest, says| Attack::new(name, &guest, FaultKind::Trap, says);
    let wide = Limits {
        memory: 64 << 20,
        ..limits()
    };
    vec![
        trap("a text of 4 GiB for the log", log("0", "-1", "0"), "bounds"),
        trap("a text outside of memory", log("-16", "16", "0"), "bounds"),
        trap("a list of 2^28 fields", log("0", "0", "268435455"), "bounds"),
        trap(
            "a list whose length wraps around",
            log("0", "0", "268435457"),
            "bounds",
        ),
        trap(
            "a level of the log that does not exist",
            Guest::invoking("(call $log (i32.const 99) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))"),
            "",
        ),
        trap(
            "a text that is no UTF-8",
            Guest::invoking(
                "(i32.store8 (i32.const 4096) (i32.const 255))
                 (call $log (i32.const 0) (i32.const 4096) (i32.const 1) (i32.const 0) (i32.const 0))",
            ),
            "utf-8",
        ),
        Attack::new(
            "a text of 40 MiB for the log",
            &Guest {
                memory: "700",
                ..log("65536", "41943040", "0")
            },
            FaultKind::HostCalls,
            "it handed more than 16777216 bytes to one host call",
        )
        .within(wide),
        Attack::new(
            "three million fields, empty",
            &Guest {
                memory: "900",
                ..log("0", "0", "3000000")
            },
            FaultKind::HostCalls,
            "it handed more than 16777216 bytes to one host call",
        )
        .within(wide),
        Attack::new(
            "a reply of 40 MiB",
            &Guest {
                memory: "700",
                ..reply("65536", "41943040")
            },
            FaultKind::Output,
            "it returned more than 16777216 bytes",
        )
        .within(wide),
        trap("a reply outside of memory", reply("65536", "-1"), "bounds"),
        trap(
            "a reply at an address outside of memory",
            Guest::replying("(i32.const -8)"),
            "bounds",
        ),
        trap(
            "a reply at an odd address",
            Guest::replying("(i32.const 65)"),
            "align",
        ),
        trap(
            "a reply that is neither ok nor err",
            Guest::replying("(i32.store8 (i32.const 4096) (i32.const 9)) (i32.const 4096)"),
            "",
        ),
        trap(
            "a decision that does not exist",
            Guest {
                closed: "(i32.const 7)",
                ..Guest::default()
            },
            "",
        )
        .during("closed"),
        trap(
            "prepared settings that are not there",
            Guest {
                prepare: Some("(i32.store8 (i32.const 4096) (i32.const 1)) (i32.store (i32.const 4100) (i32.const -8)) (i32.store (i32.const 4104) (i32.const 64)) (i32.const 4096)".to_owned()),
                ..Guest::default()
            },
            "out of bounds",
        )
        .during("prepare-settings"),
        trap(
            "memory for an argument that is not there",
            Guest {
                realloc: "(return (i32.const -8))",
                ..Guest::default()
            },
            "beyond end of memory",
        )
        .during("validate-settings"),
        trap(
            "memory for a record at an odd address",
            Guest {
                realloc: "(if (i32.gt_u (local.get $size) (i32.const 16)) (then (return (i32.const 4097))))",
                ..Guest::default()
            },
            "align",
        ),
    ]
}
