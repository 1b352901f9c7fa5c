//! Compiling ahead of time, and the cache.

use std::{fs, path::Path, sync::Arc};

use crate::common::{Fake, asks, context, loading};
use signalbox_policy::{
    EngineOptions, Limits, LoadError, Loading, Metering, Policy, PolicyEngine, Source, Target,
    artifact, digest,
};
use signalbox_test_guests::HOSTILE;

fn artifact_of(bytes: Vec<u8>, sha256: String) -> Loading {
    Loading {
        source: Source::Artifact {
            bytes: bytes.into(),
            sha256,
            component: Some("of-the-component".to_owned()),
        },
        ..loading(HOSTILE, "{}", Limits::default())
    }
}

async fn serves(engine: &PolicyEngine, loading: Loading) -> Result<String, LoadError> {
    let policy = engine.load(loading).await?;
    let services: Arc<Fake> = Fake::new();
    policy
        .invoke(context(&services), asks("nothing"), None)
        .await
        .unwrap();
    Ok(policy.identity().digest.clone())
}

#[tokio::test]
async fn an_artifact_loads_by_its_digest_and_only_by_it() {
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let code = artifact::compile(HOSTILE, &Target::host(), Metering::Off).unwrap();
    let sha256 = digest::hex(&code);
    assert_eq!(
        serves(&engine, artifact_of(code.clone(), sha256.clone()))
            .await
            .unwrap(),
        "of-the-component"
    );

    // The tests of the lean host load it too.
    fs::write(
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile.artifact"),
        &code,
    )
    .unwrap();

    let mut tampered = code;
    *tampered.last_mut().unwrap() ^= 1;
    let error = serves(&engine, artifact_of(tampered, sha256.clone()))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, LoadError::Digest { expected, .. } if *expected == sha256),
        "{error}"
    );
}

#[tokio::test]
async fn an_artifact_of_the_package_says_what_it_was_made_of() {
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let load = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        Loading {
            source: Source::Package {
                path,
                component: None,
            },
            ..loading(HOSTILE, "{}", Limits::default())
        }
    };
    let code = artifact::compile(HOSTILE, &Target::host(), Metering::Off).unwrap();
    let named = serves(&engine, load("sealed", &code)).await.unwrap();
    assert_eq!(named, digest::hex(HOSTILE));

    // Of other tools: the file's own digest names it.
    let bare = &code[..code.len() - 48];
    let named = serves(&engine, load("bare", bare)).await.unwrap();
    assert_eq!(named, digest::hex(bare));

    for junk in [&b""[..], b"junk", &[0; 100]] {
        let error = serves(&engine, load("junk", junk)).await.unwrap_err();
        assert!(matches!(error, LoadError::Artifact { .. }), "{error}");
    }
}

#[tokio::test]
async fn an_artifact_beside_the_program_is_used_if_it_is_of_the_programs_component() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("standard.cwasm");
    let cache = folder.path().join("cache");
    let engine = PolicyEngine::new(EngineOptions {
        cache: Some(cache.clone()),
        ..EngineOptions::default()
    })
    .unwrap();
    let load = || Loading {
        source: Source::Package {
            path: path.clone(),
            component: Some(HOSTILE),
        },
        ..loading(HOSTILE, "{}", Limits::default())
    };
    let compiled = || fs::read_dir(&cache).map_or(0, Iterator::count);
    let code = artifact::compile(HOSTILE, &Target::host(), Metering::Off).unwrap();
    fs::write(&path, &code).unwrap();
    assert_eq!(serves(&engine, load()).await.unwrap(), digest::hex(HOSTILE));
    assert_eq!(compiled(), 0, "nothing was compiled");

    // Of another component, for another engine, cut, or not there: the program has the component.
    let other = code[..code.len() - 32]
        .iter()
        .copied()
        .chain([7; 32])
        .collect();
    let metered = artifact::compile(HOSTILE, &Target::host(), Metering::Fuel).unwrap();
    for file in [Some(other), Some(metered), Some(code[..100].to_vec()), None] {
        let _ = fs::remove_dir_all(&cache);
        fs::remove_file(&path).unwrap();
        if let Some(file) = &file {
            fs::write(&path, file).unwrap();
        } else {
            fs::create_dir(&path).unwrap();
        }
        assert_eq!(serves(&engine, load()).await.unwrap(), digest::hex(HOSTILE));
        assert_eq!(compiled(), 1, "the component was compiled");
    }
}

