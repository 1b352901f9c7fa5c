//! References to tasks that nobody gave.

use signalbox_policy::FaultKind;

use crate::{attack::Attack, guest::Guest};

/// Answers through this handle.
fn succeed(handle: &str) -> Guest {
    Guest::invoking(&format!(
        "(call $succeed {handle} (i32.const 96) (i32.const 2) (i32.const 4096))"
    ))
}

/// Starts a statement for this handle.
fn execute(handle: &str) -> Guest {
    Guest::invoking(&format!(
        "(i32.store (i32.const 2048) (i32.const 1)) (i32.store (i32.const 2052) {handle})
         (call $execute (i32.const 2048) (i32.const 4096))"
    ))
}

/// The handle that `invoke` was given.
const OWN: &str = "(i32.load offset=68 (local.get $args))";

pub(crate) fn attacks() -> Vec<Attack> {
    let attack = |name, guest: Guest, says| Attack::new(name, &guest, FaultKind::Trap, says);
    let unknown = "handle index";
    let own = |deed: &str| Guest::invoking(&deed.replace("OWN", OWN));
    vec![
        attack(
            "an answer through handle 0",
            succeed("(i32.const 0)"),
            unknown,
        ),
        attack(
            "an answer through handle 1 without a task",
            succeed("(i32.const 1)"),
            unknown,
        ),
        attack(
            "an answer through the greatest handle",
            succeed("(i32.const -1)"),
            unknown,
        ),
        attack(
            "an answer through the handle next to its own",
            succeed(&format!("(i32.add {OWN} (i32.const 1))")),
            unknown,
        )
        .waited_for(),
        attack(
            "a start for another's task",
            execute("(i32.const 1)"),
            unknown,
        ),
        attack(
            "a start for the task next to its own",
            execute(&format!("(i32.add {OWN} (i32.const 1))")),
            unknown,
        )
        .waited_for(),
        attack(
            "a drop of a handle it was not given",
            own("(call $drop (i32.const 1))"),
            unknown,
        ),
        attack(
            "a handle dropped twice",
            own("(call $drop OWN) (call $drop OWN)"),
            unknown,
        )
        .waited_for(),
        attack(
            "a handle used after it was dropped",
            own("(call $drop OWN) (drop (call $waiter OWN))"),
            unknown,
        )
        .waited_for(),
        attack("a handle kept beyond the call", own(""), "borrow").waited_for(),
    ]
}
