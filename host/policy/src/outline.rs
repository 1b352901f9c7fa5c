//! What a component consists of, from one pass over its sections: nothing of it is compiled.
//!
//! Compiling costs far more than the file's size says: 2.7 MB of hostile code took 103 seconds and 2.4 GB. So what
//! costs is counted first, and a component of another world is refused before it costs anything.

use wasmparser::{Parser, Payload};

use crate::load_error::LoadError;

/// What of a component costs, and the most of it. Interpreters of whole languages have a tenth of that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Counts {
    depth: u64,
    modules: u64,
    functions: u64,
    body: u64,
    locals: u64,
    all_locals: u64,
    types: u64,
    names: u64,
}

impl Counts {
    /// What there is too much of, and how much there may be.
    fn too_much(&self) -> Option<(&'static str, u64)> {
        let bounds = [
            ("nested components", self.depth, 32),
            ("modules and components", self.modules, 1_000),
            ("functions", self.functions, 100_000),
            ("bytes in one function", self.body, 1_048_576),
            ("locals in one function", self.locals, 20_000),
            (
                "locals in all functions together",
                self.all_locals,
                3_000_000,
            ),
            ("types", self.types, 100_000),
            (
                "imports, exports, instances and aliases",
                self.names,
                200_000,
            ),
        ];
        let exceeded = bounds.into_iter().find(|(_, found, most)| found > most)?;
        Some((exceeded.0, exceeded.2))
    }
}

/// The names that a component itself imports and exports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outline {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    counts: Counts,
}

impl Outline {
    /// Reads a component's outline.
    ///
    /// # Errors
    /// It is broken, or has more of something than it may.
    pub(crate) fn of(policy: &str, bytes: &[u8]) -> Result<Self, LoadError> {
        let mut outline = Self::default();
        let mut depth = 0_u64;
        for payload in Parser::new(0).parse_all(bytes) {
            let broken = |reason: String| LoadError::Invalid {
                policy: policy.to_owned(),
                reason,
            };
            let payload = payload.map_err(|error| broken(error.to_string()))?;
            match &payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                    depth += 1;
                    outline.counts.depth = outline.counts.depth.max(depth);
                    outline.counts.modules += 1;
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ => outline
                    .count(&payload, depth)
                    .map_err(|error| broken(error.to_string()))?,
            }
            if let Some((what, most)) = outline.counts.too_much() {
                return Err(LoadError::TooMuch {
                    policy: policy.to_owned(),
                    what,
                    most,
                });
            }
        }
        Ok(outline)
    }

    fn count(&mut self, payload: &Payload<'_>, depth: u64) -> wasmparser::Result<()> {
        let counts = &mut self.counts;
        match payload {
            Payload::CodeSectionStart { count, .. } => counts.functions += u64::from(*count),
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                let bytes = range.end.saturating_sub(range.start);
                counts.body = counts.body.max(u64::try_from(bytes).unwrap_or(u64::MAX));
                let mut locals = 0_u64;
                for declared in body.get_locals_reader()? {
                    locals = locals.saturating_add(u64::from(declared?.0));
                }
                counts.locals = counts.locals.max(locals);
                counts.all_locals = counts.all_locals.saturating_add(locals);
            }
            Payload::TypeSection(section) => counts.types += u64::from(section.count()),
            Payload::CoreTypeSection(section) => counts.types += u64::from(section.count()),
            Payload::ComponentTypeSection(section) => counts.types += u64::from(section.count()),
            Payload::ImportSection(section) => counts.names += u64::from(section.count()),
            Payload::ExportSection(section) => counts.names += u64::from(section.count()),
            Payload::InstanceSection(section) => counts.names += u64::from(section.count()),
            Payload::ComponentInstanceSection(section) => {
                counts.names += u64::from(section.count());
            }
            Payload::ComponentAliasSection(section) => counts.names += u64::from(section.count()),
            Payload::ComponentCanonicalSection(section) => {
                counts.names += u64::from(section.count());
            }
            Payload::ComponentImportSection(section) => {
                counts.names += u64::from(section.count());
                if depth == 0 {
                    for import in section.clone() {
                        self.imports.push(import?.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                counts.names += u64::from(section.count());
                if depth == 0 {
                    for export in section.clone() {
                        self.exports.push(export?.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
