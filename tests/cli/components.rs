//! Components that cost far more than their size says.

use std::time::{Duration, Instant};

use super::support::Desk;

/// A number as WebAssembly writes it.
fn leb(mut number: usize, out: &mut Vec<u8>) {
    loop {
        let byte = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

fn section(id: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push(id);
    leb(content.len(), out);
    out.extend(content);
}

/// A component around one module with these functions, which exports an interface of this name.
fn component(export: &str, bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(1, &[1, 0x60, 0, 0], &mut module);
    let mut functions = Vec::new();
    leb(bodies.len(), &mut functions);
    functions.resize(functions.len() + bodies.len(), 0);
    section(3, &functions, &mut module);
    let mut code = Vec::new();
    leb(bodies.len(), &mut code);
    for body in bodies {
        leb(body.len(), &mut code);
        code.extend(body);
    }
    section(10, &code, &mut module);

    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    section(1, &module, &mut component);
    // An instance of nothing, for the export.
    section(5, &[1, 1, 0], &mut component);
    let mut exports = vec![1, 0];
    leb(export.len(), &mut exports);
    exports.extend(export.as_bytes());
    exports.extend([5, 0, 0]);
    section(11, &exports, &mut component);
    component
}

/// A function of so many locals and a body of so many bytes that keeps all of them alive over branches.
fn costly(locals: usize, bytes: usize) -> Vec<u8> {
    let mut body = vec![1];
    leb(locals, &mut body);
    body.push(0x7e);
    let mut n = 0_usize;
    while body.len() < bytes {
        n += 1;
        for place in [n % locals, (n * 7 + 1) % locals] {
            body.push(0x20);
            leb(place, &mut body);
        }
        // i64.mul, local.tee, i64.eqz, if, end
        body.extend([0x7e, 0x22]);
        leb((n * 13 + 5) % locals, &mut body);
        body.extend([0x50, 0x04, 0x40, 0x0b]);
    }
    body.push(0x0b);
    body
}

const HANDLER: &str = "signalbox:policy/handler@0.1.0";

#[test]
fn what_has_too_much_of_anything_is_refused_before_it_is_compiled() {
    let desk = Desk::new();
    let nothing = vec![0, 0x0b];
    for (name, bytes, wanted) in [
        (
            "many.wasm",
            component(HANDLER, &vec![nothing.clone(); 100_001]),
            "more than 100000 functions",
        ),
        (
            "long.wasm",
            component(HANDLER, &[costly(10, 1_100_000)]),
            "more than 1048576 bytes in one function",
        ),
        (
            "wide.wasm",
            component(HANDLER, &[costly(20_001, 100)]),
            "more than 20000 locals in one function",
        ),
        (
            "all.wasm",
            component(HANDLER, &vec![costly(19_000, 10); 200]),
            "locals in all functions together",
        ),
        (
            "other.wasm",
            component(
                "other:policy/handler@0.1.0",
                &vec![costly(2_000, 900_000); 3],
            ),
            "`other:policy/handler@0.1.0`; `signalbox:policy/handler@",
        ),
    ] {
        desk.file(name, bytes);
        let began = Instant::now();
        let ended = desk.run(&["policy", "check", name]);
        assert_ne!(ended.code, Some(0));
        let said = format!("{}{}", ended.out, ended.err);
        assert!(said.contains(wanted), "{name}: {said}");
        // Compiling any of them takes minutes.
        assert!(began.elapsed() < Duration::from_secs(20), "{name}");
    }
}

#[test]
fn what_costs_too_much_to_compile_is_ended_at_its_limits() {
    let desk = Desk::new();
    desk.file(
        "costly.wasm",
        component(HANDLER, &vec![costly(2_000, 900_000); 3]),
    );
    for (variable, value, wanted) in [
        ("SIGNALBOX_COMPILE_SECONDS", "2", "2 s of processor time"),
        ("SIGNALBOX_COMPILE_MEMORY_MB", "100", "100 MB"),
    ] {
        let output = desk
            .command(&["policy", "check", "costly.wasm"])
            .env(variable, value)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert_ne!(output.status.code(), Some(0), "{said}");
        assert!(
            said.contains("was not compiled: the compiler ended with "),
            "{said}"
        );
        assert!(said.contains(wanted), "{said}");
    }
}

/// A component of types within each other, which a compiler takes apart by recursion.
fn nested(depth: usize) -> Vec<u8> {
    let mut types = vec![1];
    // A component type of one declaration, which is a type.
    types.extend([0x41, 1, 1].repeat(depth));
    types.extend([0x41, 0]);
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    section(7, &types, &mut component);
    section(5, &[1, 1, 0], &mut component);
    let mut exports = vec![1, 0];
    leb(HANDLER.len(), &mut exports);
    exports.extend(HANDLER.as_bytes());
    exports.extend([5, 0, 0]);
    section(11, &exports, &mut component);
    component
}

/// The compiler may end in any way: the program that asked it goes on and says how.
#[test]
fn a_compiler_that_overflows_its_stack_takes_nothing_with_it() {
    let desk = Desk::new();
    desk.file("deep.wasm", nested(5_000));
    desk.file("deeper.wasm", nested(300_000));
    for name in ["deep.wasm", "deeper.wasm"] {
        for (command, code) in [("check", 1), ("compile", 2)] {
            desk.run(&["policy", command, name])
                .coded(code)
                .says("was not compiled: the compiler ended with signal: 6 (SIGABRT): ")
                .says("overflowed its stack");
        }
    }
    // Reading what it has compiles nothing.
    desk.run(&["policy", "inspect", "deep.wasm"])
        .coded(0)
        .says(HANDLER);
}

#[test]
fn limits_that_are_no_limits_are_refused_and_named() {
    let desk = Desk::new();
    desk.file("any.wasm", component(HANDLER, &[vec![0, 0x0b]]));
    for (variable, value, wanted) in [
        ("SIGNALBOX_COMPILE_SECONDS", "0", "from 1 to 600"),
        ("SIGNALBOX_COMPILE_MEMORY_MB", "1GB", "from 64 to 65536"),
    ] {
        for command in ["check", "compile"] {
            let output = desk
                .command(&["policy", command, "any.wasm"])
                .env(variable, value)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_ne!(output.status.code(), Some(0), "{said}");
            assert!(said.contains(variable) && said.contains(wanted), "{said}");
        }
    }
}

/// Somebody's own limits are lower, and cannot be raised.
#[cfg(unix)]
#[test]
fn a_machine_that_allows_less_compiles_within_that() {
    let desk = Desk::new();
    desk.file("any.wasm", component(HANDLER, &[vec![0, 0x0b]]));
    let script = "ulimit -t 50 && ulimit -d 800000 && exec \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, "sh"]);
    let own = desk.command(&["policy", "compile", "any.wasm"]);
    command
        .arg(own.get_program())
        .args(own.get_args())
        .current_dir(desk.path());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(desk.path().join("any.cwasm").exists());
}

#[test]
fn a_component_that_is_broken_inside_is_said_so_by_the_compiler() {
    let desk = Desk::new();
    // `i64.mul` of nothing.
    desk.file("broken.wasm", component(HANDLER, &[vec![0, 0x7e, 0x0b]]));
    let ended = desk.run(&["policy", "check", "broken.wasm"]);
    let said = format!("{}{}", ended.out, ended.err);
    assert_ne!(ended.code, Some(0));
    assert!(said.contains("the component does not compile: "), "{said}");
}
