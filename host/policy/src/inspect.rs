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
impl crate::PolicyEngine {
    /// Says what a component imports and exports, whatever its world. Nothing of it is run.
    ///
    /// # Errors
    /// The bytes are no component.
    pub async fn inspect(
        &self,
        name: &str,
        bytes: std::borrow::Cow<'static, [u8]>,
    ) -> Result<Interfaces, crate::LoadError> {
        use crate::load::World;
        let source = crate::Source::Component(bytes);
        let (component, _) = self
            .component(name, source, crate::Limits::default(), World::Any)
            .await?;
        Ok(Interfaces {
            imports: imports_of(&self.engine, &component),
            exports: exports_of(&self.engine, &component),
        })
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
