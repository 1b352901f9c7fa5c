//! Taking what there is: memory, tables, instances.

use signalbox_policy::{FaultKind, Limits};

use crate::{
    attack::{Attack, limits},
    guest::{Bomb, Guest},
};

pub(crate) fn attacks() -> Vec<Attack> {
    let attack = |name, guest: Guest, says| Attack::new(name, &guest, FaultKind::Memory, says);
    vec![
        attack(
            "a memory of 4 GiB from the start",
            Guest {
                memory: "65536",
                ..Guest::default()
            },
            "it asked for 4294967296 bytes of memory and may have 16777216",
        )
        .during("describe"),
        attack(
            "memory, page by page, until a trap",
            Guest::invoking(
                "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable",
            ),
            "bytes of memory and may have 16777216",
        ),
        attack(
            "4 GiB at once",
            Guest::invoking("(drop (memory.grow (i32.const 65000))) unreachable"),
            "bytes of memory and may have 16777216",
        ),
        attack(
            "memory in the start function",
            Guest {
                start: "(drop (memory.grow (i32.const 65000))) unreachable",
                ..Guest::default()
            },
            "bytes of memory and may have 16777216",
        )
        .during("describe"),
        attack(
            "memory after the reply was read",
            Guest {
                after_invoke: "(drop (memory.grow (i32.const 65000))) unreachable",
                ..Guest::default()
            },
            "bytes of memory and may have 16777216",
        ),
        attack(
            "every page that it may have, written",
            Guest::invoking(
                "(loop $again
                   (memory.fill (i32.const 131072) (i32.const 255)
                     (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 131072)))
                   (br_if $again (i32.ne (memory.grow (i32.const 64)) (i32.const -1))))
                 unreachable",
            ),
            "bytes of memory and may have 16777216",
        )
        .within(Limits {
            // Writing it takes its time, the more so on a slow machine.
            guest_time_ms: 10_000,
            ..limits()
        }),
        attack(
            "ten memories",
            Guest::default().parts("(memory 40) ".repeat(9)),
            "bytes of memory and may have 16777216",
        )
        .during("describe"),
        attack(
            "a table of ten million elements",
            Guest::default().parts("(table 10000000 funcref)"),
            "it asked for 10000004 table elements and may have 100000",
        )
        .during("describe"),
        attack(
            "a table that grows",
            Guest::invoking(
                "(loop $again
                   (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
                 unreachable",
            )
            .parts("(table $t 1 funcref)"),
            "table elements and may have 100000",
        ),
        attack(
            "a hundred tables",
            Guest::default().parts("(table 1 funcref) ".repeat(100)),
            "table",
        )
        .during("describe"),
        attack(
            "five hundred instances",
            Guest {
                bomb: Some(Bomb {
                    module: "(module)",
                    instances: 500,
                }),
                ..Guest::default()
            },
            "instance",
        )
        .during("describe"),
        attack(
            "twenty instances with a memory each",
            Guest {
                bomb: Some(Bomb {
                    module: "(module (memory 20))",
                    instances: 20,
                }),
                ..Guest::default()
            },
            "bytes of memory and may have 16777216",
        )
        .during("describe"),
    ]
}
