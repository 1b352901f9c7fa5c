use insta::assert_snapshot;
use signalbox_policy::record::MaskRule;

use super::*;

/// The original's environment, and nothing else.
const ORIGINAL: [(&str, &str); 4] = [
    ("CLUSTER_IDENTIFIER", "analytics-1"),
    ("DATABASE", "dev"),
    ("DB_USER", "admin"),
    ("DDB_TABLE_NAME", "tracking"),
];

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

fn with(more: &[(&str, &str)]) -> Environment {
    let mut all = environment(&ORIGINAL);
    all.extend(environment(more));
    all
}

fn no_file(_: &Path) -> io::Result<String> {
    Err(io::Error::new(io::ErrorKind::NotFound, "no such file"))
}

fn read(environment: &Environment) -> Result<Config, ConfigError> {
    Config::read(environment, &no_file)
}

fn refused(environment: &Environment) -> String {
    read(environment)
        .expect_err("should be refused")
        .to_string()
}

/// Reads a file beside the given variables.
fn read_file(variables: &[(&str, &str)], text: &str) -> Result<Config, ConfigError> {
    let mut environment = environment(variables);
    environment.insert(
        "SIGNALBOX_CONFIG".to_owned(),
        "conf/signalbox.toml".to_owned(),
    );
    Config::read(&environment, &|path| match path.to_str() {
        Some("conf/signalbox.toml") => Ok(text.to_owned()),
        Some("conf/rules.json") => Ok(r#"{"rules": []}"#.to_owned()),
        Some("conf/list.json") => Ok("[]".to_owned()),
        Some("conf/broken.json") => Ok("{".to_owned()),
        _ => no_file(path),
    })
}

fn file_refused(text: &str) -> String {
    read_file(&[], text)
        .expect_err("should be refused")
        .to_string()
}

const MINIMAL: &str =
    "[targets.a]\nworkgroup_name = \"wg-1\"\ndatabase = \"dev\"\n[ledger]\ntable = \"t\"\n";

#[test]
fn the_originals_environment_is_enough() {
    let config = read(&environment(&ORIGINAL)).expect("good");
    let target = &config.targets[DEFAULT_TARGET];
    assert_eq!(
        target.location,
        signalbox_aws::Location::Cluster("analytics-1".to_owned())
    );
    assert_eq!(
        target.login,
        signalbox_aws::Login::DbUser("admin".to_owned())
    );
    assert_eq!(target.database, "dev");
    assert_eq!(config.default_target, DEFAULT_TARGET);
    assert_eq!(
        config.ledger,
        LedgerConfig {
            table: "tracking".to_owned()
        }
    );
    assert_eq!(config.retention, Duration::from_secs(86_400));
    assert_eq!(config.log_level, LogLevel::Info);
    assert_eq!(config.unknown_fields, UnknownFields::Warn);
    assert_eq!(config.deployment, "local");
    assert_eq!(config.default_policy, STANDARD);
    let standard = &config.policies[STANDARD];
    assert_eq!(
        (standard.source.clone(), standard.settings.as_str()),
        (PolicySource::Standard, "{}")
    );
    assert!(config.warnings.is_empty());
}

#[test]
fn the_environment_sets_what_it_names() {
    let config = read(&with(&[
        ("TTL", "7"),
        ("LOG_LEVEL", "warning"),
        ("SIGNALBOX_UNKNOWN_FIELDS", "refuse"),
        ("SIGNALBOX_SWEEP_AFTER_SECONDS", "30"),
        ("SIGNALBOX_CACHE_DIR", "cache"),
        ("AWS_LAMBDA_FUNCTION_NAME", "tasker"),
    ]))
    .expect("good");
    assert_eq!(config.retention, Duration::from_secs(7 * 86_400));
    assert_eq!(config.log_level, LogLevel::Warning);
    assert_eq!(config.unknown_fields, UnknownFields::Refuse);
    assert_eq!(config.sweep.after, Duration::from_secs(30));
    assert_eq!(config.cache_dir, Some(PathBuf::from("cache")));
    assert_eq!(config.deployment, "tasker");
    let named = read(&with(&[
        ("AWS_LAMBDA_FUNCTION_NAME", "tasker"),
        ("SIGNALBOX_DEPLOYMENT", "etl"),
    ]));
    assert_eq!(named.expect("good").deployment, "etl");
}

#[test]
fn a_compiler_has_what_is_said_and_on_lambda_what_the_host_leaves() {
    let limits = |pairs: &[(&str, &str)]| {
        let config = read(&with(pairs)).expect("good").compile;
        assert_eq!(compile_limits(&environment(pairs)), Ok(config));
        (config.seconds, config.memory >> 20)
    };
    assert_eq!(limits(&[]), (60, 1_024));
    let given = [
        ("SIGNALBOX_COMPILE_SECONDS", "600"),
        ("SIGNALBOX_COMPILE_MEMORY_MB", "2048"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
    ];
    assert_eq!(limits(&given), (600, 2_048));
    for (function, compiler) in [
        ("128", 32),
        ("256", 160),
        ("512", 416),
        ("10240", 1_024),
        ("99999999999999", 1_024),
        ("much", 1_024),
    ] {
        let limits = limits(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function)]);
        assert_eq!(limits, (60, compiler), "{function}");
    }
}

