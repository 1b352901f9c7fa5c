//! The code around one call.

use std::fmt::Write as _;

use wit_parser::{
    Function, InterfaceId, LiftLowerAbi, ManglingAndAbi, Resolve, ResourceIntrinsic, Type,
    TypeDefKind, WasmExport, WasmExportKind, WasmImport, WorldId, WorldItem, WorldKey,
    abi::{AbiVariant, WasmType},
};

use super::{
    arguments::{Flat, Image},
    failure,
};

const ABI: ManglingAndAbi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);

/// Where memory begins that is filled before the guest runs.
const DATA: usize = 1024;

/// A policy whose `invoke` calls this function.
pub(super) fn component(
    resolve: &Resolve,
    world: WorldId,
    interface: InterfaceId,
    function: &Function,
) -> Vec<u8> {
    let text = text(resolve, world, interface, function);
    let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    wit_component::embed_component_metadata(
        &mut module,
        resolve,
        world,
        wit_component::StringEncoding::UTF8,
    )
    .expect("the world fits");
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .unwrap_or_else(|error| panic!("{error:#}\n{text}"))
}

fn text(resolve: &Resolve, world: WorldId, interface: InterfaceId, function: &Function) -> String {
    let mut image = Image::new(resolve, DATA);
    let mut wat = String::from("(module\n");
    import(&mut wat, resolve, "call", interface, function);
    drop_task(&mut wat, resolve, world);
    let (handler, functions) = handler(resolve, world);
    let mut bodies = String::new();
    for export in functions {
        let body = match &*export.name {
            "describe" => describe(&mut image, resolve, export),
            "validate-settings" => accept(&mut image, export),
            "invoke" => invoke(&mut image, resolve, function, export),
            // Nobody calls the others.
            _ => "unreachable".to_owned(),
        };
        let signature = resolve.wasm_signature(AbiVariant::GuestExport, export);
        let name = resolve.wasm_export_name(
            ABI,
            WasmExport::Func {
                interface: Some(handler),
                func: export,
                kind: WasmExportKind::Normal,
            },
        );
        let _ = writeln!(
            bodies,
            "(func (export {name:?}){}{} (local $task i32) {body})",
            list("param", &signature.params),
            list("result", &signature.results),
        );
    }
    wat.push_str(&bodies);
    let data: String = image.bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    });
    let _ = writeln!(
        wat,
        "(memory (export \"memory\") 64)
         (data (i32.const {DATA}) \"{data}\")
         (global $free (mut i32) (i32.const {}))
         (func (export \"cabi_realloc\") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
           (local $at i32)
           (local.set $at (i32.and (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
                                   (i32.sub (i32.const 0) (local.get $align))))
           (global.set $free (i32.add (local.get $at) (local.get $new)))
           (local.get $at)))",
        image.end().next_multiple_of(16)
    );
    wat
}

/// The interface that policies export.
pub(super) fn handler(resolve: &Resolve, world: WorldId) -> (&WorldKey, Vec<&Function>) {
    let mut exports = resolve.worlds[world].exports.iter();
    let (key, item) = exports.next().expect("a policy exports something");
    let WorldItem::Interface { id, .. } = item else {
        panic!("a policy exports an interface")
    };
    (key, resolve.interfaces[*id].functions.values().collect())
}

fn import(wat: &mut String, resolve: &Resolve, id: &str, of: InterfaceId, function: &Function) {
    let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
    let (module, name) = resolve.wasm_import_name(
        ABI,
        WasmImport::Func {
            interface: Some(&WorldKey::Interface(of)),
            func: function,
        },
    );
    let _ = writeln!(
        wat,
        "(import {module:?} {name:?} (func ${id}{}{}))",
        list("param", &signature.params),
        list("result", &signature.results),
    );
}

/// A borrowed handle has to be given back before the export returns.
fn drop_task(wat: &mut String, resolve: &Resolve, world: WorldId) {
    let found = super::imports(resolve, world)
        .into_iter()
        .find_map(|(_, id)| {
            let types = resolve.interfaces[id].types.values();
            types
                .copied()
                .find(|ty| matches!(resolve.types[*ty].kind, TypeDefKind::Resource))
                .map(|resource| (id, resource))
        });
    let (interface, resource) = found.expect("the contract has the resource `task`");
    let (module, name) = resolve.wasm_import_name(
        ABI,
        WasmImport::ResourceIntrinsic {
            interface: Some(&WorldKey::Interface(interface)),
            resource,
            intrinsic: ResourceIntrinsic::ImportedDrop,
        },
    );
    let _ = writeln!(wat, "(import {module:?} {name:?} (func $drop (param i32)))");
}

/// A description: every text is `x`, and there is one need.
fn describe(image: &mut Image<'_>, _: &Resolve, export: &Function) -> String {
    let result = export.result.expect("a description");
    let (size, align) = image.size_of(&result);
    let at = image.reserve(size, align);
    image.store(&result, at);
    format!("(i32.const {at})")
}

/// An acceptance without findings is all zeros.
fn accept(image: &mut Image<'_>, export: &Function) -> String {
    let (size, align) = image.size_of(&export.result.expect("a verdict"));
    format!("(i32.const {})", image.reserve(size, align))
}

/// Calls the function, gives the task back, and says what became of it.
fn invoke(
    image: &mut Image<'_>,
    resolve: &Resolve,
    function: &Function,
    export: &Function,
) -> String {
    let signature = resolve.wasm_signature(AbiVariant::GuestExport, export);
    assert!(
        signature.indirect_params,
        "invoke takes so much that it comes in memory"
    );
    let types: Vec<Type> = export.params.iter().map(|param| param.ty).collect();
    let (offsets, _, _) = image.laid_out(&types);
    let task = offsets.last().expect("the task comes last");

    // The reply is `ok` with a text, or `err` with two texts: the contract's `result<json, rejection>`.
    let (size, align) = image.size_of(&export.result.expect("a reply"));
    let reply = image.reserve(size, align);
    let called = "\"called\"";
    let text = image.text(called);
    image.put_u32(reply + 4, text);
    image.put_u32(reply + 8, called.len());

    let call = call(image, resolve, function);
    // An option of a handle is its discriminant and, four bytes further, the handle.
    let mut body = format!(
        "(local.set $task (i32.load offset={} (local.get 0)))\n",
        task + 4
    );
    body.push_str(&call.text);
    if let Some(Told { result, detail }) = call.told {
        let _ = writeln!(
            body,
            "(if (i32.load8_u (i32.const {result})) (then
               (i32.store8 (i32.const {reply}) (i32.const 1))
               (memory.copy (i32.const {}) (i32.const {detail}) (i32.const 16))))",
            reply + 4
        );
    }
    let _ = writeln!(body, "(call $drop (local.get $task)) (i32.const {reply})");
    body
}

