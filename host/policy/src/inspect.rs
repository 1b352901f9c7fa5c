//! What a component imports and exports.

use wasmtime::{Engine, component::Component};

/// The names of what a component imports and exports, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interfaces {
    /// What it needs, such as `signalbox:policy/clock@0.1.0`.
    pub imports: Vec<String>,
    /// What it offers, such as `signalbox:policy/handler@0.1.0`.
    pub exports: Vec<String>,
}

#[cfg(feature = "compiler")]
impl Interfaces {
    /// Those of a component, whatever its world. Nothing of it is compiled.
    ///
    /// # Errors
    /// The bytes are no component, or hold too much.
    pub fn of(name: &str, bytes: &[u8]) -> Result<Self, crate::LoadError> {
        crate::magic::is_component(name, bytes)?;
        let crate::outline::Outline {
            mut imports,
            mut exports,
            ..
        } = crate::outline::Outline::of(name, bytes)?;
        imports.sort();
        exports.sort();
        Ok(Self { imports, exports })
    }
}

pub(crate) fn imports_of(engine: &Engine, component: &Component) -> Vec<String> {
    let mut names: Vec<_> = component
        .component_type()
        .imports(engine)
        .map(|(name, _)| name.to_owned())
        .collect();
    names.sort();
    names
}

pub(crate) fn exports_of(engine: &Engine, component: &Component) -> Vec<String> {
    let mut names: Vec<_> = component
        .component_type()
        .exports(engine)
        .map(|(name, _)| name.to_owned())
        .collect();
    names.sort();
    names
}