#[test]
fn compiled_policies_are_kept_where_the_host_may_write() {
    let cache = |pairs: &[(&str, &str)]| read(&with(pairs)).expect("good").cache_dir;
    assert_eq!(cache(&[]), None);
    assert_eq!(cache(&[("HOME", "not absolute")]), None);
    assert_eq!(
        cache(&[("XDG_CACHE_HOME", "/c"), ("HOME", "/h")]),
        Some(PathBuf::from("/c/signalbox"))
    );
    assert!(cache(&[("HOME", "/h")]).is_some_and(|path| path.starts_with("/h")));
    let lambda = [("AWS_LAMBDA_FUNCTION_NAME", "f"), ("HOME", "/h")];
    assert_eq!(cache(&lambda), Some(PathBuf::from("/tmp/signalbox")));
    assert_eq!(
        cache(&[lambda[0], ("SIGNALBOX_CACHE_DIR", "/own")]),
        Some(PathBuf::from("/own"))
    );
}

#[test]
fn a_bad_variable_is_named_with_what_it_takes() {
    assert_snapshot!(refused(&with(&[("TTL", "soon")])), @r#"environment variable TTL: "soon" is no whole number of days from 1 to 3650"#);
    for bad in ["0", "-1", "1.5", "99999", "1 day"] {
        assert!(
            refused(&with(&[("TTL", bad)])).starts_with("environment variable TTL: "),
            "{bad}"
        );
    }
    assert_snapshot!(refused(&with(&[("LOG_LEVEL", "verbose")])), @r#"environment variable LOG_LEVEL: "verbose" is none of NOTSET, DEBUG, INFO, WARNING, WARN, ERROR, CRITICAL, FATAL"#);
    assert_snapshot!(refused(&with(&[("SIGNALBOX_UNKNOWN_FIELDS", "deny")])), @r#"environment variable SIGNALBOX_UNKNOWN_FIELDS: "deny" is none of refuse, warn, ignore"#);
    assert_snapshot!(refused(&with(&[("SIGNALBOX_SWEEP_AFTER_SECONDS", "0")])), @r#"environment variable SIGNALBOX_SWEEP_AFTER_SECONDS: "0" is no whole number of seconds from 1 to 86400"#);
    assert_snapshot!(refused(&with(&[("SIGNALBOX_COMPILE_SECONDS", "0")])), @r#"environment variable SIGNALBOX_COMPILE_SECONDS: "0" is no whole number of seconds from 1 to 600"#);
    assert_snapshot!(refused(&with(&[("SIGNALBOX_COMPILE_MEMORY_MB", "1GB")])), @r#"environment variable SIGNALBOX_COMPILE_MEMORY_MB: "1GB" is no whole number of megabytes from 64 to 65536"#);
    assert_snapshot!(refused(&with(&[("SIGNALBOX_DEPLOYMENT", "etl:prod")])), @r#"environment variable SIGNALBOX_DEPLOYMENT: "etl:prod" is no name of a deployment: 1 to 140 letters, digits and -_."#);
    assert_snapshot!(refused(&with(&[("SIGNALBOX_POLICY_SET", "s3://b/k")])), @"the file of SIGNALBOX_CONFIG, policy_set.trusted_keys: is empty, so no set would be taken: give the public key of `signalbox policy keygen`, or set `allow_unsigned = true`");
    assert_snapshot!(refused(&with(&[("CLUSTER_IDENTIFIER", "Analytics_1")])), @r#"environment variable CLUSTER_IDENTIFIER: "Analytics_1" is no cluster identifier: 1 to 63 lower-case letters, digits and single hyphens, a letter first, no hyphen last"#);
    assert_snapshot!(refused(&with(&[("SIGNALBOX_CONFIG", "gone.toml")])), @"environment variable SIGNALBOX_CONFIG: cannot read gone.toml: no such file");
}

#[test]
fn a_missing_variable_is_named() {
    assert_snapshot!(refused(&environment(&[("DDB_TABLE_NAME", "t")])), @"environment variable CLUSTER_IDENTIFIER: is not set, and there is no other target: set CLUSTER_IDENTIFIER, DATABASE and DB_USER, or name a file with [targets.NAME] in SIGNALBOX_CONFIG");
    assert_snapshot!(refused(&environment(&ORIGINAL[..3])), @"environment variable DDB_TABLE_NAME: is not set: give the name of the DynamoDB table that keeps the record (`signalbox ledger create` makes it), here or as `table` in [ledger] of the file of SIGNALBOX_CONFIG");
    for missing in ["CLUSTER_IDENTIFIER", "DATABASE", "DB_USER"] {
        let mut some = environment(&ORIGINAL);
        some.remove(missing);
        let message = refused(&some);
        assert!(
            message.starts_with(&format!("environment variable {missing}: is not set, but ")),
            "{message}"
        );
        some.insert(missing.to_owned(), " ".to_owned());
        assert_eq!(refused(&some), message, "an empty value is a missing one");
    }
}

#[test]
fn a_near_miss_of_our_own_variables_is_refused_and_a_stranger_is_a_warning() {
    assert_snapshot!(refused(&with(&[("SIGNALBOX_UNKNOWN_FIELD", "refuse")])), @"environment variable SIGNALBOX_UNKNOWN_FIELD: there is no such setting; did you mean SIGNALBOX_UNKNOWN_FIELDS?");
    let config = read(&with(&[
        ("SIGNALBOX_FUTURE_THING", "1"),
        ("SIGNALBOX_TEST_X", "1"),
        ("TTTL", "1"),
    ]));
    assert_snapshot!(config.expect("good").warnings.join("\n"), @"environment variable SIGNALBOX_FUTURE_THING: no setting of this version; ignored");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    assert_snapshot!(refused(&environment(&[("TTL", "x"), ("LOG_LEVEL", "y"), ("DATABASE", "dev")])), @r#"
5 settings are wrong
- environment variable CLUSTER_IDENTIFIER: is not set, but DATABASE is: the three make the target `default` together; set all of them or none
- environment variable DB_USER: is not set, but DATABASE is: the three make the target `default` together; set all of them or none
- environment variable TTL: "x" is no whole number of days from 1 to 3650
- environment variable LOG_LEVEL: "y" is none of NOTSET, DEBUG, INFO, WARNING, WARN, ERROR, CRITICAL, FATAL
- environment variable DDB_TABLE_NAME: is not set: give the name of the DynamoDB table that keeps the record (`signalbox ledger create` makes it), here or as `table` in [ledger] of the file of SIGNALBOX_CONFIG
"#);
}

#[test]
fn a_file_alone_is_enough() {
    let config = read_file(&[], MINIMAL).expect("good");
    assert_eq!(
        config.default_target, "a",
        "the only target is the default one"
    );
    assert_eq!(config.ledger.table, "t");
    assert_eq!(config.file, Some(PathBuf::from("conf/signalbox.toml")));
}

#[test]
fn the_environment_beats_the_file() {
    let text = format!(
        "unknown_fields = \"ignore\"\nretention_days = 3\n{MINIMAL}[targets.default]\nworkgroup_name = \"wg-2\"\n\
         database = \"other\"\n"
    );
    let config = read_file(&[], &text).expect("good");
    assert_eq!(config.unknown_fields, UnknownFields::Ignore);
    assert_eq!(config.retention, Duration::from_secs(3 * 86_400));
    assert_eq!(config.targets["default"].database, "other");

    let mut variables = ORIGINAL.to_vec();
    variables.extend([("TTL", "2"), ("SIGNALBOX_UNKNOWN_FIELDS", "warn")]);
    let config = read_file(&variables, &text).expect("good");
    assert_eq!(config.unknown_fields, UnknownFields::Warn);
    assert_eq!(config.retention, Duration::from_secs(2 * 86_400));
    assert_eq!(config.ledger.table, "tracking");
    assert_eq!(config.targets["default"].database, "dev");
    assert_eq!(config.targets.len(), 2);
    assert_snapshot!(config.warnings.join("\n"), @"conf/signalbox.toml, targets.default: not used: CLUSTER_IDENTIFIER, DATABASE and DB_USER are set and take its place");
}

#[test]
fn the_default_target_is_said_where_it_is_not_clear() {
    let two = format!("{MINIMAL}[targets.b]\nworkgroup_name = \"wg-2\"\ndatabase = \"dev\"\n");
    assert_snapshot!(file_refused(&two), @"conf/signalbox.toml, default_target: is missing: say which of a, b is meant if none is named");
    assert_eq!(
        read_file(&[], &format!("default_target = \"b\"\n{two}"))
            .expect("good")
            .default_target,
        "b"
    );
    assert_eq!(
        read_file(&ORIGINAL, &two).expect("good").default_target,
        DEFAULT_TARGET
    );
    assert_snapshot!(file_refused(&format!("default_target = \"c\"\n{two}")), @"conf/signalbox.toml, default_target: there is no target `c`; the targets are a, b");
}

#[test]
fn policies_come_from_files_beside_the_configuration() {
    let text = format!(
        "default_policy = \"standard\"\n{MINIMAL}
         [policies.standard]
         builtin = \"standard\"
         settings = {{ since = 2024-01-02, list = [1, 2.5, true] }}
         [policies.team]
         component = \"team.wasm\"
         settings_file = \"rules.json\"
         limits = {{ memory_mib = 128 }}
         grants = {{ targets = [\"a\"] }}
         [policies.fast]
         artifact = \"../fast.cwasm\"
         sha256 = \"{}\"
         ",
        "AB".repeat(32)
    );
    let config = read_file(&[], &text).expect("good");
    assert_eq!(
        config.policies["standard"].settings,
        r#"{"list":[1,2.5,true],"since":"2024-01-02"}"#
    );
    let team = &config.policies["team"];
    assert_eq!(
        team.source,
        PolicySource::Component(PathBuf::from("conf/team.wasm"))
    );
    assert_eq!(team.settings, r#"{"rules": []}"#);
    assert_eq!(team.limits.memory, 128 * 1024 * 1024);
    assert_eq!(team.targets, ["a"]);
    let fast = PolicySource::Artifact {
        path: PathBuf::from("conf/../fast.cwasm"),
        sha256: "ab".repeat(32),
    };
    assert_eq!(config.policies["fast"].source, fast);
}

#[test]
fn a_bad_policy_is_named_with_its_key() {
    let with_policy = |policy: &str| file_refused(&format!("{MINIMAL}[policies.p]\n{policy}\n"));
    assert_snapshot!(with_policy(""), @r#"conf/signalbox.toml, policies.p: does not say where its code is: give `component = "file.wasm"`, `artifact = "file.cwasm"` with `sha256`, or `builtin = "standard"`"#);
    assert_snapshot!(with_policy("builtin = \"strict\""), @r#"conf/signalbox.toml, policies.p.builtin: "strict" is not built in; the only one is "standard""#);
    assert_snapshot!(with_policy("builtin = \"standard\"\ncomponent = \"a.wasm\""), @"conf/signalbox.toml, policies.p: gives more than one of `builtin`, `component` and `artifact`: keep one");
    assert_snapshot!(with_policy("artifact = \"a.cwasm\""), @"conf/signalbox.toml, policies.p.sha256: an artifact is native code and is loaded only under its digest: give the 64 hexadecimal digits that `sha256sum` prints for the file");
    assert_snapshot!(with_policy("component = \"a.wasm\"\nsha256 = \"00\""), @"conf/signalbox.toml, policies.p.sha256: goes only with `artifact`");
    assert_snapshot!(with_policy("builtin = \"standard\"\ngrants = { targets = [\"a\", \"z\"] }"), @"conf/signalbox.toml, policies.p.grants.targets: there is no target `z`; the targets are a");
    assert_snapshot!(with_policy("builtin = \"standard\"\ngrants = { targets = [] }"), @"conf/signalbox.toml, policies.p.grants.targets: is empty: name at least one target, or leave it out for all of them");
    assert_snapshot!(with_policy("builtin = \"standard\"\nlimits = { memory_mib = 0 }"), @"conf/signalbox.toml, policies.p.limits.memory_mib: 0 is out of range: 1 to 4096");
    assert_snapshot!(with_policy("builtin = \"standard\"\nsettings_file = \"gone.json\""), @"conf/signalbox.toml, policies.p.settings_file: cannot read conf/gone.json: no such file");
    assert_snapshot!(with_policy("builtin = \"standard\"\nsettings_file = \"list.json\""), @"conf/signalbox.toml, policies.p.settings_file: conf/list.json must hold a JSON object");
    assert_snapshot!(with_policy("builtin = \"standard\"\nsettings_file = \"broken.json\""), @"conf/signalbox.toml, policies.p.settings_file: conf/broken.json is no JSON: EOF while parsing an object at line 1 column 1");
    assert_snapshot!(with_policy("builtin = \"standard\"\nsettings = {}\nsettings_file = \"rules.json\""), @"conf/signalbox.toml, policies.p.settings_file: is given together with `settings`: keep one of the two");
    assert_snapshot!(with_policy("builtin = \"standard\"\nsettings = { a = nan }"), @"conf/signalbox.toml, policies.p.settings: contains a number that JSON does not have (nan or inf)");
    assert_snapshot!(with_policy("builtin = \"standard\"\n[policies.q]\nbuiltin = \"standard\""), @"conf/signalbox.toml, default_policy: is missing: say which of p, q is meant if none is named");
    assert_snapshot!(with_policy("builtin = \"standard\"\n[policies.'q r']\nbuiltin = \"standard\""), @r#"
2 settings are wrong
- conf/signalbox.toml, policies.q r: is no name: 1 to 64 letters, digits and -_., a letter or digit first
- conf/signalbox.toml, default_policy: is missing: say which of p, q r is meant if none is named
"#);
    let ceiling = format!(
        "{MINIMAL}[policies.p]\nbuiltin = \"standard\"\nlimits = {{ host_calls = 9 }}\n[ceilings]\nhost_calls = 5\n"
    );
    assert_snapshot!(file_refused(&ceiling), @"conf/signalbox.toml, policies.p.limits.host_calls: 9 is above the ceiling: ceilings.host_calls is 5");
}

#[test]
fn a_bad_target_is_named_with_its_key() {
    let text =
        "[ledger]\ntable = \"t\"\n[targets.a]\nworkgroup_name = \"wg-1\"\nregion = \"Frankfurt\"\n";
    assert_snapshot!(file_refused(text), @r#"
2 settings are wrong
- conf/signalbox.toml, targets.a.database: is missing: name the database to connect to
- conf/signalbox.toml, targets.a.region: "Frankfurt" is no region: a code such as eu-central-1
"#);
    assert_snapshot!(file_refused(&format!("retention_days = 0\nunknown_fields = \"no\"\n{MINIMAL}")), @r#"
2 settings are wrong
- conf/signalbox.toml, unknown_fields: "no" is none of refuse, warn, ignore
- conf/signalbox.toml, retention_days: 0 is out of range: 1 to 3650 days
"#);
}

#[test]
fn records_are_lines_without_literals_unless_the_file_says_otherwise() {
    let of = |section: &str| read_file(&ORIGINAL, section);
    let default = of("").expect("good").records;
    assert_eq!(default, RecordsConfig::default());
    assert!(default.line && default.directory.is_none());
    assert_eq!(default.line_mask, MaskRule::Literals);
    let records = of("[records]\nline = false\ndirectory = \"r\"\nmask = \"literals\"\n");
    let records = records.expect("good").records;
    assert_eq!(
        (records.line, records.directory, records.mask),
        (
            false,
            Some(RecordsPlace::Folder("conf/r".into())),
            MaskRule::Literals
        )
    );
    let records = of("[records]\ndirectory = \"s3://kept/team a/\"\n");
    assert_eq!(
        records.expect("good").records.directory,
        Some(RecordsPlace::S3 {
            bucket: "kept".to_owned(),
            prefix: "team a".to_owned(),
            owner: None,
        })
    );
    let records = of("[records]\ndirectory = \"s3://kept\"\nbucket_owner = \"123456789012\"\n");
    assert!(matches!(
        records.expect("good").records.directory,
        Some(RecordsPlace::S3 { owner: Some(owner), .. }) if owner == "123456789012"
    ));
    for (section, complaint) in [
        (
            "[records]\nline_mask = \"all\"\n",
            "records.line_mask: `all` must be `secrets` or `literals`",
        ),
        (
            "[records]\nmask = \"secrets\"\n",
            "records.mask: says what is hidden in whole records, and no `directory`",
        ),
        (
            "[records]\ndirectory = \"\"\n",
            "records.directory: is empty",
        ),
        (
            "[records]\ndirectory = \"s3:///x\"\n",
            "records.directory: \"s3:///x\" names no bucket",
        ),
        (
            "[records]\ndirectory = \"gs://x\"\n",
            "records.directory: this version keeps no records at `gs://`",
        ),
        (
            "[records]\ndirectory = \"s3://kept\"\nbucket_owner = \"1234\"\n",
            "records.bucket_owner: \"1234\" is no account",
        ),
        (
            "[records]\ndirectory = \"r\"\nbucket_owner = \"123456789012\"\n",
            "records.bucket_owner: goes only with a `directory` in a bucket",
        ),
        ("[records]\ndirectoy = \"r\"\n", "did you mean `directory`?"),
    ] {
        let error = of(section).expect_err("refused").to_string();
        assert!(error.contains(complaint), "{error}");
    }
}

/// Every TOML example of the documentation is a configuration, and so is every list of variables.
#[test]
fn the_examples_of_the_documentation_are_read() {
    let text = include_str!("../../../../docs/config.md");
    let mut examples = 0;
    for (kind, body) in fenced(text) {
        let result = match kind {
            "toml" => read_file(&[], &body),
            "sh" => {
                let variables = body.lines().filter_map(|line| line.split_once('='));
                read(
                    &variables
                        .map(|(k, v)| (k.to_owned(), v.to_owned()))
                        .collect(),
                )
            }
            _ => continue,
        };
        examples += 1;
        if let Err(error) = result {
            panic!("{error}\n{body}");
        }
    }
    assert!(examples >= 4, "only {examples} examples were found");
}

/// Every setting is documented.
#[test]
fn every_key_is_in_the_documentation() {
    let text = include_str!("../../../../docs/config.md");
    let keys = serde_fields::<File>()
        .chain(serde_fields::<file::LedgerFile>())
        .chain(serde_fields::<file::PolicyFile>())
        .chain(serde_fields::<file::GrantsFile>())
        .chain(serde_fields::<LimitsFile>())
        .chain(serde_fields::<sweep::SweepFile>())
        .chain(serde_fields::<records::RecordsFile>())
        .chain(serde_fields::<signalbox_aws::TargetConfig>());
    let mut count = 0;
    for key in keys {
        count += 1;
        assert!(
            text.contains(&format!("`{key}`")),
            "docs/config.md says nothing of `{key}`"
        );
    }
    assert!(count > 25, "only {count} keys");
    let of_sets = include_str!("../../../../docs/policy-sets.md");
    for key in serde_fields::<policy_set::PolicySetFile>() {
        assert!(
            of_sets.contains(&format!("| `{key}`")),
            "docs/policy-sets.md says nothing of `{key}`"
        );
    }
    let original = [
        "CLUSTER_IDENTIFIER",
        "DATABASE",
        "DB_USER",
        "DDB_TABLE_NAME",
        "TTL",
        "LOG_LEVEL",
    ];
    for variable in OWN_VARIABLES.into_iter().chain(original) {
        assert!(
            text.contains(&format!("`{variable}`")),
            "docs/config.md says nothing of {variable}"
        );
    }
}

/// The keys that a table of the file has: what serde lists when it meets one that is unknown.
fn serde_fields<T: serde::de::DeserializeOwned>() -> impl Iterator<Item = String> {
    let error = toml::from_str::<T>("\"no such key\" = 1")
        .err()
        .expect("an unknown key")
        .message()
        .to_owned();
    let names: Vec<_> = error
        .split('`')
        .skip(3)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    assert!(!names.is_empty(), "{error}");
    names.into_iter()
}

fn fenced(text: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => open = Some((kind, String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, body)), None) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}