#[tokio::test]
async fn an_artifact_of_another_kind_is_refused_with_what_to_do() {
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let metered = artifact::compile(HOSTILE, &Target::host(), Metering::Fuel).unwrap();
    let sha256 = digest::hex(&metered);
    let error = serves(&engine, artifact_of(metered, sha256))
        .await
        .unwrap_err();
    assert!(matches!(error, LoadError::Artifact { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("signalbox policy compile --target"),
        "{error}"
    );

    let error = serves(&engine, artifact_of(b"junk".to_vec(), digest::hex(b"junk")))
        .await
        .unwrap_err();
    assert!(matches!(error, LoadError::Artifact { .. }), "{error}");
}

#[tokio::test]
async fn the_compiler_takes_components_only() {
    let error = artifact::compile(b"\0asm\x01\0\0\0", &Target::host(), Metering::Off).unwrap_err();
    assert!(error.to_string().contains("a core module"), "{error}");
}

/// What the build can compile for depends on a feature; either way the answer is a clear one.
#[test]
fn the_other_architecture_of_lambda() {
    let other = if cfg!(target_arch = "x86_64") {
        "arm64"
    } else {
        "x86_64"
    };
    let target: Target = other.parse().unwrap();
    let compiled = artifact::compile(HOSTILE, &target, Metering::Off);
    assert_eq!(compiled.is_ok(), cfg!(feature = "cross-compile"));
    match compiled {
        Ok(code) => assert!(code.starts_with(b"\x7fELF")),
        Err(error) => assert!(error.to_string().contains("`cross-compile`"), "{error}"),
    }
}

#[tokio::test]
async fn fuel_is_counted_the_same_each_time() {
    let engine = PolicyEngine::new(EngineOptions {
        metering: Metering::Fuel,
        ..EngineOptions::default()
    })
    .unwrap();
    let policy = engine
        .load(loading(HOSTILE, "{}", Limits::default()))
        .await
        .unwrap();
    let services = Fake::new();
    let mut burnt = Vec::new();
    for _ in 0..2 {
        burnt.push(
            policy
                .invoke(context(&services), asks("nothing"), None)
                .await
                .unwrap()
                .usage
                .fuel
                .unwrap(),
        );
    }
    assert!(burnt[0] > 0 && burnt[0] == burnt[1], "{burnt:?}");

    let little = Limits {
        fuel: Some(burnt[0] / 2),
        ..Limits::default()
    };
    let error = engine.load(loading(HOSTILE, "{}", little)).await.err();
    let fault = match error {
        Some(error) => error.to_string(),
        None => panic!("half of the fuel was enough"),
    };
    assert!(fault.contains("fuel"), "{fault}");
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

async fn load_cached(folder: &Path) -> Result<String, LoadError> {
    let options = EngineOptions {
        cache: Some(folder.to_owned()),
        ..EngineOptions::default()
    };
    serves(
        &PolicyEngine::new(options).unwrap(),
        loading(HOSTILE, "{}", Limits::default()),
    )
    .await
}

#[tokio::test]
async fn a_compiled_policy_is_kept_and_found_again() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("cache");
    load_cached(&folder).await.unwrap();
    let [file] = &files(&folder)[..] else {
        panic!("{:?}", files(&folder))
    };
    let written = fs::metadata(file).unwrap().modified().unwrap();
    load_cached(&folder).await.unwrap();
    assert_eq!(fs::metadata(file).unwrap().modified().unwrap(), written);
    assert_eq!(files(&folder).len(), 1);
}

#[tokio::test]
async fn a_damaged_file_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("cache");
    load_cached(&folder).await.unwrap();
    let file = files(&folder).remove(0);
    let good = fs::read(&file).unwrap();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    for damaged in [
        flipped(0),
        flipped(good.len() / 2),
        flipped(good.len() - 1),
        good[..good.len() / 2].to_vec(),
        Vec::new(),
        b"signalbox-cache2".to_vec(),
    ] {
        fs::write(&file, &damaged).unwrap();
        load_cached(&folder).await.unwrap();
        assert_eq!(files(&folder), std::slice::from_ref(&file));
        assert!(fs::read(&file).unwrap().len() == good.len());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_others_may_open_or_that_is_a_link_is_not_used() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let home = tempfile::tempdir().unwrap();
    let open = home.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    load_cached(&open).await.unwrap();
    assert!(files(&open).is_empty(), "{:?}", files(&open));

    let (real, link) = (home.path().join("real"), home.path().join("link"));
    fs::create_dir(&real).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&real, &link).unwrap();
    load_cached(&link).await.unwrap();
    assert!(files(&real).is_empty(), "{:?}", files(&real));
}

#[cfg(unix)]
#[tokio::test]
async fn a_made_folder_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("a/b");
    load_cached(&folder).await.unwrap();
    assert_eq!(
        fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert_eq!(
        fs::metadata(&files(&folder)[0])
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_costs_only_time() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    load_cached(&file.join("below")).await.unwrap();
}
