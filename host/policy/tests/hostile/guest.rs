//! Components written by hand: each piece of a policy that behaves can be replaced by one that does not.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding};

/// Where the harmless reply of `invoke` is: `ok("{}")`.
const REPLY: &str = "(i32.const 64)";

/// A policy in WebAssembly text. Every field is a body of instructions, but for `parts`.
///
/// The pieces can use `$args`, the address of an export's arguments, `$settings` of `validate-settings`, and the
/// imports `$now`, `$log`, `$describe`, `$execute`, `$succeed`, `$waiter` and `$drop`. `$invoke` is the export.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    /// The memory's sizes.
    pub(crate) memory: &'static str,
    /// Functions, tables and the like that the pieces use.
    pub(crate) parts: String,
    /// The start function.
    pub(crate) start: &'static str,
    /// Before `cabi_realloc` gives memory.
    pub(crate) realloc: &'static str,
    pub(crate) describe: String,
    pub(crate) validate: String,
    /// Makes it a policy that prepares its settings.
    pub(crate) prepare: Option<String>,
    pub(crate) invoke: String,
    /// After the host has read the reply of `invoke`.
    pub(crate) after_invoke: &'static str,
    pub(crate) settle: &'static str,
    pub(crate) closed: &'static str,
    /// Whether it imports WASI, and so can use `$random`, `$bytes`, `$monotonic`, `$wall`, `$sleep`, `$block`, `$awake`,
    /// `$stdout`, `$print` and `$exit`.
    pub(crate) wasi: bool,
    /// Instances beside those that the policy needs.
    pub(crate) bomb: Option<Bomb>,
}

/// A module in WebAssembly text, and how often it is instantiated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bomb {
    pub(crate) module: &'static str,
    pub(crate) instances: usize,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            memory: "2",
            parts: String::new(),
            start: "",
            realloc: "",
            // Zeroes: empty texts, and `ok([])`.
            describe: "(i32.const 0)".to_owned(),
            validate: "(i32.const 0)".to_owned(),
            prepare: None,
            invoke: REPLY.to_owned(),
            after_invoke: "",
            settle: "",
            closed: "(i32.const 0)",
            wasi: false,
            bomb: None,
        }
    }
}

