//! Policies made from the contract's text: each calls one function of one import.
//!
//! Nobody lists the functions: they are read from WIT files, and for each a component is made that calls it with the
//! smallest arguments its types allow and says what became of that. So a function that is added to the contract is
//! tried like the others without anybody thinking of it.

mod arguments;
mod module;

use std::path::Path;

use wit_parser::{Function, InterfaceId, Resolve, Type, TypeDefKind, WorldId, WorldItem};

/// A function of an import, and a policy that calls it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The interface's name, without package and version: `redshift-data`.
    pub interface: String,
    /// The function's name: `execute-statement`, `task.heartbeat`.
    pub function: String,
    /// Whether it can fail with the contract's `failure`.
    pub fails: bool,
    /// The policy. `invoke` has to be given a task. It rejects the payload with the failure's code and message if the
    /// call failed, and else replies with `"called"`.
    pub component: Vec<u8>,
}

impl Caller {
    /// `redshift-data/execute-statement`
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.interface, self.function)
    }
}

/// What is in the files of a version of the contract.
#[derive(Debug, Clone)]
pub struct Contract {
    /// The version.
    pub version: String,
    /// The interfaces that the world `policy` imports, and the functions of each.
    pub imports: Vec<(String, Vec<String>)>,
    /// The functions of the interface that it exports.
    pub exports: Vec<String>,
    /// A policy for every function of the imports.
    pub callers: Vec<Caller>,
}

/// Reads the contract from the WIT files in a folder.
///
/// # Panics
/// The files are not the contract's, or need what is not made here yet.
#[must_use]
pub fn contract(wit: &Path) -> Contract {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit).expect("the contract's files");
    let world = resolve
        .select_world(&[package], Some("policy"))
        .expect("the contract's world");
    let version = resolve.packages[package].name.version.as_ref();
    let (_, exports) = module::handler(&resolve, world);
    let mut contract = Contract {
        version: version.expect("a version").to_string(),
        imports: Vec::new(),
        exports: exports
            .iter()
            .map(|function| function.name.clone())
            .collect(),
        callers: Vec::new(),
    };
    for (interface, id) in imports(&resolve, world) {
        let functions = resolve.interfaces[id].functions.values();
        let names = functions
            .clone()
            .map(|function| plain(&function.name).to_owned())
            .collect();
        contract.imports.push((interface.clone(), names));
        for function in functions {
            contract.callers.push(Caller {
                interface: interface.clone(),
                function: plain(&function.name).to_owned(),
                fails: fails(&resolve, function),
                component: module::component(&resolve, world, id, function),
            });
        }
    }
    contract
}

/// The interfaces that a world imports, and their names.
fn imports(resolve: &Resolve, world: WorldId) -> Vec<(String, InterfaceId)> {
    let imports = resolve.worlds[world].imports.values();
    imports
        .filter_map(|item| match item {
            WorldItem::Interface { id, .. } => {
                Some((resolve.interfaces[*id].name.clone().expect("a name"), *id))
            }
            _ => None,
        })
        .collect()
}

/// A method's name as people write it.
fn plain(name: &str) -> &str {
    name.strip_prefix("[method]").unwrap_or(name)
}

/// Whether the function's result is `result<_, failure>`.
fn fails(resolve: &Resolve, function: &Function) -> bool {
    failure(resolve, function).is_some()
}

/// The result of a function that can fail, and its error.
fn failure<'a>(resolve: &'a Resolve, function: &'a Function) -> Option<(&'a Type, &'a Type)> {
    let whole = function.result.as_ref()?;
    let Type::Id(id) = whole else { return None };
    let TypeDefKind::Result(result) = &resolve.types[*id].kind else {
        return None;
    };
    let err = result.err.as_ref()?;
    let &Type::Id(mut named) = err else {
        return None;
    };
    while let TypeDefKind::Type(Type::Id(of)) = &resolve.types[named].kind {
        named = *of;
    }
    (resolve.types[named].name.as_deref() == Some("failure")).then_some((whole, err))
}
