//! Loops, wherever the host runs the guest.

use signalbox_policy::FaultKind;

use crate::{attack::Attack, guest::Guest};

const SPIN: &str = "(loop $again (br $again))";
const GUEST_TIME: &str = "it ran for more than the 150 ms of guest time";

pub(crate) fn attacks() -> Vec<Attack> {
    let attack = |name, guest: Guest| Attack::new(name, &guest, FaultKind::Timeout, GUEST_TIME);
    let behaved = Guest::default;
    vec![
        attack(
            "a loop in the start function",
            Guest {
                start: SPIN,
                ..behaved()
            },
        )
        .during("describe"),
        attack(
            "a loop in describe",
            Guest {
                describe: format!("{SPIN} (i32.const 0)"),
                ..behaved()
            },
        )
        .during("describe"),
        attack(
            "a loop in validate-settings",
            Guest {
                validate: format!("{SPIN} (i32.const 0)"),
                ..behaved()
            },
        )
        .during("validate-settings"),
        attack(
            "a loop in prepare-settings",
            Guest {
                prepare: Some(format!("{SPIN} (i32.const 0)")),
                ..behaved()
            },
        )
        .during("prepare-settings"),
        attack("a loop in invoke", Guest::invoking(SPIN)),
        attack(
            "a loop in settle",
            Guest {
                settle: SPIN,
                ..behaved()
            },
        )
        .during("settle"),
        attack(
            "a loop in closed",
            Guest {
                closed: "(loop $again (br $again)) (i32.const 0)",
                ..behaved()
            },
        )
        .during("closed"),
        // `validate-settings` is the first that takes an argument from the host.
        attack(
            "a loop in the allocator",
            Guest {
                realloc: SPIN,
                ..behaved()
            },
        )
        .during("validate-settings"),
        attack(
            "a loop in the allocator, for a reply of the host",
            Guest::invoking(DESCRIBE).parts(ARMED).armed(),
        ),
        attack(
            "a loop after the reply was read",
            Guest {
                after_invoke: SPIN,
                ..behaved()
            },
        ),
        attack(
            "a loop of calls to itself that return",
            Guest::invoking("(loop $again (call $nothing) (br $again))").parts("(func $nothing)"),
        ),
        attack(
            "one instruction that fills 15 MiB, again and again",
            Guest {
                memory: "240",
                ..Guest::invoking(
                    "(loop $again (memory.fill (i32.const 65536) (i32.const 0) (i32.const 15663104)) (br $again))",
                )
            },
        ),
    ]
}

/// Arms the allocator, then asks for something that the host has to put into the guest's memory.
const DESCRIBE: &str = "(global.set $armed (i32.const 1))
    (call $describe (i32.const 96) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 4096))";
const ARMED: &str = "(global $armed (mut i32) (i32.const 0))";

impl Guest {
    fn armed(mut self) -> Self {
        self.realloc = "(loop $again (br_if $again (global.get $armed)))";
        self
    }
}
