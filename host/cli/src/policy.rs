//! `signalbox policy`.

pub(crate) mod bench;
mod build;
pub(crate) mod diff;
pub(crate) mod explain;
mod keys;
pub(crate) mod lint;
pub(crate) mod new;
mod pin;
mod push;
mod set;
pub(crate) mod status;
pub(crate) mod test;

use std::{borrow::Cow, path::Path};

use serde_json::{Value, json};
use signalbox_lambda::{
    Config,
    config::{compile_cache, compile_limits},
};
use signalbox_policy::{
    EngineOptions, Limits, Loading, Metering, Policy as _, PolicyEngine, Source, Target, artifact,
    compile::Compiler, digest, inspect::Interfaces,
};

use crate::{Done, args::PolicyCommand, out};

/// The word for the built-in policy.
pub(crate) const STANDARD: &str = "standard";

pub(crate) async fn run(command: &PolicyCommand) -> Done {
    is_here(command)?;
    match command {
        PolicyCommand::Build { module, output } => build::run(module, output),
        PolicyCommand::Check {
            policy,
            settings: None,
            config,
            deployment,
        } if set::is_set(policy) => {
            set::check(policy, config.as_deref(), deployment.as_deref()).await
        }
        PolicyCommand::Check {
            policy, settings, ..
        } => check(policy, settings.as_deref()).await,
        PolicyCommand::Keygen { output } => keys::generate(output),
        PolicyCommand::Sign { set, key, output } => keys::sign(set, key, output.as_deref()),
        PolicyCommand::Verify {
            set,
            keys,
            deployment,
        } => keys::verify(set, keys, deployment.as_deref()),
        PolicyCommand::Push {
            set,
            to,
            config,
            allow_unsigned,
        } => push::run(set, to, config.as_deref(), *allow_unsigned).await,
        PolicyCommand::Inspect { policy } => inspect(policy),
        PolicyCommand::Lint(args) => lint::run(args).await,
        PolicyCommand::Explain(args) => explain::run(args),
        PolicyCommand::Diff(args) => diff::run(args).await,
        PolicyCommand::Compile {
            policy,
            target,
            output,
        } => compile(policy, target, output.as_deref()).await,
        PolicyCommand::Schema { test: true, .. } => {
            out::raw_json(signalbox_lambda::policy_tests::CASE_SCHEMA);
            Ok(true)
        }
        PolicyCommand::Schema { policy, set, .. } => schema(policy, *set).await,
        PolicyCommand::New(args) => new::run(args).await,
        PolicyCommand::Pin { set } => pin::run(set),
        PolicyCommand::Test(args) => test::run(args).await,
        PolicyCommand::Bench(args) => bench::run(args).await,
    }
}

/// Whether what a command reads is on this machine, and not where functions get it.
fn is_here(command: &PolicyCommand) -> Result<(), String> {
    let file = match command {
        PolicyCommand::Check { policy, .. } => Some(policy.as_str()),
        PolicyCommand::Sign { set, .. }
        | PolicyCommand::Verify { set, .. }
        | PolicyCommand::Pin { set }
        | PolicyCommand::Push { set, .. } => set.to_str(),
        _ => None,
    };
    match file {
        Some(place) if place.contains("://") => Err(format!(
            "{place} is no file, and this takes one. `signalbox status` looks at the set that a function's configuration \
             leads to, wherever that is"
        )),
        _ => Ok(()),
    }
}

pub(crate) fn component(policy: &str) -> Result<Cow<'static, [u8]>, String> {
    if policy == STANDARD {
        return Ok(Cow::Borrowed(signalbox_guests::STANDARD));
    }
    std::fs::read(policy).map(Cow::Owned).map_err(|error| {
        format!("{policy} cannot be read: {error}. Give a component's file, or `{STANDARD}`")
    })
}

/// An engine of a command, with the user's cache of compiled components. What it compiles is compiled by this program, as in
/// the function.
pub(crate) fn engine(metering: Metering) -> Result<PolicyEngine, String> {
    PolicyEngine::new(EngineOptions {
        metering,
        cache: compile_cache(&Config::process_environment()),
        compiler: Some(compiler()?),
        warns_of_compiling: false,
    })
    .map_err(|error| error.to_string())
}

/// This program as a compiler.
fn compiler() -> Result<Compiler, String> {
    let limits =
        compile_limits(&Config::process_environment()).map_err(|error| error.to_string())?;
    Compiler::of_this_program(limits)
        .ok_or_else(|| "this program does not find itself to compile".to_owned())
}

fn loading(policy: &str, settings: String) -> Result<Loading, String> {
    Ok(Loading {
        name: policy.to_owned(),
        source: Source::Component(component(policy)?),
        settings,
        limits: Limits::default(),
        redact: None,
    })
}