/// What of WASI the guests import, in WebAssembly text.
const WASI: &str = r#"
  (import "wasi:random/random@0.2.6" "get-random-u64" (func $random (result i64)))
  (import "wasi:random/random@0.2.6" "get-random-bytes" (func $bytes (param i64 i32)))
  (import "wasi:clocks/monotonic-clock@0.2.6" "now" (func $monotonic (result i64)))
  (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $sleep (param i64) (result i32)))
  (import "wasi:clocks/wall-clock@0.2.6" "now" (func $wall (param i32)))
  (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.6" "[resource-drop]pollable" (func $awake (param i32)))
  (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush"
    (func $print (param i32 i32 i32 i32)))
  (import "wasi:cli/exit@0.2.6" "exit" (func $exit (param i32)))"#;

/// The same as WIT: a part of WASI is of the type of the whole.
const WASI_WIT: &str = "
package test:test;
package wasi:random@0.2.6 {
  interface random { get-random-u64: func() -> u64; get-random-bytes: func(len: u64) -> list<u8>; }
}
package wasi:clocks@0.2.6 {
  interface monotonic-clock {
    use wasi:io/poll@0.2.6.{pollable};
    now: func() -> u64;
    subscribe-duration: func(when: u64) -> pollable;
  }
  interface wall-clock {
    record datetime { seconds: u64, nanoseconds: u32 }
    now: func() -> datetime;
  }
}
package wasi:io@0.2.6 {
  interface error { resource error; }
  interface poll { resource pollable { block: func(); } }
  interface streams {
    use error.{error};
    variant stream-error { last-operation-failed(error), closed }
    resource output-stream {
      blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
    }
  }
}
package wasi:cli@0.2.6 {
  interface stdout {
    use wasi:io/streams@0.2.6.{output-stream};
    get-stdout: func() -> output-stream;
  }
  interface exit { exit: func(status: result); }
}
world w {
  include signalbox:policy/policy@0.1.0;
  import wasi:random/random@0.2.6;
  import wasi:clocks/monotonic-clock@0.2.6;
  import wasi:clocks/wall-clock@0.2.6;
  import wasi:io/poll@0.2.6;
  import wasi:io/streams@0.2.6;
  import wasi:cli/stdout@0.2.6;
  import wasi:cli/exit@0.2.6;
}";

impl Guest {
    /// One that does this in `invoke` and then replies as if nothing had been.
    pub(crate) fn invoking(deed: &str) -> Self {
        Self {
            invoke: format!("{deed} {REPLY}"),
            ..Self::default()
        }
    }

    /// One whose `invoke` returns this.
    pub(crate) fn replying(address: &str) -> Self {
        Self {
            invoke: address.to_owned(),
            ..Self::default()
        }
    }

    /// One that imports WASI too.
    pub(crate) fn with_wasi(mut self) -> Self {
        self.wasi = true;
        self
    }

    pub(crate) fn parts(mut self, parts: impl Into<String>) -> Self {
        self.parts = parts.into();
        self
    }

    fn text(&self) -> String {
        let Self {
            memory,
            parts,
            start,
            realloc,
            describe,
            validate,
            prepare,
            invoke,
            after_invoke,
            settle,
            closed,
            wasi,
            bomb: _,
        } = self;
        let wasi = if *wasi { WASI } else { "" };
        let prepare = prepare.as_ref().map_or_else(String::new, |body| {
            format!(
                r#"(func (export "signalbox:policy/preparation@0.1.0#prepare-settings") (param i32 i32) (result i32) {body})"#
            )
        });
        let start = if start.is_empty() {
            String::new()
        } else {
            format!("(func $start {start}) (start $start)")
        };
        format!(
            r#"(module
  (import "signalbox:policy/clock@0.1.0" "now" (func $now (result i64)))
  (import "signalbox:policy/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))
  (import "signalbox:policy/redshift-data@0.1.0" "describe-statement"
    (func $describe (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "signalbox:policy/redshift-data@0.1.0" "execute-statement" (func $execute (param i32 i32)))
  (import "signalbox:policy/callbacks@0.1.0" "[method]task.succeed" (func $succeed (param i32 i32 i32 i32)))
  (import "signalbox:policy/callbacks@0.1.0" "[method]task.waiter" (func $waiter (param i32) (result i32)))
  (import "signalbox:policy/callbacks@0.1.0" "[resource-drop]task" (func $drop (param i32)))
  {wasi}
  (memory (export "memory") {memory})
  (data (i32.const 64) "\00\00\00\00\60\00\00\00\02\00\00\00")
  (data (i32.const 96) "{{}}")
  (global $next (mut i32) (i32.const 8192))
  {parts}
  {start}
  (func $realloc (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $at i32)
    {realloc}
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func (export "signalbox:policy/handler@0.1.0#describe") (result i32) {describe})
  (func (export "signalbox:policy/handler@0.1.0#validate-settings") (param $settings i32) (param i32) (result i32)
    {validate})
  (func $invoke (export "signalbox:policy/handler@0.1.0#invoke") (param $args i32) (result i32) {invoke})
  (func (export "cabi_post_signalbox:policy/handler@0.1.0#invoke") (param i32) {after_invoke})
  (func (export "signalbox:policy/handler@0.1.0#settle") (param $args i32) {settle})
  (func (export "signalbox:policy/handler@0.1.0#closed") (param $args i32) (result i32) {closed})
  {prepare}
)"#
        )
    }

    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.text()).unwrap();
        let mut contract = wit_parser::Resolve::default();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        let (mut package, _) = contract.push_dir(wit).unwrap();
        let mut world = match self.prepare {
            Some(_) => "prepared-policy",
            None => "policy",
        };
        if self.wasi {
            package = contract.push_str("wasi.wit", WASI_WIT).unwrap();
            world = "w";
        }
        let world = contract.select_world(&[package], Some(world)).unwrap();
        wit_component::embed_component_metadata(
            &mut module,
            &contract,
            world,
            StringEncoding::UTF8,
        )
        .unwrap();
        let component = ComponentEncoder::default()
            .validate(true)
            .module(&module)
            .unwrap()
            .encode()
            .unwrap();
        match self.bomb {
            Some(Bomb { module, instances }) => {
                appended(component, &wat::parse_str(module).unwrap(), instances)
            }
            None => component,
        }
    }
}

/// Sections of the binary format of components.
const CORE_MODULE: u8 = 1;
const CORE_INSTANCES: u8 = 2;

/// A component with one more module and so many instances of it. No toolchain writes this.
fn appended(mut component: Vec<u8>, module: &[u8], instances: usize) -> Vec<u8> {
    let index = count(&component, CORE_MODULE);
    component.push(CORE_MODULE);
    component.extend(leb(module.len()));
    component.extend(module);
    let mut body = leb(instances);
    for _ in 0..instances {
        // Instantiate this module with no arguments.
        body.push(0);
        body.extend(leb(index));
        body.push(0);
    }
    component.push(CORE_INSTANCES);
    component.extend(leb(body.len()));
    component.extend(body);
    component
}

/// How many sections of a kind a component has.
fn count(component: &[u8], kind: u8) -> usize {
    let (mut at, mut found) = (8, 0);
    while at < component.len() {
        found += usize::from(component[at] == kind);
        at += 1;
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = component[at];
            at += 1;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        at += length;
    }
    found
}

/// A number as WebAssembly writes it (LEB128).
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
