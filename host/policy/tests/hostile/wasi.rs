//! What WASI gives, taken too far; and what it gives, the same in a replay.

use std::{fs, path::Path};

use signalbox_policy::{
    CallContext, EngineOptions, FaultKind, Metering, Policy, PolicyEngine, Target, artifact,
};

use crate::{
    attack::Attack,
    common::{self, Fake},
    guest::Guest,
};

pub(crate) fn attacks() -> Vec<Attack> {
    let attack = |name, deed: &str, kind, says| {
        Attack::new(name, &Guest::invoking(deed).with_wasi(), kind, says)
    };
    let guest_time = "150 ms of guest time";
    vec![
        attack(
            "a flood of random numbers",
            "(loop $again
               (global.set $next (i32.const 8192))
               (call $bytes (i64.const 50000) (i32.const 4096))
               (br $again))",
            FaultKind::Timeout,
            guest_time,
        ),
        attack(
            "random bytes of 4 GiB",
            "(call $bytes (i64.const 4294967296) (i32.const 4096))",
            FaultKind::Trap,
            "requested len 4294967296 exceeds limit 65536",
        ),
        attack(
            "streams without an end",
            "(loop $again (drop (call $stdout)) (br $again))",
            FaultKind::Memory,
            "it held more than the 1000 WASI resources",
        ),
        attack(
            "sleeps without an end",
            "(loop $again (drop (call $sleep (i64.const 1))) (br $again))",
            FaultKind::Memory,
            "it held more than the 1000 WASI resources",
        ),
        attack(
            "a sleep of centuries, again and again",
            "(local $sleep i32)
             (loop $again
               (local.set $sleep (call $sleep (i64.const -1)))
               (call $block (local.get $sleep))
               (call $awake (local.get $sleep))
               (br $again))",
            FaultKind::Timeout,
            guest_time,
        ),
        attack(
            "standard output without an end of the line",
            "(local $stdout i32)
             (local.set $stdout (call $stdout))
             (loop $again
               (call $print (local.get $stdout) (i32.const 8192) (i32.const 4096) (i32.const 64))
               (br $again))",
            FaultKind::Timeout,
            guest_time,
        ),
        attack(
            "more for standard output than it takes",
            "(call $print (call $stdout) (i32.const 8192) (i32.const 65536) (i32.const 64))",
            FaultKind::Trap,
            "",
        ),
        attack(
            "an end of the process",
            "(call $exit (i32.const 1))",
            FaultKind::Trap,
            "it ended itself (`exit` with status 1)",
        ),
    ]
}

/// Replies with a random number and both clocks, after a sleep of an hour.
fn teller() -> Guest {
    let deed = "(local $sleep i32)
        (local.set $sleep (call $sleep (i64.const 3600000000000)))
        (call $block (local.get $sleep))
        (call $awake (local.get $sleep))
        (call $wall (i32.const 2048))
        (call $hex (i32.const 4097) (call $random))
        (call $hex (i32.const 4113) (call $monotonic))
        (call $hex (i32.const 4129) (i64.load (i32.const 2048)))
        (i32.store8 (i32.const 4096) (i32.const 34))
        (i32.store8 (i32.const 4145) (i32.const 34))
        (i32.store (i32.const 2064) (i32.const 0))
        (i32.store (i32.const 2068) (i32.const 4096))
        (i32.store (i32.const 2072) (i32.const 50))
        (i32.const 2064)";
    Guest::replying(deed).with_wasi().parts(
        r#"(data (i32.const 1024) "0123456789abcdef")
        (func $hex (param $at i32) (param $number i64) (local $left i32)
          (local.set $left (i32.const 16))
          (loop $digit
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (i32.store8 (i32.add (local.get $at) (local.get $left))
              (i32.load8_u (i32.add (i32.const 1024)
                (i32.wrap_i64 (i64.and (local.get $number) (i64.const 15))))))
            (local.set $number (i64.shr_u (local.get $number) (i64.const 4)))
            (br_if $digit (local.get $left))))"#,
    )
}

#[tokio::test]
async fn time_and_random_numbers_are_those_of_the_event() {
    let _alone = crate::ALONE.lock().await;
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let policy = crate::load(&engine, teller().build()).await.unwrap();
    assert!(policy.needs_wasi());
    // The tests of the lean host load it too.
    let code = artifact::compile(&teller().build(), &Target::host(), Metering::Off).unwrap();
    let lean = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasi.artifact");
    fs::write(lean, code).unwrap();

    let tell = async |request: &str, now: u64| {
        let mut invocation = common::payload("{}");
        request.clone_into(&mut invocation.request_id);
        let context = CallContext {
            now,
            ..common::context(&Fake::new())
        };
        let reply = policy.invoke(context, invocation, None).await.unwrap();
        let reply: String = serde_json::from_str(&reply.reply.unwrap()).unwrap();
        [&reply[..16], &reply[16..32], &reply[32..]]
            .map(|hex| u64::from_str_radix(hex, 16).unwrap())
    };
    let now = 1_700_000_000_000;
    let first = tell("one", now).await;
    assert_eq!(first, tell("one", now).await, "a replay sees the same");
    let [random, monotonic, seconds] = first;
    let hour = 3600;
    assert!(
        (hour..hour + 2).contains(&(monotonic / 1_000_000_000)),
        "{monotonic}"
    );
    assert!(
        (hour..hour + 2).contains(&(seconds - now / 1000)),
        "{seconds}"
    );
    assert_ne!(random, tell("another", now).await[0]);
    assert_ne!(random, tell("one", now + 1).await[0]);
}