struct Call {
    text: String,
    told: Option<Told>,
}

/// Where a call that can fail says so, and where code and message of its failure are.
struct Told {
    result: usize,
    detail: usize,
}

fn call(image: &mut Image<'_>, resolve: &Resolve, function: &Function) -> Call {
    let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
    let types: Vec<Type> = function.params.iter().map(|param| param.ty).collect();
    let mut text = String::new();
    if signature.indirect_params {
        let (_, size, align) = image.laid_out(&types);
        let at = image.reserve(size, align);
        image.store_all(&types, at);
        let _ = writeln!(text, "(i32.const {at})");
    } else {
        for value in types.iter().flat_map(|ty| image.flat(ty)) {
            let _ = match value {
                Flat::Task => writeln!(text, "(local.get $task)"),
                Flat::Number(ty, number) => writeln!(text, "({}.const {number})", core(ty)),
            };
        }
    }
    let mut told = None;
    if signature.retptr {
        let ty = function
            .result
            .expect("what is returned in memory is something");
        let (size, align) = image.size_of(&ty);
        let result = image.reserve(size, align);
        let _ = writeln!(text, "(i32.const {result})");
        told = failure(resolve, function).map(|(whole, err)| Told {
            result,
            detail: result + payload(image, resolve, whole) + payload(image, resolve, err),
        });
    }
    text.push_str("(call $call)\n");
    for _ in &signature.results {
        text.push_str("(drop)\n");
    }
    Call { text, told }
}

/// How far into a variant or a result its payload is.
fn payload(image: &Image<'_>, resolve: &Resolve, ty: &Type) -> usize {
    let Type::Id(mut id) = *ty else {
        panic!("a variant has a name")
    };
    while let TypeDefKind::Type(Type::Id(of)) = resolve.types[id].kind {
        id = of;
    }
    let offset = match &resolve.types[id].kind {
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter().map(|case| case.ty.as_ref());
            image.sizes.payload_offset(variant.tag(), cases)
        }
        TypeDefKind::Result(result) => image.sizes.payload_offset(
            wit_parser::Int::U8,
            [result.ok.as_ref(), result.err.as_ref()],
        ),
        other => panic!("no variant: {other:?}"),
    };
    offset.size_wasm32()
}

fn list(what: &str, types: &[WasmType]) -> String {
    types.iter().fold(String::new(), |mut text, ty| {
        let _ = write!(text, " ({what} {})", core(*ty));
        text
    })
}

fn core(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    }
}
