//! Where rows come from and go to: locations, roles and options.

use super::*;

fn places(sql: &str) -> String {
    let structure = classify(sql).structure;
    let show = |name: &str, places: &Places| {
        let unsure = if places.unsure { "?" } else { "" };
        format!("{name}[{}]{unsure}", places.found.join(" "))
    };
    [
        show("l", &structure.locations),
        show("r", &structure.iam_roles),
        show("o", &structure.options),
    ]
    .join(" ")
}

#[test]
fn where_rows_come_from_and_go_to_is_seen() {
    for (sql, expected) in [
        ("select 1 from s.t", "l[] r[] o[]"),
        (
            "copy s.t from 's3://b/k' iam_role default csv gzip",
            "l[s3://b/k] r[default] o[iam_role csv gzip]",
        ),
        (
            "COPY s.t (a, b) FROM/**/'s3://b/k' IAM_ROLE 'arn:aws:iam::1:role/a, arn:aws:iam::2:role/b'",
            "l[s3://b/k] r[arn:aws:iam::1:role/a arn:aws:iam::2:role/b] o[iam_role]",
        ),
        (
            "copy s.t from 's3://b/k' credentials 'aws_iam_role=arn:aws:iam::1:role/a'",
            "l[s3://b/k] r[arn:aws:iam::1:role/a] o[credentials]",
        ),
        (
            "copy s.t from 's3://b/k' credentials as 'aws_access_key_id=x;aws_secret_access_key=y'",
            "l[s3://b/k] r[] o[credentials]",
        ),
        (
            "copy s.t from 's3://b/k' credentials '***'",
            "l[s3://b/k] r[]? o[credentials]",
        ),
        (
            "copy s.t from 's3://b/k' iam_role default manifest",
            "l[s3://b/k]? r[default] o[iam_role manifest]",
        ),
        (
            "copy s.t from 's3://b/k' iam_role default format json 's3://b/paths.json'",
            "l[s3://b/k s3://b/paths.json] r[default] o[iam_role format json]",
        ),
        (
            "copy s.t from $$s3://b/k$$ iam_role default",
            "l[]? r[default] o[iam_role]",
        ),
        (
            "copy s.t from E's3://b/k' iam_role default",
            "l[]? r[default] o[iam_role]",
        ),
        (
            r"copy s.t from 's3://b\/k' iam_role default",
            "l[]? r[default] o[iam_role]",
        ),
        (
            "copy s.t from 's3://b'\n'/k' iam_role default",
            "l[]? r[default] o[iam_role]",
        ),
        (
            "copy s.t from :place iam_role default",
            "l[]? r[default]? o[iam_role]?",
        ),
        ("copy job run x", "l[]? r[]? o[]?"),
        (
            "unload ('select 1') to 's3://b/k' iam_role 'arn:x' allowoverwrite parallel off header",
            "l[s3://b/k] r[arn:x] o[iam_role allowoverwrite parallel-off header]",
        ),
        (
            "unload ('select 1') to 's3://b/k' iam_role default PARALLEL TRUE manifest",
            "l[s3://b/k] r[default] o[iam_role parallel parallel-on manifest]",
        ),
        (
            "unload ('frobnicate') to 's3://b/k' iam_role default",
            "l[s3://b/k]? r[default]? o[iam_role]?",
        ),
        (
            "unload ('select 1') to 's3://b/k' iam_role default frobnicate",
            "l[s3://b/k]? r[default]? o[iam_role]?",
        ),
        (
            "create external table s.t (a int) stored as parquet location 's3://b/k'",
            "l[s3://b/k] r[] o[]",
        ),
        (
            "alter table s.t set location 's3://b/k'",
            "l[s3://b/k] r[] o[]",
        ),
        (
            "create external table s.t (a int) frobnicate location 's3://b/k'",
            "l[]? r[] o[]",
        ),
        (
            "alter table s.t frobnicate location 's3://b/k'",
            "l[]? r[] o[]",
        ),
        (
            "unload ('select 1') to 's3://b/k' iam_role default parallel as off",
            "l[s3://b/k] r[default] o[iam_role parallel-off]",
        ),
        (
            "create external schema s from data catalog database 'd' iam_role 'arn:x'",
            "l[] r[arn:x] o[]",
        ),
    ] {
        assert_eq!(places(sql), expected, "{sql}");
    }
    assert!(is_option(|name| name == "parallel-off"));
    assert!(is_option(|name| name == "allowoverwrite"));
    assert!(!is_option(|name| name == "true"));
}

#[test]
fn a_secret_in_a_location_is_where_a_signature_stands() {
    let copy = |location: &str| format!("copy t from '{location}' iam_role default");
    for (whole, hidden, alike) in [
        ("s3://b/k?Signature=f00", "s3://b/k?Signature=x1", true),
        ("s3://b/f00/k", "s3://b/x1/k", false),
        ("s3://b/f00?k", "s3://b/x1?k", false),
        // Who names a folder so keeps a rule about it.
        ("s3://b/k?token=f00/finance", "s3://b/k?token=x1", false),
        ("s3://b/k?token=f00", "s3://b/k", false),
    ] {
        assert_eq!(
            read_alike(&copy(whole), &copy(hidden)),
            alike,
            "{whole} {hidden}"
        );
    }
}