async fn check(policy: &str, settings: Option<&Path>) -> Done {
    let settings = match settings {
        None => "{}".to_owned(),
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| format!("the settings {} cannot be read: {error}", path.display()))?,
    };
    let progress = out::Progress::of("compiling the policy");
    let loaded = engine(Metering::Off)?
        .load(loading(policy, settings)?)
        .await;
    drop(progress);
    match loaded {
        Ok(loaded) => {
            let identity = loaded.identity();
            out::json(&json!({
                "good": true,
                "identity": identity,
                "wasi": loaded.needs_wasi(),
                "findings": loaded.warnings(),
            }));
            out::line(format_args!(
                "{} {} version {}, SHA-256 {}",
                out::styled(out::GOOD, "good:"),
                out::styled(out::NAME, policy),
                identity.version,
                identity.digest
            ));
            if loaded.needs_wasi() {
                out::line(format_args!(
                    "{} it needs WASI, which the lean `bootstrap` does not have unless it is built with the feature `wasi`",
                    out::styled(out::NOTE, "note:"),
                ));
            }
            for finding in loaded.warnings() {
                let help = finding
                    .help
                    .as_deref()
                    .map(|help| format!(" ({help})"))
                    .unwrap_or_default();
                out::line(format_args!(
                    "{} {}: {}{help}",
                    out::styled(out::NOTE, "note:"),
                    finding.path,
                    finding.message
                ));
            }
            Ok(true)
        }
        Err(error) => {
            out::json(&json!({ "good": false, "error": error.to_string() }));
            out::error(error);
            Ok(false)
        }
    }
}

fn inspect(policy: &str) -> Done {
    let bytes = component(policy)?;
    let size = bytes.len();
    let sha256 = digest::hex(&bytes);
    let interfaces = Interfaces::of(policy, &bytes).map_err(|error| error.to_string())?;
    out::line(format_args!(
        "{}: {size} bytes, SHA-256 {sha256}",
        out::styled(out::NAME, policy)
    ));
    out::json(&json!({
        "bytes": size,
        "sha256": sha256,
        "imports": interfaces.imports,
        "exports": interfaces.exports,
    }));
    for (direction, names) in [
        ("imports", interfaces.imports),
        ("exports", interfaces.exports),
    ] {
        out::line(format_args!("{direction}:"));
        for name in names {
            out::line(format_args!("  {name}"));
        }
    }
    Ok(true)
}

async fn compile(policy: &str, target: &str, output: Option<&Path>) -> Done {
    let target: Target = target
        .parse()
        .map_err(|error: signalbox_policy::UnknownTarget| error.to_string())?;
    let bytes = component(policy)?;
    let progress = out::Progress::of("compiling the policy");
    let compiled = artifact::compile_by(&compiler()?, &bytes, &target, Metering::Off).await;
    drop(progress);
    let artifact = compiled.map_err(|error| error.to_string())?;
    let output = match output {
        Some(path) => path.to_owned(),
        None => Path::new(policy).with_extension("cwasm"),
    };
    write_beside(&output, &artifact)
        .map_err(|error| format!("{} cannot be written: {error}", output.display()))?;
    out::line(format_args!(
        "{}: {} bytes for {target}",
        out::styled(out::NAME, output.display()),
        artifact.len()
    ));
    out::line(format_args!("sha256 = \"{}\"", digest::hex(&artifact)));
    out::json(&json!({
        "file": output,
        "bytes": artifact.len(),
        "target": target.to_string(),
        "sha256": digest::hex(&artifact),
    }));
    Ok(true)
}

/// Writes a file and moves it to its place: a host that runs may have mapped the one that is there.
fn write_beside(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let written = std::fs::write(&draft, bytes).and_then(|()| std::fs::rename(&draft, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&draft);
    }
    written
}

async fn schema(policy: &str, of_set: bool) -> Done {
    let mut schema = schema_text(policy).await?;
    if of_set {
        schema = signalbox_lambda::set::set_schema(&schema);
    }
    // It is JSON itself, for whomever it is.
    match serde_json::from_str::<Value>(&schema) {
        Ok(schema) if out::speaks_json() => out::json(&schema),
        Ok(_) => out::raw_json(&schema),
        Err(_) => out::raw(&schema),
    }
    Ok(true)
}

/// The JSON Schema of a policy's settings.
pub(crate) async fn schema_text(policy: &str) -> Result<String, String> {
    let bench = test::Workbench::new()?;
    let subject = bench.subject(policy, "{}".to_owned(), Vec::new()).await?;
    let description = subject.code.description();
    let description = description.ok_or("the policy did not describe itself")?;
    Ok(description.settings_schema.clone())
}
